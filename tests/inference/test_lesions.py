import numpy as np
import pytest
import torch

from custom.enhancement import measure_enhancement
from custom.enhancement_classifier import CurveClassifier
from custom.inference.lesions import describe_lesions, find_lesions, measured_curves, slice_areas, volume_weighted

ALL_PHASES = np.ones(4, bool)


def boxes(*corners: tuple[slice, slice, slice]) -> np.ndarray:
    mask = np.zeros((10, 12, 6), np.float32)
    for corner in corners:
        mask[corner] = 0.9
    return mask


LARGE = (slice(1, 4), slice(1, 5), slice(0, 4))  # 12 voxels a slice, slices 0-3
SMALL = (slice(6, 8), slice(7, 10), slice(3, 5))  # 6 voxels a slice, slices 3-4


def test_lesions_are_numbered_by_size_and_small_ones_left_out():
    instances = find_lesions(boxes(SMALL, LARGE), voxel_volume_ml=0.05, min_volume_ml=0.1)
    assert instances[LARGE].tolist() == np.full((3, 4, 4), 1).tolist()
    assert (instances[SMALL] == 2).all()
    assert (instances > 0).sum() == 48 + 12
    assert find_lesions(boxes(SMALL, LARGE), voxel_volume_ml=0.05, min_volume_ml=0.61).max() == 1
    assert find_lesions(boxes(SMALL, LARGE), voxel_volume_ml=0.05, min_volume_ml=0.60).max() == 2  # 12 x 0.05


def test_the_threshold_itself_is_background_and_corners_connect():
    probability = np.zeros((4, 4, 4), np.float32)
    probability[0, 0, 0] = probability[1, 1, 1] = 0.51
    probability[3, 3, 3] = 0.5
    instances = find_lesions(probability, voxel_volume_ml=1.0, threshold=0.5, min_volume_ml=0.0)
    assert instances[0, 0, 0] == instances[1, 1, 1] == 1
    assert instances[3, 3, 3] == 0


def test_a_component_about_which_the_network_hesitates_is_no_lesion():
    probability = boxes(LARGE, SMALL)
    probability[SMALL] = 0.6
    probability[6, 7, 3] = 0.96  # the mean counts, 0.63 here, not the peak
    found = [find_lesions(probability, voxel_volume_ml=0.05, min_certainty=c).max() for c in (0.0, 0.62, 0.64, 0.95)]
    assert found == [2, 2, 1, 0]


def test_only_slices_where_a_lesion_is_alone_speak_for_it():
    instances = find_lesions(boxes(LARGE, SMALL), voxel_volume_ml=0.05)
    instances[1:4, 1:3, 1] = 0  # the large lesion's area is 12, 6, 12, 12 in slices 0-3
    slice_probabilities = np.array([[0.9, 0.6, 0.3, 0.5, 0.2, 0.0], [0.1, 0.4, 0.7, 0.5, 0.8, 1.0]])
    slice_enhancement = np.arange(24, dtype=float).reshape(4, 6)
    large, small = describe_lesions(
        instances,
        boxes(LARGE, SMALL),
        np.ones((4, 10, 12, 6)),
        voxel_volume_ml=0.05,
        phase_mask=ALL_PHASES,
        slice_probabilities=slice_probabilities,
        slice_enhancement=slice_enhancement,
    )
    # slice 3 holds both lesions: the large one is heard in slices 0, 1, 2 (12, 6, 12 voxels), the small one in slice 4
    np.testing.assert_allclose(large.class_probabilities[0], (12 * 0.9 + 6 * 0.6 + 12 * 0.3) / 30)
    np.testing.assert_allclose(large.regressed, [1, 7, 13, 19])
    np.testing.assert_allclose(small.class_probabilities, [0.2, 0.8])
    np.testing.assert_allclose(small.regressed, slice_enhancement[:, 4])
    assert not large.shared_slice
    assert not small.shared_slice
    assert large.volume_ml == pytest.approx(42 * 0.05)


def test_a_lesion_that_is_never_alone_takes_its_measured_curve_and_the_classifier():
    hidden = (slice(6, 8), slice(7, 10), slice(1, 3))
    probability = boxes(LARGE, hidden)
    instances = find_lesions(probability, voxel_volume_ml=0.05)
    image = np.ones((4, 10, 12, 6))
    curve = np.array([0.8, 1.7, 0.9, 0.8])
    image[:, *hidden] = curve[:, None, None, None]
    rng = np.random.default_rng(0)
    training = np.array([(0.6, 1.2, 1.4, 1.3), (0.8, 1.7, 0.9, 0.8)])[np.arange(40) % 2]
    classifier = CurveClassifier().fit(training * rng.uniform(0.8, 1.2, (40, 4)), np.arange(40) % 2)
    arguments = {
        "voxel_volume_ml": 0.05,
        "phase_mask": ALL_PHASES,
        "slice_probabilities": np.tile([[0.9], [0.1]], (1, 6)),
        "slice_enhancement": np.full((4, 6), 5.0),
    }
    large, small = describe_lesions(instances, probability, image, classifier=classifier, **arguments)
    assert small.shared_slice
    assert not large.shared_slice
    np.testing.assert_allclose(small.regressed, curve)
    np.testing.assert_allclose(small.class_probabilities, classifier.predict_proba(curve[None])[0])
    assert small.class_probabilities[1] > 0.8
    np.testing.assert_allclose(large.class_probabilities, [0.9, 0.1])
    _, without = describe_lesions(instances, probability, image, classifier=None, **arguments)
    np.testing.assert_allclose(without.class_probabilities, [0.9, 0.1])


def test_measured_curves_are_measure_enhancement_of_each_lesion():
    rng = np.random.default_rng(1)
    image = rng.uniform(0.1, 3, (4, 10, 12, 6)).astype(np.float32)
    instances = find_lesions(boxes(LARGE, SMALL), voxel_volume_ml=0.05)
    curves = measured_curves(instances, image, np.array([True, True, False, True]))
    for number in (1, 2):
        expected = measure_enhancement(torch.as_tensor(instances == number)[None, None], torch.as_tensor(image)[None])[
            0
        ]
        np.testing.assert_allclose(curves[number - 1][[0, 1, 3]], expected[[0, 1, 3]], rtol=1e-5)
        assert np.isnan(curves[number - 1][2])


def test_a_phase_that_does_not_cover_a_lesion_says_nothing_of_it():
    image = np.full((4, 10, 12, 6), 2.0, np.float32)
    instances = find_lesions(boxes(LARGE, SMALL), voxel_volume_ml=0.05)
    image[1][instances == 2] = 0  # a slab that ends before the second lesion
    x, y, z = (axis[0] for axis in np.nonzero(instances == 1))
    image[3, x, y, z] = 0  # one voxel
    curves = measured_curves(instances, image, np.ones(4, bool))
    np.testing.assert_array_equal(curves, [[2, 2, 2, 2], [2, np.nan, 2, 2]])
    depth = instances.shape[-1]
    arguments = {"voxel_volume_ml": 0.05, "phase_mask": np.ones(4, bool), "slice_enhancement": np.ones((4, depth))}
    _, second = describe_lesions(instances, np.ones(instances.shape), image, **arguments)
    np.testing.assert_array_equal(np.isnan(second.regressed), [False, True, False, False])


def test_no_lesion_gives_empty_tables():
    nothing = np.zeros((3, 4, 5), np.int32)
    assert slice_areas(nothing).shape == (0, 5)
    assert describe_lesions(nothing, nothing, np.ones((4, 3, 4, 5)), voxel_volume_ml=1.0, phase_mask=ALL_PHASES) == []


def test_the_study_is_the_volume_weighted_mean():
    np.testing.assert_allclose(volume_weighted([np.array([1.0, 0.0]), np.array([0.2, 0.8])], [3.0, 1.0]), [0.8, 0.2])

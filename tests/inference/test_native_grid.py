import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Invertd, Spacingd

from custom.inference import AggregateStudyd, KeepNatived, MeasureLesionsd, ReturnToNatived, SliceInferer
from custom.inference.native_grid import native_instances

CLASSES = ["hemangioma", "HCC"]


def predict(item, preprocessing, network):
    data = preprocessing(item)
    prediction = SliceInferer()(data["image"][None], network, data["phase_mask"][None])
    return {**data, "pred": {key: value[0] for key, value in prediction.items()}}


def ball(shape, centre, radius_mm, spacing_mm) -> np.ndarray:
    """Soft-edged ball, 1 inside, so that its 0.5 surface does not hang on the grid."""
    steps = [(axis - c) * s for axis, c, s in zip(np.indices(shape), centre, spacing_mm, strict=True)]
    return np.clip((radius_mm - np.sqrt(sum(step**2 for step in steps))) / 2.0 + 0.5, 0, 1)


def test_native_keeps_the_scanner_s_numbers_through_preprocessing(make_item, make_preprocessing):
    item = make_item()
    data = make_preprocessing(2.5)(item)
    np.testing.assert_array_equal(data["native"].numpy(), item["volumes"])
    np.testing.assert_array_equal(data["native"].affine.numpy(), item["affine"])
    assert data["image"].shape != data["native"].shape


def test_native_shares_memory_with_the_loaded_image():
    image = MetaTensor(torch.zeros(4, 3, 3, 3), affine=torch.diag(torch.tensor([2.0, 2, 5, 1])))
    kept = KeepNatived()({"image": image})
    assert kept["native"].data_ptr() == image.data_ptr()
    kept["image"].affine[0, 0] = 99.0
    assert float(kept["native"].affine[0, 0]) == 2.0


def test_on_the_same_spacing_an_asymmetric_tumour_returns_voxel_for_voxel(
    make_item, make_preprocessing, postprocessing, network
):
    """Oblique and flipped: only axis flips and padding lie between the grids, so nothing may change."""
    item = make_item()
    expected = np.where(item["volumes"][1] > 200, 2, 0)
    data = postprocessing(predict(item, make_preprocessing(), network))
    np.testing.assert_array_equal(data["pred"][0].numpy(), expected)
    np.testing.assert_array_equal(data["pred"].affine.numpy(), item["affine"])
    assert data["pred"].dtype == torch.uint8


@pytest.mark.parametrize("spacing_mm", [1.0, 2.5])
def test_at_another_spacing_a_ball_returns_to_its_place(
    make_item, make_preprocessing, postprocessing, network, spacing_mm
):
    shape, native_mm = (61, 57, 12), (1.1, 1.4, 5.0)
    soft = ball(shape, (22.3, 33.6, 6.0), 14.0, native_mm)
    item = make_item(spacing_mm=native_mm, lesions={2: np.zeros(shape, bool)})
    item["volumes"][:] += (soft * 150).astype(np.float32)
    data = postprocessing(predict(item, make_preprocessing(spacing_mm), network))
    found, truth = data["pred"][0].numpy() > 0, soft > 0.47  # the network's threshold is 70 of 150
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.95
    offset_mm = (np.argwhere(found).mean(0) - np.argwhere(truth).mean(0)) * native_mm
    assert np.abs(offset_mm).max() < 0.25
    expected_mm = item["affine"] @ [22.3, 33.6, 6.0, 1.0]
    np.testing.assert_allclose(data["lesions"][0]["centroid_mm"], expected_mm[:3], atol=0.3)


def test_it_agrees_with_monai_s_invertd(make_item, make_preprocessing, network):
    preprocessing = make_preprocessing(2.0)
    data = AggregateStudyd(classes=CLASSES)(predict(make_item(), preprocessing, network))
    ours = ReturnToNatived()(data)["pred"][0].numpy() > 0
    invert = Invertd(keys="probability", transform=preprocessing, orig_keys="image", nearest_interp=False)
    theirs = invert({"probability": data["probability"], "image": data["image"]})["probability"][0].numpy() > 0.5
    np.testing.assert_array_equal(ours, theirs)


def test_each_lesion_is_painted_with_its_own_class(make_item, make_preprocessing, postprocessing, network):
    shape = (48, 60, 9)
    hemangioma, hcc = np.zeros((2, *shape), bool)
    hemangioma[10:22, 12:20, 0:3] = True
    hcc[30:40, 35:44, 5:9] = True
    item = make_item(lesions={1: hemangioma, 2: hcc})
    data = postprocessing(predict(item, make_preprocessing(), network))
    np.testing.assert_array_equal(data["pred"][0].numpy(), hemangioma * 1 + hcc * 2)
    volumes = [lesion["volume_ml"] for lesion in data["lesions"]]
    assert volumes == pytest.approx([360 * 1.1 * 1.4 * 5 / 1000, 288 * 1.1 * 1.4 * 5 / 1000])
    assert [int(np.argmax(lesion["class_probabilities"])) for lesion in data["lesions"]] == [1, 0]


def test_touching_lesions_are_split_between_the_nearest():
    """Two lesions one voxel apart on a coarse grid: on a fine grid each half of the gap goes to its own side."""
    probability = np.zeros((6, 5, 3), np.float32)
    instances = np.zeros((6, 5, 3), np.int32)
    probability[1, 1:4, 1], instances[1, 1:4, 1] = 1.0, 1
    probability[3, 1:4, 1], instances[3, 1:4, 1] = 1.0, 2
    probability[2, 1:4, 1] = 0.49  # no tumour on this grid, but on a finer one right beside it
    fine = native_instances(
        probability,
        instances,
        network_affine=np.diag([2.0, 2.0, 5.0, 1.0]),
        native_shape=(24, 20, 3),
        native_affine=np.diag([0.5, 0.5, 5.0, 1.0]),
    )
    line = fine[:, 8, 1]
    assert line.tolist() == [0] * 3 + [1] * 5 + [0] + [2] * 5 + [0] * 10


def test_a_lesion_too_small_for_the_native_grid_is_named_and_left_out():
    affine = torch.eye(4, dtype=torch.float64)
    probability = torch.zeros(1, 9, 9, 3)
    probability[0, 1, 1, 1] = 1.0
    native = MetaTensor(torch.ones(4, 3, 3, 3), affine=torch.diag(torch.tensor([3.0, 3.0, 1.0, 1.0])).double())
    data = {
        "probability": MetaTensor(probability, affine=affine),
        "instances": MetaTensor((probability > 0.5).short(), affine=affine),
        "native": native,
        "lesions": [{"id": 1, "class_probabilities": [0.2, 0.8]}],
        "study": {"flags": ["gadoxetate"]},
    }
    data = ReturnToNatived()(data)
    assert data["lesions"] == []
    assert data["study"]["flags"] == ["gadoxetate", "lesion_below_resolution:1"]
    assert int(data["pred"].sum()) == 0


def test_curves_and_surroundings_are_measured_in_raw_units(make_item, make_preprocessing, postprocessing, network):
    data = postprocessing(predict(make_item(), make_preprocessing(), network))
    (lesion,) = data["lesions"]
    assert lesion["measured_raw"] == pytest.approx([80, 270, 130, 110])
    assert lesion["reference_raw"] == pytest.approx([100, 120, 160, 150])
    assert lesion["reference_tissue"] == "ring"
    assert data["study_values"]["measured_raw"] == pytest.approx([80, 270, 130, 110])
    assert data["study_values"]["volume_ml"] == pytest.approx(lesion["volume_ml"])


def test_the_ring_lies_5_to_15_mm_away_and_keeps_clear_of_other_lesions():
    shape, affine = (60, 30, 7), torch.diag(torch.tensor([1.0, 1.0, 5.0, 1.0], dtype=torch.float64))
    numbers = np.zeros(shape, np.int16)
    numbers[20:24, 10:14, 3] = 1
    numbers[34:36, 10:14, 3] = 2
    image = torch.full((4, *shape), 7.0)
    image[:, 9:35, :, :] = 50.0  # within 11 mm along x; beyond it the ring sees air (7 of scale 100)
    image[:, 30:40, 6:18, 2:5] = 999.0  # the other lesion and what it spills into its surroundings
    image[:, 16:28, 6:18, 3] = 999.0  # closer than 5 mm
    data = {
        "native": MetaTensor(image, affine=affine),
        "native_instances": torch.as_tensor(numbers)[None],
        "lesions": [
            {
                "id": i,
                "class_probabilities": None,
                "regressed": None,
                "shared_slice": False,
                "volume_ml": 0.0,
                "certainty": 1.0,
            }
            for i in (1, 2)
        ],
        "phase_mask": torch.tensor([True] * 4),
        "scale": 100.0,
    }
    lesion = MeasureLesionsd()(data)["lesions"][0]
    assert lesion["reference_raw"] == pytest.approx([50.0] * 4)
    liver = torch.zeros(1, *shape)
    liver[:, 10:13] = 1
    image[:, 10:13] = 60.0
    with_liver = MeasureLesionsd()({**data, "liver": liver})["lesions"][0]
    assert with_liver["reference_tissue"] == "liver"
    assert with_liver["reference_raw"] == pytest.approx([60.0] * 4)
    without_tissue = MeasureLesionsd()({**data, "liver": torch.zeros(1, *shape)})["lesions"][0]
    assert without_tissue["reference_raw"] is None
    assert without_tissue["reference_tissue"] is None


def test_no_lesion_leaves_an_empty_map_and_no_values(make_item, make_preprocessing, postprocessing, network):
    item = make_item(lesions={2: np.zeros((20, 22, 5), bool)})
    data = postprocessing(predict(item, make_preprocessing(2.5), network))
    assert data["pred"].shape == (1, 20, 22, 5)
    assert int(data["pred"].sum()) == 0
    assert data["lesions"] == []
    assert data["study_values"] == {
        "volume_ml": 0.0,
        "class_probabilities": None,
        "measured_raw": None,
        "regressed_raw": None,
    }


def test_spacing_leaves_the_shared_native_alone(make_item, make_preprocessing):
    item = make_item(spacing_mm=(2.5, 2.5, 5.0))
    item["affine"] = np.diag([2.5, 2.5, 5.0, 1.0])  # nothing to turn, nothing to resample: every step may pass views on
    data = make_preprocessing(2.5)(item)
    assert isinstance(Spacingd(keys="image", pixdim=[2.5, 2.5, -1])(data)["image"], MetaTensor)
    np.testing.assert_array_equal(data["native"].numpy(), item["volumes"])

import numpy as np
import pytest

from custom.inference.reference_tissue import reference_curve

SPACING_MM = np.array([2.0, 2.0, 4.0])
LEVELS = np.array([100.0, 180.0, 220.0, 150.0])
ALL = np.ones(4, bool)


@pytest.fixture
def exam():
    """Tissue of four levels with a spread of a tenth, a lesion in its middle, twice as bright."""
    rng = np.random.default_rng(0)
    image = LEVELS[:, None, None, None] * rng.normal(1, 0.1, (4, 40, 36, 20))
    instances = np.zeros((40, 36, 20), np.int16)
    instances[17:22, 16:20, 8:12] = 1
    image[:, instances > 0] *= 2
    return image, instances


def curve_of(image, instances, **options):
    return reference_curve(instances, 1, image, spacing_mm=SPACING_MM, phase_mask=ALL, scale=250.0, **options)


def test_the_tissue_around_a_lesion(exam):
    curve, count = curve_of(*exam)
    assert count > 1000
    np.testing.assert_allclose(curve, LEVELS, rtol=0.01)


def test_zeros_beyond_a_phases_slab_are_no_tissue(exam):
    image, instances = exam
    image[3, ..., 11:] = 0
    np.testing.assert_allclose(curve_of(image, instances)[0], LEVELS, rtol=0.01)
    image[3, ..., 5:] = 0  # hardly a voxel of the ring is left
    image[3, :20] = 0
    curve, _ = curve_of(image, instances, liver=np.indices(instances.shape)[2] > 3)
    np.testing.assert_allclose(curve[:3], LEVELS[:3], rtol=0.01)
    assert np.isnan(curve[3])


def test_it_keeps_away_from_lesions_beyond_the_ring(exam):
    image, instances = exam
    instances[30:36, 16:20, 8:12] = 2  # its surface lies 18 mm from the first one's
    image[:, 28:30, 12:24] = 1e4  # what lies within 5 mm of it
    alone = np.where(instances == 2, 0, instances)
    assert curve_of(image, instances)[1] < curve_of(image, alone)[1]
    x = np.indices(instances.shape)[0]
    beside = (x >= 28) & (x < 30)
    assert curve_of(image, instances, liver=beside)[1] < curve_of(image, alone, liver=beside)[1]

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from custom.transforms.motion import Motion
from custom.transforms.world_grid import resample_to_grid

TURN = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]])
GRID = np.diag([-1.5, -1.5, 3.0, 1.0])
GRID[:3, 3] = [9.0, 8.0, -6.0]
OTHER = np.eye(4)
OTHER[:3, :3] = TURN @ np.diag([1.1, -1.3, 2.0])
SHAPE, OTHER_SHAPE = (11, 10, 6), (44, 40, 20)
OTHER[:3, 3] = [1.5, 1.25, 1.5] - OTHER[:3, :3] @ [21.5, 19.5, 9.5]  # around the same centre, wide enough for any shift


def world(shape, affine):
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    return index @ affine[:3, :3].T + affine[:3, 3]


def ramp(points):
    return (100 + points @ np.array([2.0, -1.0, 3.0])).astype(np.float32)


def resample(data, motion, *, nearest=False, affine=OTHER):
    return resample_to_grid(data, affine, shape=SHAPE, target_affine=GRID, nearest=nearest, motion=motion)


def test_a_shift_moves_content_back_by_exactly_that_many_mm():
    """The phase holds at x + shift what the reference holds at x; on another, oblique grid."""
    shift = np.array([1.2, -0.7, 2.5])
    phase = ramp(world(OTHER_SHAPE, OTHER) - shift)
    np.testing.assert_allclose(resample(phase, Motion.translation(shift)).data, ramp(world(SHAPE, GRID)), rtol=1e-5)


def test_a_shift_on_one_grid_by_whole_voxels_is_a_copy():
    data = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    moved = resample(data, Motion.translation([1.5, -3.0, 6.0]), affine=GRID).data  # voxels -1, +2, +2
    np.testing.assert_allclose(moved[1:, :-2, :-2], data[:-1, 2:, 2:], atol=1e-5)


def test_grid_and_motion_are_one_interpolation():
    """Noise would lose variance in a second one: every voxel equals the one linear sample at the composed place."""
    data = np.random.default_rng(1).normal(size=OTHER_SHAPE).astype(np.float32)
    turn = np.eye(4)
    turn[:3, :3], turn[:3, 3] = TURN.T, [0.4, 1.1, -0.6]
    source = np.linalg.inv(OTHER) @ turn @ GRID @ np.stack([*np.indices(SHAPE), np.ones(SHAPE)]).reshape(4, -1)
    expected = map_coordinates(data, source[:3], order=1, mode="nearest").reshape(SHAPE)
    np.testing.assert_allclose(resample(data, Motion(turn)).data, expected, atol=1e-5)


def smooth_field(points):
    return np.stack([np.sin(points[..., 2] / 15), 0.05 * points[..., 0], 0.03 * points[..., 1]]).astype(np.float32)


@pytest.fixture
def bent():
    """A shift, a small turn and a smooth field, which is given on a coarse grid of its own."""
    affine = np.diag([2.0, 2.0, 1.0, 1.0])
    affine[:3, 3] = [-12.0, -12.0, -9.0]
    matrix = np.eye(4)
    matrix[:3, 3] = [0.5, -0.5, 1.0]
    return Motion(matrix, smooth_field(world((13, 13, 22), affine)), affine)


def test_a_field_adds_to_the_matrix(bent):
    points = world(SHAPE, GRID)
    expected = ramp(points + bent.matrix[:3, 3] + np.moveaxis(smooth_field(points), 0, -1))
    np.testing.assert_allclose(resample(ramp(world(OTHER_SHAPE, OTHER)), bent).data, expected, atol=0.05)


def test_a_field_of_zeros_changes_nothing(bent):
    data = np.random.default_rng(2).normal(size=OTHER_SHAPE).astype(np.float32)
    flat = bent._replace(field=np.zeros_like(bent.field))
    np.testing.assert_allclose(resample(data, flat).data, resample(data, Motion(bent.matrix)).data, atol=1e-5)


@pytest.mark.parametrize("field", [False, True])
def test_masks_stay_masks(bent, field):
    mask = np.zeros(OTHER_SHAPE, np.uint8)
    mask[18:26, 16:24, 8:13] = 2
    moved = resample(mask, bent if field else Motion(bent.matrix), nearest=True).data
    assert moved.dtype == np.uint8
    assert np.unique(moved).tolist() == [0, 2]


def test_a_shift_beyond_the_end_holds_the_last_slice():
    """A correction must not turn signal into nothing; what was never acquired stays 0."""
    data = np.arange(1, 7, dtype=np.float32) * np.ones(SHAPE, np.float32)
    up = Motion.translation([0, 0, 6.0])  # two slices
    assert resample(data, up, affine=GRID).data[5, 5].tolist() == [3, 4, 5, 6, 6, 6]
    short = resample(data[:, :, :4], up, affine=GRID)
    assert short.data[5, 5].tolist() == [3, 4, 4, 4, 0, 0]
    assert short.coverage == pytest.approx(4 / 6)

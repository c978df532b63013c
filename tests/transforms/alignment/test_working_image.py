import numpy as np
import pytest

from custom.data import Volume
from custom.transforms.alignment.working_image import working_image


def ramp(shape, affine):
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    return (index @ affine[:3, :3].T + affine[:3, 3]) @ np.array([1.0, 10.0, 100.0])


@pytest.mark.parametrize(
    ("order", "spacing", "factors"),
    [
        (np.diag([-1, -1, 1]), (0.8, 0.8, 3.0), (6, 6, 1)),  # axial DICOM
        (np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]), (1.6, 2.4, 8.0), (3, 2, 1)),  # sagittal, head first
        (np.diag([1, 1, -1]), (7.0, 7.0, 16.0), (1, 1, 1)),  # coarser than the working image: as it is
    ],
)
def test_blocks_are_averaged_where_they_lie(order, spacing, factors):
    """A ramp in world coordinates stays that ramp, on axes to the right, to the front and to the head."""
    affine = np.eye(4)
    affine[:3, :3] = order @ np.diag(spacing)
    affine[:3, 3] = [12.0, -30.0, 7.0]
    shape = (25, 26, 9)
    image = working_image(Volume(data=ramp(shape, affine), affine=affine, source="ramp"))
    assert (np.diag(image.affine)[:3] > 0).all()
    counts = np.abs(order) @ (np.array(shape) // factors)
    assert image.data.shape == tuple(counts)
    np.testing.assert_allclose(image.spacing_mm, np.abs(order) @ (np.array(spacing) * factors))
    np.testing.assert_allclose(image.data, ramp(image.data.shape, image.affine), rtol=1e-5, atol=1e-2)


def test_a_mask_becomes_the_share_of_each_block():
    mask = np.zeros((8, 8, 4), np.uint8)
    mask[2:4, 0:4, 1] = 3
    share = working_image(Volume(data=mask, affine=np.diag([2.5, 2.5, 8.0, 1.0]), source="mask")).data
    assert share[1, :2, 1].tolist() == [1.0, 1.0]
    assert share.sum() == 2.0

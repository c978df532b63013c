import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation

from custom.transforms import CheckSliceAxisd
from custom.types import InputError


def stack(columns, spacing_mm):
    """Voxel axes along the named world axes."""
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, list(columns)] @ np.diag(spacing_mm)
    return MetaTensor(torch.zeros(4, 6, 5, 4), affine=torch.tensor(affine))


@pytest.mark.parametrize(
    ("columns", "spacing_mm"),
    [
        ((0, 1, 2), (1.0, 1.2, 8.0)),  # axial, thick
        ((0, 2, 1), (1.5, 1.5, 2.5)),  # coronal, near-isotropic
        ((1, 2, 0), (2.0, 2.0, 2.0)),  # sagittal, isotropic
        ((2, 0, 1), (8.0, 1.0, 1.0)),  # axial, slices first
    ],
)
def test_axial_or_near_isotropic_passes(columns, spacing_mm):
    image = stack(columns, spacing_mm)
    assert CheckSliceAxisd()({"image": image})["image"] is image
    CheckSliceAxisd()({"image": Orientation(axcodes="LPS", labels=None)(image)})


@pytest.mark.parametrize("oriented", [False, True])
@pytest.mark.parametrize(("columns", "name"), [((0, 2, 1), "coronal"), ((1, 2, 0), "sagittal")])
def test_thick_slices_of_another_plane_are_an_error(columns, name, oriented):
    image = stack(columns, (1.2, 1.2, 6.0))
    image = Orientation(axcodes="LPS", labels=None)(image) if oriented else image
    with pytest.raises(InputError, match=rf"case-01: found a {name} stack of 6\.0 mm slices with 1\.2 mm pixels"):
        CheckSliceAxisd()({"image": image, "study": {"case": "case-01"}})


def test_oblique_axial_passes_and_the_limit_can_be_moved():
    turn = np.array([[1, 0, 0], [0, 0.88, -0.475], [0, 0.475, 0.88]])  # 28 degrees
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.2, 1.2, 6.0])
    CheckSliceAxisd()({"image": MetaTensor(torch.zeros(4, 6, 5, 4), affine=torch.tensor(affine))})
    CheckSliceAxisd(max_anisotropy=5.0)({"image": stack((0, 2, 1), (1.2, 1.2, 6.0))})

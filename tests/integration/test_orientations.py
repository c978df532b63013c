"""Coronal and sagittal studies through the shipped configurations: read as axial slices, returned to their own grid."""

import nibabel as nib
import numpy as np
import pytest
import torch

from custom.inference import SliceInferer, StudyFailure
from custom.types import PHASES

SHAPE_AXIAL = (60, 48, 34)  # right, front, up
CURVES = {0: (100, 120, 160, 150), 1: (80, 270, 130, 110)}  # liver, tumour
PLANES = {  # order of the axial array's axes, and which of them run the other way
    "coronal": ((0, 2, 1), (1,)),
    "sagittal": ((1, 2, 0), (0, 1)),
    "axial": ((0, 1, 2), ()),
}


class Brightness(torch.nn.Module):
    """Tumour is what more than doubles in the arterial phase."""

    def forward(self, image, phase_mask=None):
        seg = (image[:, 1:2] - 2.0 * image[:, 0:1]) * 20.0
        return {"seg": seg, "enhancement": image.mean((2, 3)), "class_logits": torch.zeros(len(image), 2)}


def asymmetric_tumour() -> np.ndarray:
    """An L with a foot: different in every direction."""
    mask = np.zeros(SHAPE_AXIAL, bool)
    mask[10:40, 12:20, 8:16] = True
    mask[10:18, 12:40, 8:14] = True
    mask[12:16, 14:18, 8:30] = True
    return mask


def write_study(folder, plane, edges_mm, turn_deg=0.0):
    """The same body stacked in another plane; returns the tumour and the affine that were written."""
    axes, flips = PLANES[plane]
    affine = np.eye(4)
    affine[:3, :3] = np.diag(edges_mm)
    affine[:3, 3] = (-53.0, -41.0, 17.0)
    angle = np.deg2rad(turn_deg)
    affine[:3, :3] = (
        np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]) @ affine[:3, :3]
    )
    mask = asymmetric_tumour().transpose(axes)
    affine[:3, :3] = affine[:3, :3][:, list(axes)]
    for axis in flips:
        mask = np.flip(mask, axis)
        affine[:3, 3] += affine[:3, axis] * (mask.shape[axis] - 1)
        affine[:3, axis] *= -1
    folder.mkdir(parents=True)
    for k, phase in enumerate(PHASES):
        values = np.array([CURVES[0][k], CURVES[1][k]], np.int16)[mask.astype(int)]
        nib.save(nib.Nifti1Image(values, affine), folder / f"{phase}.nii.gz")
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), affine), folder / "tumour.nii.gz")
    return mask, affine


def infer(shipped, studies):
    """The first study's data behind the shipped pre- and postprocessing, around a network that needs no weights."""
    options = {"dataset_dir": str(studies), "spacing_mm": 2.0, "curve_classifier": None}
    parser = shipped.build(["inference.json"], workflow_type="infer", **options).parser
    data = parser.get_parsed_content("dataset")[0]
    if isinstance(data, StudyFailure):
        return data
    out = SliceInferer()(data["image"][None], Brightness(), data["phase_mask"][None])
    steps = parser.get_parsed_content("postprocessing").transforms[:2]  # lesions, and their way back
    data = {**data, "pred": {key: value[0] for key, value in out.items()}}
    for step in steps:
        data = step(data)
    return data


@pytest.mark.parametrize("plane", PLANES)
def test_a_near_isotropic_stack_is_read_as_axial_and_returns_to_its_own_grid(shipped, tmp_path, plane):
    """At the network's spacing nothing lies between the grids but turned axes: every voxel must come back."""
    mask, affine = write_study(tmp_path / plane, plane, (2.0, 2.0, 2.2))
    data = infer(shipped, tmp_path)
    directions = data["image"].affine.numpy()[:3, :3]
    np.testing.assert_allclose(directions / np.linalg.norm(directions, axis=0), np.diag([-1, -1, 1]), atol=1e-6)
    assert data["image"].shape[-1] == SHAPE_AXIAL[2]
    np.testing.assert_array_equal(data["pred"][0].numpy() > 0, mask)
    np.testing.assert_allclose(data["pred"].affine.numpy(), affine, atol=1e-4)
    (lesion,) = data["lesions"]
    assert lesion["volume_ml"] == pytest.approx(mask.sum() * 2.0 * 2.0 * 2.2 / 1000, rel=1e-3)


def test_a_coronal_stack_of_other_voxels_returns_to_its_place(shipped, tmp_path):
    """1.4 mm pixels, 2.5 mm slices, tilted by 12°: resampled on the way, the tumour stays where it was."""
    mask, affine = write_study(tmp_path / "c", "coronal", (1.4, 2.5, 1.4), turn_deg=12)
    data = infer(shipped, tmp_path)
    found = data["pred"][0].numpy() > 0
    assert 2 * (found & mask).sum() / (found.sum() + mask.sum()) > 0.9
    offset_mm = affine[:3, :3] @ (np.argwhere(found).mean(0) - np.argwhere(mask).mean(0))
    assert np.abs(offset_mm).max() < 0.5


@pytest.mark.parametrize("plane", ["coronal", "sagittal"])
def test_thick_slices_of_another_plane_are_refused_by_name(shipped, tmp_path, plane):
    thick = {"coronal": (1.4, 6.0, 1.4), "sagittal": (6.0, 1.4, 1.4)}[plane]
    write_study(tmp_path / "c", plane, thick)
    failure = infer(shipped, tmp_path)
    assert f"a {plane} stack of 6.0 mm slices with 1.4 mm pixels" in failure.message
    assert "Use the axial series" in failure.message


def test_training_sees_the_same_slices_whatever_the_plane(shipped, phantom, tmp_path):
    """Images and labels of one body, stacked in three planes, are equal on the network's grid."""
    options = {**shipped.small_training, "dataset_dir": str(phantom), "spacing_mm": 2.0}
    parser = shipped.build(["train.json"], **options).parser
    steps = parser.get_parsed_content("train#deterministic_transforms")
    seen = {}
    for plane in PLANES:
        write_study(tmp_path / plane, plane, (2.0, 2.0, 2.2))
        data = {"case": plane, "image": str(tmp_path / plane), "lesion_class": "HCC"}
        for step in steps:
            data = step(data)
        seen[plane] = data
    for plane in ("coronal", "sagittal"):
        torch.testing.assert_close(seen[plane]["image"].as_tensor(), seen["axial"]["image"].as_tensor())
        assert torch.equal(seen[plane]["label"].as_tensor(), seen["axial"]["label"].as_tensor())
    assert seen["axial"]["label"].sum() > 1000

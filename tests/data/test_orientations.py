"""Where voxels lie, however slices are stacked: against positions by hand, and SimpleITK where it is right.

Slices have 5 rows and 7 columns, 1.25 mm from column to column, 1.5 mm from row to row, 3 mm apart; the first one's
corner lies at LPS (10, 20, 30). The hand-computed place is that of voxel (6, 4, 3) in RAS+ mm.
"""

import struct

import nibabel
import numpy as np
import pydicom
import pytest

from custom.data import load_study
from custom.types import InputError

sitk = pytest.importorskip("SimpleITK")
ALONE = {"*": {"portal_venous": "5"}}
ORIGIN = (10.0, 20.0, 30.0)
LAST = (6, 4, 3)
STACKS = {  # rows run along, columns run along (LPS), step along the normal, place of the last voxel in RAS
    "axial": ((1, 0, 0), (0, 1, 0), 3.0, (-17.5, -26.0, 39.0)),
    "axial, written from the head": ((1, 0, 0), (0, 1, 0), -3.0, (-17.5, -26.0, 30.0)),
    "sagittal": ((0, 1, 0), (0, 0, -1), 3.0, (-1.0, -27.5, 24.0)),
    "coronal": ((1, 0, 0), (0, 0, -1), 3.0, (-17.5, -29.0, 24.0)),
    "prone": ((-1, 0, 0), (0, -1, 0), 3.0, (-2.5, -14.0, 39.0)),
    "feet first": ((-1, 0, 0), (0, 1, 0), 3.0, (-2.5, -26.0, 21.0)),
    "lying on the right side": ((0, -1, 0), (1, 0, 0), 3.0, (-16.0, -12.5, 39.0)),
    "lying on the left side": ((0, 1, 0), (-1, 0, 0), 3.0, (-4.0, -27.5, 39.0)),
    "oblique": ((0.8, 0.6, 0), (0.36, -0.48, 0.8), 3.0, (-22.48, -15.86, 29.4)),
}


def place(affine, voxel):
    return (affine @ (*voxel, 1))[:3]


def by_simpleitk(image, voxel):
    """RAS mm of a voxel, by the image that SimpleITK made."""
    return np.array(image.TransformIndexToPhysicalPoint(tuple(voxel))) * (-1, -1, 1)


@pytest.mark.parametrize("name", STACKS)
def test_dicom_stacks(dicom, volumes, name):
    rows, columns, step_mm, last = STACKS[name]
    paths = dicom.series([volumes["pre"]], 5, axes=(rows, columns), origin=ORIGIN, step_mm=step_mm)
    volume = load_study(dicom.root, phase_map=ALONE).phases["portal_venous"]
    np.testing.assert_allclose(place(volume.affine, LAST), last, atol=1e-4)
    expected = volumes["pre"] if step_mm > 0 else volumes["pre"][:, :, ::-1]
    np.testing.assert_array_equal(volume.data, expected)

    ordered = paths if step_mm > 0 else paths[::-1]
    image = sitk.ReadImage([str(path) for path in ordered])
    for voxel in ((0, 0, 0), (6, 0, 0), (0, 4, 0), (0, 0, 3), LAST):
        np.testing.assert_allclose(place(volume.affine, voxel), by_simpleitk(image, voxel), atol=1e-4)
    np.testing.assert_array_equal(volume.data, sitk.GetArrayFromImage(image).transpose(2, 1, 0))


def drifting(dicom, volumes, drift_mm):
    """An axial series each of whose slices lies a little further back than the one below, as under a tilted gantry."""
    paths = dicom.series([volumes["pre"]], 5, origin=ORIGIN)
    for k, path in enumerate(paths):
        file = pydicom.dcmread(path)
        x, y, z = file.ImagePositionPatient
        file.ImagePositionPatient = [x, f"{float(y) + k * drift_mm:.4f}", z]
        file.save_as(path)
    return paths


def test_a_drifting_stack_keeps_every_slice_in_its_place(dicom, volumes):
    """SimpleITK puts all slices above each other, 0.3 mm off at the last one: by hand 20 + 4 · 1.5 + 3 · 0.1 = 26.3."""
    paths = drifting(dicom, volumes, 0.1)
    study = load_study(dicom.root, phase_map=ALONE)
    affine = study.phases["portal_venous"].affine
    np.testing.assert_allclose(place(affine, LAST), (-17.5, -26.3, 39.0), atol=1e-4)
    np.testing.assert_allclose(place(affine, (0, 0, 3)), (-10.0, -20.3, 39.0), atol=1e-4)
    assert "sheared_stack" in study.flags
    assert by_simpleitk(sitk.ReadImage([str(path) for path in paths]), LAST)[1] == pytest.approx(-26.0, abs=0.02)


def test_a_tilted_gantry_is_an_error(dicom, volumes):
    drifting(dicom, volumes, 0.3)
    with pytest.raises(InputError, match=r"slices stacked 5\.7° off their normal; expected at most 3°"):
        load_study(dicom.root, phase_map=ALONE)


TURN = np.array([[0.8, 0.36, 0.48], [0.6, -0.48, -0.64], [0.0, 0.8, -0.6]])  # columns: right, front, up of the voxels
EDGES = np.diag([1.25, 1.5, 3.0])
NIFTI = {  # 3 × 3 in RAS mm, and the place of voxel (6, 4, 3), which starts at (-10, -20, 30)
    "axial": (np.diag([1.25, 1.5, 3.0]), (-2.5, -14.0, 39.0)),
    "axial, flipped": (np.diag([-1.25, -1.5, 3.0]), (-17.5, -26.0, 39.0)),
    "upside down": (np.diag([-1.25, 1.5, -3.0]), (-17.5, -14.0, 21.0)),
    "sagittal": (np.array([[0, 0, 3.0], [1.25, 0, 0], [0, -1.5, 0]]), (-1.0, -12.5, 24.0)),
    "coronal": (np.array([[1.25, 0, 0], [0, 0, -3.0], [0, 1.5, 0]]), (-2.5, -29.0, 36.0)),
    "oblique": (TURN @ EDGES, (-10 + 6.0 + 2.16 + 4.32, -20 + 4.5 - 2.88 - 5.76, 30 + 0.0 + 4.8 - 5.4)),
    "left-handed": (np.diag([-1.25, 1.5, 3.0]), (-17.5, -14.0, 39.0)),
}


def nifti_by_hand(path, data, matrix, *, code):
    """A NIfTI-1 file whose sform is written byte by byte; its qform stays unset."""
    path.parent.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2h", content, 252, 0, code)
    struct.pack_into("<12f", content, 280, *np.column_stack([matrix, (-10, -20, 30)]).ravel())
    struct.pack_into("<3f", content, 80, *np.linalg.norm(matrix, axis=0))
    path.write_bytes(content)


@pytest.mark.parametrize("name", NIFTI)
def test_nifti_orientations(tmp_path, volumes, name):
    matrix, last = NIFTI[name]
    path = tmp_path / "c" / "pv.nii"
    nifti_by_hand(path, volumes["pre"], matrix, code=1)
    study = load_study(tmp_path / "c")
    volume = study.phases["portal_venous"]
    np.testing.assert_allclose(place(volume.affine, LAST), last, atol=1e-5)
    np.testing.assert_allclose(place(volume.affine, (0, 0, 0)), (-10, -20, 30), atol=1e-5)
    np.testing.assert_array_equal(volume.data, volumes["pre"])
    assert not any(flag.startswith("geometry") for flag in study.flags)
    image = sitk.ReadImage(str(path))
    np.testing.assert_allclose(place(volume.affine, LAST), by_simpleitk(image, LAST), atol=1e-4)
    np.testing.assert_array_equal(volume.data, sitk.GetArrayFromImage(image).transpose(2, 1, 0))


def test_a_sheared_nifti_keeps_its_shear(tmp_path, volumes):
    """Slices that step 0.4 mm to the right and 0.7 mm back; SimpleITK refuses or straightens it, so by hand."""
    matrix = np.array([[1.25, 0.0, 0.4], [0.0, 1.5, -0.7], [0.0, 0.0, 3.0]])
    nifti_by_hand(tmp_path / "c" / "pv.nii", volumes["pre"], matrix, code=1)
    volume = load_study(tmp_path / "c").phases["portal_venous"]
    expected = (-10 + 6 * 1.25 + 3 * 0.4, -20 + 4 * 1.5 - 3 * 0.7, 39.0)
    np.testing.assert_allclose(place(volume.affine, LAST), expected, atol=1e-5)
    np.testing.assert_allclose(place(volume.affine, (6, 4, 0)), (-2.5, -14.0, 30.0), atol=1e-5)


@pytest.mark.parametrize("handed", [1.0, -1.0])
def test_a_qform_alone_places_the_voxels(tmp_path, volumes, handed):
    """A quarter turn about z, (a, b, c, d) = (√½, 0, 0, √½): x of the voxels runs to the front, y to the left."""
    path = tmp_path / "c" / "pv.nii"
    nifti_by_hand(path, volumes["pre"], EDGES, code=0)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2h", content, 252, 1, 0)
    struct.pack_into("<6f", content, 256, 0.0, 0.0, np.sqrt(0.5), -10.0, -20.0, 30.0)
    struct.pack_into("<f", content, 76, handed)
    path.write_bytes(content)
    volume = load_study(tmp_path / "c").phases["portal_venous"]
    np.testing.assert_allclose(place(volume.affine, LAST), (-16.0, -12.5, 30 + 9 * handed), atol=1e-4)
    np.testing.assert_allclose(place(volume.affine, LAST), by_simpleitk(sitk.ReadImage(str(path)), LAST), atol=1e-4)

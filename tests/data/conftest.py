"""Small studies on disk: NIfTI by nibabel, DICOM by pydicom; every volume is asymmetric so that flips show."""

import nibabel
import numpy as np
import pytest

SHAPE = (7, 5, 4)
AFFINE = np.array([[0.0, -2.0, 0.3, 11.0], [1.5, 0.0, 0.0, -23.0], [0.0, 0.4, 4.0, 35.0], [0, 0, 0, 1]])


def asymmetric(seed: int, shape=SHAPE) -> np.ndarray:
    """A volume without any symmetry: noise plus a different ramp along each axis."""
    i, j, k = np.indices(shape)
    return (np.random.default_rng(seed).integers(0, 50, shape) + 100 + 10 * i + 3 * j + 40 * k).astype(np.int16)


@pytest.fixture
def volumes():
    """The four phases' voxels, (X, Y, Z) int16."""
    return {phase: asymmetric(k) for k, phase in enumerate(("pre", "arterial", "portal_venous", "delayed"))}


@pytest.fixture
def save_nifti():
    """Write a NIfTI file: ``save_nifti(path, data, affine=...)``."""

    def save(path, data, affine=AFFINE, **header):
        path.parent.mkdir(parents=True, exist_ok=True)
        image = nibabel.Nifti1Image(data, affine)
        for key, value in header.items():
            image.header[key] = value
        nibabel.save(image, path)
        return path

    return save


@pytest.fixture
def nifti_study(tmp_path, volumes, save_nifti):
    """A folder with one NIfTI per phase under the plain names; returns the folder."""
    folder = tmp_path / "case 01 ä"
    for phase, data in volumes.items():
        save_nifti(folder / f"{phase}.nii.gz", data)
    return folder

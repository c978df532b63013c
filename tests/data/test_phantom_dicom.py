"""The phantom's vendor dialects, read back without any phase map: same voxels, same phases, right times."""

import nibabel
import numpy as np
import pytest

from custom.data import load_study
from custom.data.phantom import DIALECTS, reoriented, simulate_study, write_dicom
from custom.types import PHASES


@pytest.fixture(scope="module")
def phantom():
    """One simulated study with a lesion."""
    return simulate_study(seed=5, lesions=["HCC"])


@pytest.mark.parametrize("layout", sorted(DIALECTS))
def test_dialect_is_read_as_written(tmp_path, phantom, layout):
    write_dicom(phantom, tmp_path / "c", layout=layout, shuffle_instance_numbers=True, localiser=True)
    study = load_study(tmp_path / "c")
    assert tuple(study.phases) == PHASES
    assert study.label is not None
    assert any(entry["reason"] == "localiser" for entry in study.set_aside)
    phantom = reoriented(phantom, tilt_deg=DIALECTS[layout].tilt_deg)
    for p, phase in enumerate(PHASES):
        volume = study.phases[phase]
        np.testing.assert_allclose(
            canonical(volume.data, volume.affine), canonical(phantom.images[p], phantom.affine), atol=1.0
        )
    times = [study.phases[phase].time_s for phase in PHASES]
    if layout == "blocks":  # tells no times
        assert set(times) == {None}
        return
    np.testing.assert_allclose(np.diff(times), np.diff([phantom.truth["times_s"][phase] for phase in PHASES]), atol=0.2)


def canonical(data, affine):
    """Voxels with axes along R, A, S, whatever the file's axes."""
    return nibabel.as_closest_canonical(nibabel.Nifti1Image(np.asarray(data, np.float32), affine)).get_fdata()

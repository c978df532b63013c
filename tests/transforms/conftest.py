"""Hand-built studies: what the transforms see, without any file."""

import numpy as np
import pytest

from custom.data import Study, Volume
from custom.types import PHASES


@pytest.fixture
def make_volume():
    """A volume from an array and an affine; 1.5 x 1.5 x 3 mm axial unless told."""

    def make(data, affine=None, source="volume.nii.gz", time_s=None):
        affine = np.diag([1.5, 1.5, 3.0, 1.0]) if affine is None else np.asarray(affine, dtype=np.float64)
        return Volume(data=data, affine=affine, source=source, time_s=time_s, evidence={"rule": "by hand"})

    return make


@pytest.fixture
def make_study(make_volume):
    """A study whose phases are the given arrays (or volumes), on one grid unless told."""

    def make(phases=None, *, affine=None, label=None, phase_labels=None, lesion_class=None, flags=()):
        if phases is None:
            rng = np.random.default_rng(0)
            phases = {p: rng.uniform(50, 900, (20, 18, 7)).astype(np.float32) for p in PHASES}
        volumes = {
            p: v if isinstance(v, Volume) else make_volume(v, affine, f"{p}.nii.gz", float(i))
            for i, (p, v) in enumerate(phases.items())
        }
        as_mask = lambda m: m if m is None or isinstance(m, Volume) else make_volume(m, affine, "tumour.nii.gz")  # noqa: E731
        return Study(
            case="case-01",
            phases=volumes,
            reference_phase="portal_venous",
            label=as_mask(label),
            phase_labels={p: as_mask(m) for p, m in (phase_labels or {}).items()},
            liver=None,
            lesion_class=lesion_class,
            patient="patient-secret",
            flags=tuple(flags),
            set_aside=({"series": "7", "reason": "localiser"},),
        )

    return make


@pytest.fixture
def load(monkeypatch):
    """Run LoadStudyd on a hand-built study instead of files."""
    import custom.transforms.load_study as module

    def run(study, item=None, **arguments):
        monkeypatch.setattr(module, "load_study", lambda data, **settings: study)
        return module.LoadStudyd(**arguments)({"case": study.case} if item is None else item)

    return run

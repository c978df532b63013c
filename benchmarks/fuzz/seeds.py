"""Good studies to damage: the phantom in every dialect, NIfTI form and kind of mask, and real scanner files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from custom.data.phantom import DIALECTS, simulate_study, write_dicom, write_nifti
from custom.types import PHASES

from .masks import write_nrrd, write_seg

_REAL = {  # folder of real files: (its path, phase → series and time point, how much of it is taken)
    "real GE": ("ge_multiphase/SliceTimingMPh/2_fMRI_Multiphase_Des", ("2@1", "2@3", "2@6", "2@10"), 100),
    "real Philips": ("philips_temporal/Magdeburg_2014/fmri", ("201@1", "201@2", "201@3"), 100),
    "real enhanced": ("enhanced_multiframe/In/Siemens/XA10", ("6@1", "6@2", "6@3", "6@4"), 100),
    "real JPEG 2000": ("compressed/compressed_j2k/001", (None, None, "4"), 100),
    "real JPEG": ("compressed/compressed_jpeg/001", (None, None, "4"), 100),
    "real JPEG-LS": ("compressed/compressed_jpegls/001", (None, None, "4"), 100),
    "real RLE": ("compressed/compressed_rle/001", (None, None, "4"), 100),
}


@dataclass(frozen=True)
class Seed:
    """A good study: its folder, and the phase map that names its phases (``None``: the evidence does).

    Args:
        targets: names of the files that are damaged.
    """

    name: str
    folder: Path
    phase_map: dict | None = None
    targets: str = "*"

    def files(self) -> list[Path]:
        """Its files, in the order of their names."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


def make_seeds(root: Path, real: Path | None = None) -> list[Seed]:
    """Write every seed below a folder, which is made; those that lie there already are taken as they are."""
    seeds = [_dialect(root, layout) for layout in DIALECTS]
    seeds += [_nifti(root, form) for form in ("gz", "plain", "four-dimensional", "qform alone")]
    seeds += [_masked(root, name) for name in ("tumour.seg.nrrd", "tumour.nrrd", "liver.nrrd", "seg.dcm")]
    return seeds + ([_real(root, name, real) for name in _REAL] if real is not None else [])


def _dialect(root: Path, layout: str) -> Seed:
    folder = root / f"dicom {layout}" / "study"
    if not folder.exists():
        write_dicom(simulate_study(seed=5, preset="tiny"), folder, layout=layout, seed=5)
        (folder / "tumour.nii.gz").unlink()
    return Seed(f"dicom {layout}", folder)


def _nifti(root: Path, form: str) -> Seed:
    folder = root / f"nifti {form}" / "study"
    if not folder.exists():
        write_nifti(simulate_study(seed=6, preset="tiny"), folder)
        if form != "gz":
            images = {path: nib.load(path) for path in folder.glob("*.nii.gz")}
            stacked = np.stack([np.asarray(images[folder / f"{phase}.nii.gz"].dataobj) for phase in PHASES], -1)
            for path, image in images.items():
                if form == "qform alone":
                    image.set_sform(None, code=0)
                if form != "four-dimensional":
                    nib.save(image, path.with_suffix(""))
            if form == "four-dimensional":
                nib.save(nib.Nifti1Image(stacked, image.affine), folder / "dynamic.nii")
            for path in images:
                path.unlink()
    return Seed(f"nifti {form}", folder)


def _masked(root: Path, mask: str) -> Seed:
    """NIfTI phases and a mask in another form, which alone is damaged."""
    folder = root / f"mask {mask}" / "study"
    if not folder.exists():
        study = simulate_study(seed=6, preset="tiny")
        write_nifti(study, folder)
        (folder / "tumour.nii.gz").unlink()
        if mask == "seg.dcm":
            write_seg(folder / mask, study.tumour, study.affine, segment="Tumour")
        else:
            segment = "Tumour" if ".seg" in mask else ""
            write_nrrd(folder / mask, study.tumour, study.affine, segment=segment, compressed=mask != "tumour.nrrd")
    return Seed(f"mask {mask}", folder, targets=mask)


def _real(root: Path, name: str, real: Path) -> Seed:
    source, points, _ = _REAL[name]
    folder = root / name / "study"
    if not folder.exists():
        shutil.copytree(real / source, folder, ignore=shutil.ignore_patterns("*.txt"))
    selectors = {phase: point for phase, point in zip(PHASES, points, strict=False) if point}
    return Seed(name, folder, {"*": selectors})

"""Time from a folder of DICOM to arrays on one grid: ours beside SimpleITK's bare series reader, in one process run.

    python benchmarks/study_loading.py --size 256 --slices 80

Writes a phantom study of four series into a temporary folder first.  SimpleITK (not a dependency) is told which files
belong together; ours finds series, time points and phases, checks geometry and intensities, and resamples.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from custom.data.phantom import write_dicom
from custom.data.phantom.simulate import simulate_study
from custom.transforms import LoadStudyd


def enlarged(size: int, slices: int):
    """A phantom study with its voxels repeated to ``size`` x ``size`` x ``slices``."""
    study = simulate_study(seed=1, lesions=("HCC",))
    factors = (size // study.images.shape[1], size // study.images.shape[2], slices // study.images.shape[3])
    images = study.images.repeat(factors[0], 1).repeat(factors[1], 2).repeat(factors[2], 3)
    tumour = study.tumour.repeat(factors[0], 0).repeat(factors[1], 1).repeat(factors[2], 2)
    affine = study.affine @ np.diag([*(1 / f for f in factors), 1])
    return replace(study, images=images, tumour=tumour, affine=affine)


def with_simpleitk(folder: Path) -> None:
    import SimpleITK  # only the benchmark needs it

    reader = SimpleITK.ImageSeriesReader()
    volumes = []
    for series in sorted(path for path in folder.rglob("*") if path.is_dir() and any(path.glob("*.dcm"))):
        for uid in reader.GetGDCMSeriesIDs(str(series)):
            reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series), uid))
            volumes.append(reader.Execute())
    for volume in volumes[1:]:
        SimpleITK.Resample(volume, volumes[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--slices", type=int, default=80)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "case"
        write_dicom(enlarged(arguments.size, arguments.slices), folder, layout="series")
        load = LoadStudyd()
        readers = {"SimpleITK": with_simpleitk, "ours": lambda path: load({"case": "c", "image": str(path)})}
        for name, run in readers.items():
            times = []
            for _ in range(arguments.repeats):
                start = time.perf_counter()
                run(folder)
                times.append(time.perf_counter() - start)
            print(f"{name:10} {min(times):.2f} s (fastest of {arguments.repeats}, files in the cache)")


if __name__ == "__main__":
    main()

"""Time and memory from a folder of DICOM to arrays on one grid: ours beside SimpleITK's bare series reader.

    python benchmarks/study_loading.py --size 256 --slices 80

Writes a phantom study of four series of single-frame files into a temporary folder first.  SimpleITK is told
which files belong together, orders and reads them, and resamples the series onto the first; ours (`LoadStudyd`) finds
series, time points and phases, checks geometry and intensities, and brings the phases onto one grid, without
registration.  Both take turns on the same files, which are in the system's cache; the fastest turn counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from custom.data.phantom import simulate_study, write_dicom
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
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    volumes = []
    for series in sorted(path for path in folder.rglob("*") if path.is_dir() and any(path.glob("*.dcm"))):
        for uid in reader.GetGDCMSeriesIDs(str(series)):
            reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series), uid))
            volumes.append(reader.Execute())
    for volume in volumes[1:]:
        SimpleITK.Resample(volume, volumes[0])


def with_ours(folder: Path) -> int:
    """Bytes of the tensor."""
    image = LoadStudyd(registration="none")({"case": "c", "image": str(folder)})["image"]
    return image.numel() * image.element_size()


def peak_growth(folder: Path) -> tuple[int, int]:
    """Bytes by which this process grew at most while it read, and bytes of the tensor."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of what was before
    before = _peak_bytes()
    size = with_ours(folder)
    return _peak_bytes() - before, size


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def fastest(readers: dict, repeats: int) -> dict[str, float]:
    """Seconds of each reader's fastest turn."""
    best = dict.fromkeys(readers, float("inf"))
    for _ in range(repeats):
        for name, read in readers.items():
            start = time.perf_counter()
            read()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--slices", type=int, default=80)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "case"
        write_dicom(enlarged(arguments.size, arguments.slices), folder, layout="series")
        (folder / "tumour.nii.gz").unlink()  # both read the images, and nothing else
        readers = {"SimpleITK": lambda: with_simpleitk(folder), "ours": lambda: with_ours(folder)}
        seconds = fastest(readers, arguments.repeats)
        with get_context("spawn").Pool(1) as pool:
            growth, size = pool.apply(peak_growth, (folder,))
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    for name, best in seconds.items():
        print(f"{name:10} {best:.2f} s (fastest of {arguments.repeats}, in turns)")
    print(f"time       {seconds['ours'] / seconds['SimpleITK']:.2f} of SimpleITK's")
    print(f"memory     {growth / 1e6:.0f} MB at the peak, {growth / size:.2f} times the tensor of {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

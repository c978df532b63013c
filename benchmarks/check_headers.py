"""Time and memory of checking a data set's headers: ``python -m custom check DIR --headers-only``.

    python benchmarks/check_headers.py --studies 1000 --workers 2

Writes the studies into a temporary folder first: each has four phases of 20 slices of 64 x 64 pixels, as DICOM (80
files) or as NIfTI (four files), copies of one phantom study under identifiers of their own.  The check runs as a user
would run it, in a process of its own; time includes its start, memory is that of its largest process.  A tenth of
the studies is measured first: memory that does not grow with the number of studies is nearly the same.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from custom.data.phantom import simulate_study, write_dicom
from custom.data.phantom.write_nifti import write_nifti

ROOT = Path(__file__).resolve().parents[1]
SLICES, PIXELS = 20, 64


def small_study():
    """A phantom study of 64 x 64 x 20 voxels."""
    study = simulate_study(seed=1, lesions=("HCC",))
    step = study.images.shape[1] // PIXELS
    chosen = np.linspace(0, study.images.shape[3] - 1, SLICES).round().astype(int)
    scale = np.diag([step, step, study.images.shape[3] / SLICES, 1])
    return replace(
        study,
        images=study.images[:, ::step, ::step][..., chosen],
        tumour=study.tumour[::step, ::step][..., chosen],
        affine=study.affine @ scale,
    )


def write_dicom_studies(template: Path, folder: Path, studies: int) -> None:
    """Copies of the template under patients, exams, series and instances of their own, of the same length."""
    files = {path.relative_to(template): path.read_bytes() for path in sorted(template.rglob("*.dcm"))}
    identifiers = set()
    for path in template.rglob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        uids = (header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID)
        identifiers |= {str(value).encode() for value in (*uids, header.PatientID)}
    for number in range(studies):
        for name, content in files.items():
            for identifier in identifiers:
                if identifier in content:
                    content = content.replace(identifier, identifier[:-4] + f"{number:04d}".encode())
            path = folder / f"case{number:04d}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def write_nifti_studies(template: Path, folder: Path, studies: int) -> None:
    for number in range(studies):
        shutil.copytree(template, folder / f"case{number:04d}")


def measure(folder: Path, workers: int) -> str:
    """Run the check on a folder and say how long it took and what it needed."""
    command = [sys.executable, "-m", "custom", "check", str(folder), "--headers-only", "--workers", str(workers)]
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        summary = process.stdout.read().splitlines()[-1]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds, processor_s = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
    peak_mb = usage.ru_maxrss / (1 if sys.platform == "darwin" else 1024) / 1.048576
    return f"{seconds:6.1f} s ({processor_s:.1f} s of processor time), {peak_mb:4.0f} MB; {summary}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", help="where the temporary folder goes (1.2 GB for 1,000 studies)")
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    study = small_study()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        temporary = Path(temporary)
        write_dicom(study, temporary / "one-dicom")
        write_nifti(study, temporary / "one-nifti")
        for form, write in (("DICOM", write_dicom_studies), ("NIfTI", write_nifti_studies)):
            for studies in (arguments.studies // 10, arguments.studies):
                folder = temporary / f"{form}-{studies}"
                write(temporary / f"one-{form.lower()}", folder, studies)
                print(f"{form}, {studies:5d} studies: {measure(folder, arguments.workers)}", flush=True)
                shutil.rmtree(folder)


if __name__ == "__main__":
    main()

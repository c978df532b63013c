"""A real MONAI Label server with two bundles and a few studies of the phantom, started once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from custom.data.phantom import simulate_study, write_dicom, write_nifti, write_phantom
from custom.package import NAME, build_package
from custom.types import PHASES
from tests.annotation.label_server import QUIET, LabelServer

ENVIRONMENT = "MTINET_MONAILABEL"
OTHER = "liver_mri_second_reader"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def environment() -> Path:
    """The virtual environment that MONAI Label is installed in."""
    folder = os.environ.get(ENVIRONMENT)
    if not folder:
        pytest.skip(f"no MONAI Label at hand ({ENVIRONMENT} names the virtual environment that it is installed in)")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def run_there(environment):
    """Run Python of that environment in a folder; the finished process."""

    def run(*arguments, cwd):
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [environment / "bin" / "python", *arguments]
        done = subprocess.run(
            list(map(str, command)),
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env={**inherited, **QUIET},
            timeout=600,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done

    return run


@pytest.fixture(scope="session")
def app(tmp_path_factory, run_there) -> Path:
    """The app with the packaged bundle, and beside it one of other code and other weights by another name."""
    folder = tmp_path_factory.mktemp("monailabel")
    run_there(
        *("-m", "monailabel.main", "apps", "--download", "--name", "monaibundle", "--output", folder / "apps"),
        cwd=folder,
    )
    package = build_package(folder / "dist")
    bundles = folder / "apps" / "monaibundle" / "model"
    bundles.mkdir()
    shutil.copytree(package.folder, bundles / NAME)
    shutil.copytree(package.folder, bundles / OTHER)
    code = bundles / OTHER / "scripts" / "__init__.py"
    code.write_text(code.read_text("utf-8").replace('__version__ = "', '__version__ = "second-'), "utf-8")
    config = bundles / OTHER / "configs" / "inference.json"
    config.write_text(config.read_text("utf-8").replace('"threshold": 0.5', '"threshold": 0.9'), "utf-8")
    return folder / "apps" / "monaibundle"


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> SimpleNamespace:
    """One exam in every form, another that lacks a phase, and what cannot be used."""
    folder = tmp_path_factory.mktemp("sources")
    exam = simulate_study(seed=11, preset="demo", lesions=("HCC", "hemangioma"))
    write_nifti(exam, folder / "good" / "files")
    (folder / "good" / "files" / "tumour.nii.gz").unlink()
    write_dicom(exam, folder / "good" / "dicom", layout="series", seed=3, localiser=True)
    (folder / "good" / "dicom" / "tumour.nii.gz").unlink()
    volumes = [nib.load(folder / "good" / "files" / f"{phase}.nii.gz") for phase in PHASES]
    stacked = np.stack([np.asarray(volume.dataobj) for volume in volumes], -1)  # (X, Y, Z, P)
    (folder / "good" / "stacked").mkdir()
    nib.save(nib.Nifti1Image(stacked, volumes[0].affine), folder / "good" / "stacked" / "exam.nii.gz")
    without_delayed = tuple(phase for phase in PHASES if phase != "delayed")
    write_nifti(exam, folder / "good" / "short", phases=without_delayed)
    (folder / "good" / "short" / "tumour.nii.gz").unlink()
    for bad in ("lonely", "torn"):
        (folder / "bad" / bad / "phases").mkdir(parents=True)
        shutil.copy(folder / "good" / "files" / "portal_venous.nii.gz", folder / "bad" / bad / "c01.nii.gz")
    content = (folder / "good" / "files" / "pre.nii.gz").read_bytes()
    (folder / "bad" / "torn" / "phases" / "c01_pre.nii.gz").write_bytes(content[:300])
    return SimpleNamespace(good=folder / "good", bad=folder / "bad")


@pytest.fixture(scope="session")
def expected(tmp_path_factory, app, sources, run_there) -> Path:
    """Folder of what ``monai.bundle run`` makes of the good exams with the same bundle."""
    output = tmp_path_factory.mktemp("expected")
    bundle = app / "model" / NAME
    run_there(
        *("-m", "monai.bundle", "run", "inference", "--config_file", bundle / "configs" / "inference.json"),
        *("--bundle_root", bundle, "--dataset_dir", sources.good, "--output_dir", output),
        cwd=output,
    )
    return output


@pytest.fixture(scope="session")
def phantom(tmp_path_factory) -> Path:
    """Folder of a small data set to learn from."""
    folder = tmp_path_factory.mktemp("phantom") / "demo"
    write_phantom(folder, preset="demo", studies=6, workers=1)
    return folder


@pytest.fixture(scope="session")
def studies(tmp_path_factory, phantom, sources) -> Path:
    """What the server lists: that data set and two exams without labels, as ``label-studies`` lays them out."""
    datalist = json.loads((phantom / "datalist.json").read_text("utf-8"))
    for case in ("files", "short"):
        datalist["test"].append({"case": case, "image": str(sources.good / case)})
    (phantom / "all.json").write_text(json.dumps(datalist), "utf-8")
    folder = tmp_path_factory.mktemp("studies") / "studies"
    command = [sys.executable, "-m", "custom", "label-studies", phantom / "all.json", "--output", folder]
    subprocess.run(list(map(str, command)), check=True, cwd=ROOT, timeout=600)
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory, environment, app, studies):
    """The running server; its client asks it."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    conf = {"models": f"{NAME},{OTHER}", "zoo_source": "local", "sam2": "false", "epistemic_model": NAME}
    conf |= {"epistemic_dropout": "0.5", "epistemic_simulation_size": "3", "epistemic_max_samples": "1"}
    running = LabelServer(environment, app, studies, log, **conf)
    try:
        running.wait_until_it_answers()
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(server):
    return server.client

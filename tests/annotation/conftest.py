"""A real MONAI Label server with two bundles and a few studies of the phantom, made as the page says, started once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from custom.data.phantom import simulate_study, write_dicom, write_nifti
from custom.package import NAME
from custom.types import PHASES
from tests.annotation.label_server import QUIET, LabelServer
from tests.annotation.page import ROOT, commands

ENVIRONMENT = "MTINET_MONAILABEL"
OTHER = "liver_mri_second_reader"
LIMIT_S = 600


@pytest.fixture(scope="session")
def environment() -> Path:
    """The virtual environment that MONAI Label is installed in."""
    folder = os.environ.get(ENVIRONMENT)
    if not folder:
        pytest.skip(f"no MONAI Label at hand ({ENVIRONMENT} names the virtual environment that it is installed in)")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def shell(environment):
    """Run a command line in a folder, in a shell with that environment; the finished process."""

    def run(line, cwd, **more):
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", line],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env={**inherited, **QUIET, "PATH": path, **more},
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done

    return run


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A copy of the project, the folder that the page's commands are typed in."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("custom", "bundle"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("CHANGELOG.md", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="session")
def app(project, shell) -> Path:
    """The app with the packaged bundle, and beside it one of other code and another threshold by another name."""
    for command in commands("The bundle in MONAI Label's app"):
        shell(command, project)
    bundles = project / "apps" / "monaibundle" / "model"
    shutil.copytree(bundles / NAME, bundles / OTHER)
    code = bundles / OTHER / "scripts" / "__init__.py"
    code.write_text(code.read_text("utf-8").replace('__version__ = "', '__version__ = "second-'), "utf-8")
    config = bundles / OTHER / "configs" / "inference.json"
    config.write_text(config.read_text("utf-8").replace('"threshold": 0.5', '"threshold": 0.9'), "utf-8")
    return bundles.parent


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
def expected(tmp_path_factory, app, sources, shell) -> Path:
    """Folder of what ``monai.bundle run`` makes of the good exams with the same bundle."""
    output, bundle = tmp_path_factory.mktemp("expected"), app / "model" / NAME
    shell(
        f"python -m monai.bundle run inference --config_file '{bundle}/configs/inference.json' --bundle_root '{bundle}'"
        f" --dataset_dir '{sources.good}' --output_dir '{output}'",
        output,
    )
    return output


@pytest.fixture(scope="session")
def studies(project, sources, shell) -> Path:
    """What the server lists: a few studies of the phantom, and two exams without labels."""
    make, lay_out = commands("The studies folder")
    shell(make, project)
    datalist = project / "data" / "label-demo" / "datalist.json"
    content = json.loads(datalist.read_text("utf-8"))
    for case in ("files", "short"):
        content["test"].append({"case": case, "image": str(sources.good / case)})
    datalist.write_text(json.dumps(content), "utf-8")
    shell(lay_out, project)
    return project / "studies"


@pytest.fixture(scope="session")
def server(tmp_path_factory, environment, project, app, studies):
    """The running server; its client asks it."""
    (start,) = commands("Active learning")[:1]
    conf = {"models": f"{NAME},{OTHER}", "epistemic_simulation_size": "3"}
    running = LabelServer(environment, start, project, tmp_path_factory.mktemp("server") / "server.log", **conf)
    try:
        running.wait_until_it_answers()
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(server):
    return server.client


@pytest.fixture
def type_in(shell, project, client):
    """Type the page's commands of a section (but those that start the server); what each answers."""

    def run(title):
        (project / ".curlrc").write_text("silent\nshow-error\n", "utf-8")
        lines = [line for line in commands(title) if "start_server" not in line]
        addressed = [line.replace("http://127.0.0.1:8000", client.root) for line in lines]
        return [shell(line, project, CURL_HOME=str(project)).stdout for line in addressed]

    return run

"""The shipped configurations on a phantom of nine small studies: made once, trained on once, predicted from once."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from monai.bundle import ConfigWorkflow
from monai.utils import set_determinism

from custom.data.phantom import simulate_study, write_dicom, write_nifti, write_phantom
from custom.types import PHASES

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "bundle" / "configs"
SMALL_NETWORK = {
    "spacing_mm": 7.0,
    "network_def#widths": [8, 8, 16, 16],
    "network_def#head_dim": 16,
    "network_def#transformer_blocks": 1,
    "min_volume_ml": 1.0,
    "min_certainty": 0.0,
}
SMALL_TRAINING = {
    **SMALL_NETWORK,
    "roi_size": [48, 48],
    "epochs": 1,
    "val_interval": 1,
    "slices_per_study": 4,
    "adversarial_warmup_epochs": 0,
    "amp": False,
}
ON_CPU = {"device": "$torch.device('cpu')"}


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """A workflow changes the interpreter that it runs in: put back what other tests rely on."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "path", list(sys.path))
    root, ignite = logging.getLogger(), logging.getLogger("ignite")
    handlers, levels = list(root.handlers), (root.level, ignite.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ignite.setLevel(levels[1])
    set_determinism(None)


def build(files, *, run_id="run", workflow_type="train", tracking=None, **overrides) -> ConfigWorkflow:
    """The workflow of shipped configurations with overrides, as the command line builds it, initialised."""
    workflow = ConfigWorkflow(
        config_file=[str(CONFIGS / name) for name in files],
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=False,
        run_id=run_id,
        workflow_type=workflow_type,
        tracking=tracking,
        **{**ON_CPU, **overrides},
    )
    workflow.initialize()
    return workflow


@contextmanager
def listening() -> Iterator[io.StringIO]:
    """Everything that is logged meanwhile."""
    said, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(said), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield said
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def run_logged(workflow: ConfigWorkflow) -> str:
    """Run it to its end; what it said."""
    with listening() as said:
        workflow.run()
        workflow.finalize()
    return said.getvalue()


@pytest.fixture(scope="session")
def shipped():
    """Where the configurations are, the small sizes, and how to build and run them in this process."""
    return SimpleNamespace(
        root=ROOT,
        configs=CONFIGS,
        small_network=SMALL_NETWORK,
        small_training=SMALL_TRAINING,
        build=build,
        run_logged=run_logged,
        listening=listening,
    )


@pytest.fixture(scope="session")
def run_command():
    """Run ``python -m ...`` in the project's root without a GPU; the finished process with its output."""

    def run(*arguments, **environment):
        command = [sys.executable, "-m", *map(str, arguments)]
        quiet = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONIOENCODING": "utf-8"}
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env={**os.environ, **quiet, **environment},
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def as_options():
    """Overrides as the command line takes them."""

    def convert(overrides):
        return [text for key, value in overrides.items() for text in (f"--{key}", str(value))]

    return convert


@pytest.fixture(scope="session")
def phantom(tmp_path_factory):
    """Folder of nine small studies with both classes in each of training, validation and test."""
    folder = tmp_path_factory.mktemp("phantom") / "tiny"
    write_phantom(folder, preset="tiny", workers=1)
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory, phantom):
    """A finished training that has learnt to find lesions, over an earlier model.pt: its folders and what it said."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "models").mkdir()
    torch.save({"earlier": torch.zeros(3)}, folder / "models" / "model.pt")
    earlier = (folder / "models" / "model.pt").read_bytes()
    overrides = {
        **SMALL_TRAINING,
        "dataset_dir": str(phantom),
        "output_dir": str(folder / "outputs"),
        "ckpt_dir": str(folder / "models"),
        "epochs": 80,
        "val_interval": 40,
        "adversarial_warmup_epochs": 75,
        "learning_rate": 5e-3,
        "tumour_fraction": 0.8,
    }
    said = run_logged(build(["train.json"], **overrides))
    return SimpleNamespace(
        said=said,
        overrides=overrides,
        outputs=folder / "outputs",
        models=folder / "models",
        weights=folder / "models" / "model.pt",
        earlier=earlier,
    )


@pytest.fixture(scope="session")
def two_classes():
    """One liver with an HCC and a hemangioma."""
    return simulate_study(seed=11, preset="tiny", lesions=("HCC", "hemangioma"))


@pytest.fixture(scope="session")
def predicted(tmp_path_factory, phantom, trained, two_classes):
    """One inference run over good studies in every form and a damaged one: its folders, exit code and words."""
    folder = tmp_path_factory.mktemp("predicted")
    studies = folder / "studies of today"
    for seed, layout in ((3, "series"), (6, "temporal")):  # exams of their own, or they would be read as one
        write_dicom(two_classes, studies / layout, layout=layout, seed=seed, localiser=True)
    write_nifti(two_classes, studies / "nifti")
    write_nifti(two_classes, studies / "torn")
    torn = studies / "torn" / "arterial.nii.gz"
    torn.write_bytes(torn.read_bytes()[:300])
    write_dicom(simulate_study(seed=12, preset="tiny", lesions=()), studies / "healthy", seed=4)
    without_delayed = tuple(phase for phase in PHASES if phase != "delayed")
    write_dicom(two_classes, studies / "short", layout="series", seed=5, phases=without_delayed)
    known = json.loads((phantom / "datalist.json").read_text(encoding="utf-8"))["training"][0]["case"]
    shutil.copytree(phantom / known, studies / "known")
    results = folder / "elsewhere" / "results"
    overrides = {
        **SMALL_NETWORK,
        "dataset_dir": str(studies),
        "output_dir": str(results),
        "ckpt_path": str(trained.weights),
        "registration": "none",  # one study as DICOM and as NIfTI gives the same to the last digit
    }
    workflow = build(["inference.json"], workflow_type="infer", **overrides)
    with listening() as said, pytest.raises(SystemExit) as end:
        workflow.run()
    return SimpleNamespace(studies=studies, results=results, code=end.value.code, said=said.getvalue())

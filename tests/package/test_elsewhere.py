"""The unpacked bundle at work in a folder of its own, with nothing of the project on the path.

Each test is a command of its own, or several: together they take minutes.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from custom.data.phantom import write_phantom

pytestmark = pytest.mark.slow

SCHEMA = Path(__file__).resolve().parents[3] / "shared" / "reference" / "meta_schema_20240725.json"
PROGRAM = Path(__file__).with_name("zoo_checks.py")
SMALL = {
    "spacing_mm": 7.0,
    "roi_size": [48, 48],
    "network_def#widths": [4, 4, 8, 8],
    "network_def#head_dim": 16,
    "network_def#transformer_blocks": 1,
    "epochs": 1,
    "val_interval": 1,
    "adversarial_warmup_epochs": 0,
    "amp": False,
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A tiny phantom data set that lies elsewhere."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    write_phantom(folder, preset="tiny", workers=1)
    return folder


@pytest.fixture(scope="module")
def bundle_to_train(tmp_path_factory, unpacked):
    """Another copy of the bundle: training publishes weights in it."""
    root = tmp_path_factory.mktemp("training") / unpacked.name
    shutil.copytree(unpacked, root)
    return root


@pytest.fixture(scope="module")
def run_small(bundle_to_train, dataset, run_there):
    """Run a workflow of the bundle by the command line, in its root."""

    def run(run_id, files, **more):
        options = [
            text for key, value in ({"dataset_dir": dataset} | SMALL | more).items() for text in (f"--{key}", value)
        ]
        done = run_there("-m", "monai.bundle", "run", run_id, "--config_file", files, *options, cwd=bundle_to_train)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    return run


@pytest.fixture(scope="module")
def trained(run_small, bundle_to_train):
    """What the training said."""
    return run_small("training", "configs/train.json")


def test_training_writes_into_the_bundle(trained, bundle_to_train, unpacked):
    assert "Results:" in trained
    assert (bundle_to_train / "outputs" / "checkpoints" / "resume.pt").is_file()
    published = torch.load(bundle_to_train / "models" / "model.pt", weights_only=True)
    assert len(published) > 20
    earlier = list((bundle_to_train / "models").glob("model_*.pt"))
    assert [path.read_bytes() for path in earlier] == [(unpacked / "models" / "model.pt").read_bytes()]


def test_evaluation_reads_the_weights_of_that_training(trained, run_small, bundle_to_train):
    run_small("evaluating", "['configs/train.json','configs/evaluate.json']")
    metrics = json.loads((bundle_to_train / "outputs" / "evaluation" / "metrics.json").read_text("utf-8"))
    assert metrics["studies"] > 0


def test_inference_from_another_folder_makes_its_examples_and_predicts_them(unpacked, run_there, tmp_path):
    command = ("-m", "monai.bundle", "run", "inference", "--config_file", unpacked / "configs" / "inference.json")
    done = run_there(*command, "--bundle_root", unpacked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    assert list(tmp_path.iterdir()) == []
    reports = sorted((unpacked / "predictions").glob("*/study.json"))
    assert len(reports) == len([path for path in (unpacked / "data" / "phantom-dicom").iterdir() if path.is_dir()]) > 0
    painted = np.asarray(nib.load(reports[0].with_name("tumour.nii.gz")).dataobj)
    assert painted.any()


def test_its_commands_work_under_its_own_name_and_package_the_same_again(package, run_there, tmp_path):
    done = run_there("-m", "scripts", "package", "--output", tmp_path / "again", cwd=package.folder)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (tmp_path / "again" / package.archive.name).read_bytes() == package.archive.read_bytes()
    usage = run_there("-m", "scripts", "phantom", "--nothing", cwd=package.folder).stderr
    assert usage.startswith("usage: python -m scripts")
    for caches in list(package.folder.rglob("__pycache__")):
        shutil.rmtree(caches)


def checks() -> list[str]:
    """Names of the program's checks, from its source."""
    functions = [node for node in ast.parse(PROGRAM.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
    return [node.name for node in functions if node.name not in ("workflow", "outcome_of")]


@pytest.fixture(scope="module")
def outcomes(unpacked, dataset, run_there, tmp_path_factory):
    output = tmp_path_factory.mktemp("checks")
    schema = os.environ.get("MTINET_METADATA_SCHEMA", SCHEMA)
    done = run_there(PROGRAM, unpacked, dataset, schema, output, cwd=output)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("check", checks())
def test_monai_and_its_zoo_find_nothing_wrong(outcomes, check):
    if check == "metadata_follows_the_schema" and not os.path.isfile(os.environ.get("MTINET_METADATA_SCHEMA", SCHEMA)):
        pytest.skip("MONAI's metadata schema is not at hand (MTINET_METADATA_SCHEMA names the file)")
    assert outcomes[check] == "passed", outcomes[check]

"""The shipped network with its exports beside its weights, made once by the commands that docs/export.md shows."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import fire
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export

from custom.__main__ import main
from custom.data.phantom import simulate_study, write_nifti
from custom.engines import load_weights
from custom.exports.onnx import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
CONFIG = str(ROOT / "bundle" / "configs" / "inference.json")


def documented(start: str, models: Path) -> list[str]:
    """What follows ``start`` in the one command of the page that begins so; the weights lie in ``models``."""
    lines = (ROOT / "bundle" / "docs" / "export.md").read_text("utf-8").splitlines()
    (rest,) = [line.removeprefix(start) for line in lines if line.startswith(start)]
    words = [word.replace("bundle/models", str(models)) for word in shlex.split(rest)]
    return [str(ROOT / word) if word.startswith("bundle/") else word for word in words]


@pytest.fixture(scope="session")
def config():
    """The shipped configuration of inference."""
    return CONFIG


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """The shipped weights in a folder of their own, with ``model.ts`` beside them."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copyfile(ROOT / "bundle" / "models" / "model.pt", folder / "model.pt")
    fire.Fire(ckpt_export, command=documented("python -m monai.bundle ckpt_export ", folder))
    return folder / "model.pt"


@pytest.fixture(scope="session")
def weights_with_onnx(weights):
    """The same with ``model.onnx`` beside it too."""
    for package in PACKAGES:
        pytest.importorskip(package)
    assert main(["export-onnx", *documented("python -m custom export-onnx ", weights.parent)]) == 0
    return weights


@pytest.fixture(scope="session")
def make_network(weights):
    """Build the configured network, with overrides, and load the weights."""

    def make(**overrides):
        parser = ConfigParser()
        parser.read_config(CONFIG)
        parser.update({f"network_def#{name}": value for name, value in overrides.items()})
        network = parser.get_parsed_content("network_def").eval()
        load_weights(network, weights)
        return network

    return make


@pytest.fixture(scope="session")
def twenty_inputs(make_network):
    """Images, phase masks and what the network makes of them: 1 to 5 slices, four sizes, every number of phases."""
    generator, network = torch.Generator().manual_seed(3), make_network()
    sizes = [(16, 16), (32, 80), (96, 64), (128, 144)]
    inputs = []
    for k in range(20):
        height, width = sizes[k % len(sizes)]
        image = 1.5 * torch.rand(k % 5 + 1, 4, height, width, generator=generator)
        mask = torch.rand(len(image), 4, generator=generator) < 0.75
        mask[:, 2] = True  # the reference phase is always there
        if k % 3 == 0:
            mask[:] = True
        with torch.no_grad():
            inputs.append((image, mask, network(image, mask)))
    assert {int(n) for _, mask, _ in inputs for n in mask.sum(1)} == {1, 2, 3, 4}
    return inputs


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """A folder with one study of NIfTI files that lies oblique and mirrored."""
    folder = tmp_path_factory.mktemp("studies") / "one"
    write_nifti(simulate_study(seed=11, preset="tiny", lesions=("HCC", "hemangioma")), folder)
    turned = np.array([[-1, 0, 0, 90], [0, 0.98, -0.2, 12], [0, 0.2, 0.98, -40], [0, 0, 0, 1]])
    for path in folder.glob("*.nii.gz"):
        image = nib.load(path)
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), turned @ image.affine), path)
    return folder


@pytest.fixture(scope="session")
def readily():
    """Settings by which even weights of little training paint a tumour."""
    return {"min_certainty": 0.0, "threshold": 0.3, "device": "$torch.device('cpu')"}


@pytest.fixture(scope="session")
def predict(tmp_path_factory, study, readily):
    """Run inference.json on the study with weights and further options; the folder of the study's results."""

    def run(weights, **options):
        output = tmp_path_factory.mktemp("results")
        places = {"dataset_dir": str(study.parent), "output_dir": str(output), "ckpt_path": str(weights)}
        workflow = ConfigWorkflow(CONFIG, logging_file=False, workflow_type="infer", **places, **readily, **options)
        workflow.initialize()
        workflow.run()
        return output / study.name

    return run


@pytest.fixture(scope="session")
def predicted(predict, weights):
    """The folder of what the network itself makes of the study."""
    return predict(weights)

"""Exports of the shipped network: they agree with it, and one that is none of it is refused."""

from __future__ import annotations

import json
import shutil
import sys

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

from custom.data.phantom import simulate_study, write_nifti
from custom.inference import network_for_backend
from custom.inference.exported import OnnxNetwork, TorchScriptNetwork
from custom.types import InputError

CPU = torch.device("cpu")
FORMS = [TorchScriptNetwork, OnnxNetwork]


@pytest.fixture(params=FORMS, ids=["torchscript", "onnx"])
def form(request, weights):
    """A form of export and the weights that it lies beside."""
    if request.param is OnnxNetwork:
        return OnnxNetwork, request.getfixturevalue("weights_with_onnx")
    return TorchScriptNetwork, weights


def test_it_agrees_with_the_network_on_20_inputs(form, eager, twenty_inputs):
    kind, weights = form
    exported = kind(device=CPU)
    exported.open(weights)
    with torch.no_grad():
        for image, mask in twenty_inputs:
            expected, found = eager(image, mask), exported(image, mask)
            assert list(found) == list(expected)
            for name, values in found.items():
                assert (values - expected[name]).abs().max() < 1e-4, (name, image.shape)


def test_without_a_mask_all_phases_are_there(form, eager):
    kind, weights = form
    exported = kind(device=CPU)
    exported.open(weights)
    image = torch.rand(2, 4, 48, 32)
    with torch.no_grad():
        torch.testing.assert_close(exported(image)["class_logits"], eager(image)["class_logits"], atol=1e-4, rtol=0)


def test_an_absent_phase_counts_for_nothing_whatever_it_holds(form):
    kind, weights = form
    exported = kind(device=CPU)
    exported.open(weights)
    image, mask = torch.rand(2, 4, 48, 32), torch.tensor([[True, False, True, True]] * 2)
    spoilt = image.clone()
    spoilt[:, 1] = torch.nan
    for name, values in exported(image, mask).items():
        assert torch.equal(values, exported(spoilt, mask)[name])


def test_an_export_of_other_weights_is_refused(form, tmp_path):
    kind, weights = form
    shutil.copyfile(weights.with_suffix(kind.suffix), tmp_path / f"model{kind.suffix}")
    state = torch.load(weights, weights_only=True)
    state["enhancement_mean"] += 1
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(InputError, match="an export of other weights"):
        kind(device=CPU).open(tmp_path / "model.pt")


def test_a_damaged_or_missing_export_is_refused_with_the_command_that_makes_it(form, tmp_path):
    kind, weights = form
    shutil.copyfile(weights, tmp_path / "model.pt")
    with pytest.raises(InputError, match=r"no such file.*Make it by python -m \w+"):
        kind(device=CPU).open(tmp_path / "model.pt")
    (tmp_path / f"model{kind.suffix}").write_bytes(weights.with_suffix(kind.suffix).read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged"):
        kind(device=CPU).open(tmp_path / "model.pt")


def test_an_export_that_does_not_agree_is_not_published(weights_with_onnx, eager):
    from copy import deepcopy

    from custom.exports.onnx import _compare

    other = deepcopy(eager)
    other.classification.linear.bias.data += 1e-3
    with pytest.raises(InputError, match="class_logits differs by"):
        _compare(other, weights_with_onnx.with_suffix(".onnx"), weights_with_onnx)


def test_without_onnxruntime_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for name in ("model.pt", "model.onnx"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="pip install onnxruntime"):
        OnnxNetwork(device=CPU).open(tmp_path / "model.pt")


def test_another_backend_is_refused():
    with pytest.raises(InputError, match=r"backend: found 'tensorrt'.*'torchscript', 'onnx'"):
        network_for_backend(backend="tensorrt", network=torch.nn.Identity(), device=CPU)


@pytest.fixture(scope="module")
def predict(tmp_path_factory, config):
    """Run inference.json on one study with weights and a backend; the label map and the report."""
    studies = tmp_path_factory.mktemp("studies")
    write_nifti(simulate_study(seed=11, preset="tiny", lesions=("HCC", "hemangioma")), studies / "one")

    def run(weights, backend):
        output = tmp_path_factory.mktemp(backend)
        overrides = {"dataset_dir": str(studies), "output_dir": str(output), "ckpt_path": str(weights)}
        overrides |= {"backend": backend, "device": "$torch.device('cpu')", "min_certainty": 0.0, "threshold": 0.3}
        workflow = ConfigWorkflow(config, logging_file=False, workflow_type="infer", **overrides)
        workflow.initialize()
        workflow.run()
        label = np.asarray(nib.load(output / "one" / "tumour.nii.gz").dataobj)
        return label, json.loads((output / "one" / "study.json").read_text("utf-8"))

    return run


@pytest.fixture(scope="module")
def predicted_by_eager(predict, weights):
    return predict(weights, "eager")


@pytest.mark.parametrize("backend", ["torchscript", "onnx"])
def test_inference_gives_the_same_label_map(backend, predict, predicted_by_eager, request):
    weights = request.getfixturevalue("weights_with_onnx" if backend == "onnx" else "weights")
    label, report = predict(weights, backend)
    assert predicted_by_eager[0].any()
    assert (label != predicted_by_eager[0]).sum() <= 2  # a voxel may lie on the threshold
    assert report["class"]["label"] == predicted_by_eager[1]["class"]["label"]
    assert report["weights_sha256"] == predicted_by_eager[1]["weights_sha256"]

"""Exports of the shipped network: they agree with it, and one that is none of it is refused.

Making the ONNX export takes most of a minute: what needs it is slow (``python -m pytest -m slow tests/exports``).
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
from copy import deepcopy
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from custom.__main__ import main
from custom.exports.onnx import PACKAGES, _compare
from custom.inference import network_for_backend
from custom.inference.exported import OnnxNetwork, TorchScriptNetwork
from custom.types import InputError
from custom.user_errors import find_input_error

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
BACKENDS = ["torchscript", pytest.param("onnx", marks=pytest.mark.slow)]


@pytest.fixture(params=BACKENDS)
def form(request):
    """A form of export and the weights that it lies beside."""
    if request.param == "onnx":
        return OnnxNetwork, request.getfixturevalue("weights_with_onnx")
    return TorchScriptNetwork, request.getfixturevalue("weights")


@pytest.fixture
def exported(form, make_network):
    """An opened export."""
    kind, weights = form
    network = kind(network=make_network(), device=CPU)
    network.open(weights)
    return network


def tolerance(expected: torch.Tensor) -> float:
    """float32 itself errs by 1e-4 where logits reach 25."""
    return 1e-4 * max(1.0, float(expected.abs().max()) / 10)


def test_it_agrees_with_the_network_on_20_inputs(exported, twenty_inputs):
    with torch.no_grad():
        for image, mask, expected in twenty_inputs:
            found = exported(image, mask)
            assert list(found) == list(expected)
            for name, values in found.items():
                assert (values - expected[name]).abs().max() < tolerance(expected[name]), (name, image.shape)


def test_the_form_that_onnx_gets_agrees_on_20_inputs(make_network, twenty_inputs, monkeypatch):
    """The same computation in PyTorch, without the exporter."""
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    network = make_network(spectral_form="matrix")
    with torch.no_grad():
        for image, mask, expected in twenty_inputs:
            for name, values in network(image, mask).items():
                assert (values - expected[name]).abs().max() < tolerance(expected[name]), (name, image.shape)


def test_without_a_mask_all_phases_are_there(exported, make_network):
    image = torch.rand(2, 4, 48, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            exported(image)["class_logits"], make_network()(image)["class_logits"], atol=1e-4, rtol=0
        )


def test_an_absent_phase_counts_for_nothing_whatever_it_holds(exported):
    image, mask = torch.rand(2, 4, 48, 32), torch.tensor([[True, False, True, True]] * 2)
    spoilt = image.clone()
    spoilt[:, 1] = torch.nan
    for name, values in exported(image, mask).items():
        assert torch.equal(values, exported(spoilt, mask)[name])


def test_an_export_of_other_weights_is_refused(form, make_network, tmp_path):
    kind, weights = form
    shutil.copyfile(weights.with_suffix(kind.suffix), tmp_path / f"model{kind.suffix}")
    state = torch.load(weights, weights_only=True)
    state["enhancement_mean"] += 1e-6
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(InputError, match="an export of other weights"):
        kind(network=make_network(), device=CPU).open(tmp_path / "model.pt")


def test_an_export_of_another_network_with_the_same_weights_is_refused(form, make_network):
    kind, weights = form
    with pytest.raises(InputError, match="not that of this network_def"):
        kind(network=make_network(weighting="entropy"), device=CPU).open(weights)


def test_a_damaged_or_missing_export_is_refused_with_the_command_that_makes_it(form, make_network, tmp_path):
    kind, weights = form
    shutil.copyfile(weights, tmp_path / "model.pt")
    network = kind(network=make_network(), device=CPU)
    with pytest.raises(InputError, match=r"no such file.*Make it by python -m \w+"):
        network.open(tmp_path / "model.pt")
    (tmp_path / f"model{kind.suffix}").write_bytes(weights.with_suffix(kind.suffix).read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged"):
        network.open(tmp_path / "model.pt")


def test_an_export_without_its_weights_is_refused(form, make_network, tmp_path):
    kind, weights = form
    shutil.copyfile(weights.with_suffix(kind.suffix), tmp_path / f"model{kind.suffix}")
    with pytest.raises(InputError, match=r"model\.pt.*no such file"):
        kind(network=make_network(), device=CPU).open(tmp_path / "model.pt")


@pytest.mark.slow
def test_an_export_that_does_not_agree_is_not_published(weights_with_onnx, make_network):
    other = deepcopy(make_network())
    other.classification.linear.bias.data += 1e-3
    with pytest.raises(InputError, match="class_logits differs by"):
        _compare(other, weights_with_onnx.with_suffix(".onnx"), weights_with_onnx)


def test_without_onnxruntime_it_says_what_to_install(monkeypatch, make_network, weights, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    shutil.copyfile(weights, tmp_path / "model.pt")
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(InputError, match="pip install onnxruntime"):
        OnnxNetwork(network=make_network(), device=CPU).open(tmp_path / "model.pt")


@pytest.mark.parametrize("package", PACKAGES)
def test_an_export_without_its_packages_says_what_to_install(package, monkeypatch, config, weights, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    files = ["--config_file", config, "--ckpt_file", str(weights), "--filepath", str(tmp_path / "model.onnx")]
    assert main(["export-onnx", *files]) == 2
    assert f"no package {package}" in (said := capsys.readouterr().err)
    assert "pip install onnx onnxscript onnxruntime" in said
    assert list(tmp_path.iterdir()) == []


def test_nothing_imports_onnx_before_it_is_used():
    texts = {path: path.read_text("utf-8") for path in (ROOT / "custom").rglob("*.py")}
    for path, text in texts.items():
        for node in ast.parse(text).body if "onnx" in text else ():  # at the top of a file, not inside a function
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {name.split(".")[0] for name in names} & set(PACKAGES), path


def test_metadata_names_the_tested_versions_of_what_is_optional():
    optional = json.loads((ROOT / "bundle/configs/metadata.json").read_text("utf-8"))["optional_packages"]
    pins = (ROOT / "requirements-dev.txt").read_text("utf-8").splitlines()
    assert set(PACKAGES) <= set(optional)
    assert {f"{name}=={version}" for name, version in optional.items() if name in PACKAGES} <= set(pins)


def test_another_backend_is_refused():
    with pytest.raises(InputError, match=r"backend: found 'tensorrt'.*'torchscript', 'onnx'"):
        network_for_backend(backend="tensorrt", network=torch.nn.Identity(), device=CPU)


@pytest.mark.parametrize("backend", BACKENDS)
def test_inference_gives_the_same_label_map_and_report(backend, predict, predicted, request):
    results = predict(request.getfixturevalue("weights_with_onnx" if backend == "onnx" else "weights"), backend=backend)
    expected, found = (np.asarray(nib.load(folder / "tumour.nii.gz").dataobj) for folder in (predicted, results))
    assert expected.any()
    assert np.array_equal(found, expected)
    expected, found = (json.loads((folder / "study.json").read_text("utf-8")) for folder in (predicted, results))
    assert len(found["weights_sha256"]) == 64
    expected, found = dict(leaves(expected)), dict(leaves(found))
    for path, value in expected.items():
        same = pytest.approx(value, rel=1e-4, abs=1e-6) if isinstance(value, float) else value
        assert found.pop(path) == same, path
    assert not found


def leaves(node, path=""):
    """Every value of a report with its path."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
    if items is None:
        yield path, node
        return
    for key, child in items:
        yield from leaves(child, f"{path}/{key}")


def test_a_study_without_its_export_says_so(predict, weights, tmp_path):
    shutil.copyfile(weights, tmp_path / "model.pt")
    with pytest.raises(RuntimeError) as caught:  # MONAI's, around ours
        predict(tmp_path / "model.pt", backend="onnx")
    assert re.search(r"model\.onnx.*no such file.*export-onnx", find_input_error(caught.value))

"""Requests and answers without a server: what the bundle's transforms see of a request, and what a client gets."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser

from custom.annotation import AnswerRequestd, PrepareRequestd, class_probabilities
from custom.outputs import file_sha256
from custom.types import InputError
from tests.annotation.page import ROOT


class RefusalError(Exception):
    """In place of FastAPI's HTTPException."""

    def __init__(self, status, detail):
        super().__init__(detail)
        self.status, self.detail = status, detail


@pytest.fixture(autouse=True)
def fastapi(monkeypatch):
    """A server brings FastAPI; the project itself does without."""
    module = ModuleType("fastapi")
    module.HTTPException = RefusalError
    monkeypatch.setitem(sys.modules, "fastapi", module)


def test_preprocessing_sees_the_image_alone():
    seen = []

    def preprocessing(data):
        seen.append(data)
        return {"image": 1, "study": 2}

    request = {"model": "m", "image": "a/c01.nii.gz", "image_path": "a/c01.nii.gz", "label": "x", "phases": "y"}
    assert PrepareRequestd(transforms=preprocessing, weights="model.pt")(request) == {**request, "image": 1, "study": 2}
    assert seen == [{"image": "a/c01.nii.gz"}]


@pytest.mark.parametrize("image", ["", None, ["a.nii.gz", "b.nii.gz"]])
def test_an_unknown_id_is_not_found(image):
    with pytest.raises(RefusalError, match="found no study of this id") as refused:
        PrepareRequestd(transforms=dict, weights="model.pt")({"model": "m", "image": image})
    assert refused.value.status == 404


def test_what_a_user_can_mend_is_said_and_an_error_of_the_program_is_not_hidden():
    def unusable(data):
        try:
            raise InputError(found="a", expected="b", where="c", remedy="D.")
        except InputError as error:
            raise RuntimeError("applying transform") from error  # as MONAI wraps it

    def broken(data):
        raise KeyError("image")

    with pytest.raises(RefusalError, match=r"^c: found a; expected b\. D\.$") as refused:
        PrepareRequestd(transforms=unusable, weights="model.pt")({"model": "m", "image": "c"})
    assert refused.value.status == 422
    with pytest.raises(KeyError):
        PrepareRequestd(transforms=broken, weights="model.pt")({"model": "m", "image": "c"})


def test_weights_that_expect_another_input_than_the_server_prepares_are_refused(tmp_path):
    for name, spacing_mm in (("model", 1.5), ("model_0a1b", 2.5)):
        (tmp_path / f"{name}.pt").touch()
        (tmp_path / f"{name}.json").write_text(json.dumps({"spacing_mm": spacing_mm}), encoding="utf-8")
    weights = str(tmp_path / "model.pt")
    prepare = PrepareRequestd(transforms=lambda data: data, weights=weights, expects={"spacing_mm": 1.5})
    assert prepare({"model": "m", "image": "c"})["image"] == "c"
    with pytest.raises(RefusalError, match=r"spacing_mm 2\.5.*Start the server anew"):
        prepare({"model": "m", "image": "c", "model_filename": "model_0a1b.pt"})


def test_the_report_names_the_weights_that_the_request_chose(tmp_path):
    for name in ("model.pt", "model_0a1b.pt"):
        (tmp_path / name).write_text(name)
    answer = AnswerRequestd(transforms=lambda d: {**d, "result": {"a": 1}}, weights=str(tmp_path / "model.pt"))
    data = {"model": "m", "study": {"case": "c"}, "pred": 0}
    for chosen, used in (
        (None, "model.pt"),
        ("model_0a1b.pt", "model_0a1b.pt"),
        (["model.pt", "model_0a1b.pt"], "model.pt"),
        ("gone.pt", "model.pt"),
    ):
        result = answer({**data, "model_filename": chosen})["result"]
        assert result == {"a": 1, "weights_sha256": file_sha256(str(tmp_path / used))}


def test_scoring_gets_probabilities_on_the_networks_grid(tmp_path):
    answer = AnswerRequestd(transforms=None, weights=str(tmp_path / "model.pt"))
    prediction = {"seg": torch.randn(1, 5, 4, 3), "class_logits": torch.randn(2, 3), "enhancement": torch.randn(4, 3)}
    scored = answer({"image": torch.zeros(4, 5, 4, 3), "native": 0, "pred": prediction, "latencies": {}})
    assert set(scored) == {"pred", "latencies"}
    assert scored["pred"].shape == (3, 5, 4, 3)
    assert np.sum(scored["pred"]) == pytest.approx(5 * 4 * 3)  # as the server does for its log


def test_probabilities_sum_to_one_and_know_the_slices_class():
    seg, logits = torch.randn(1, 5, 4, 3), torch.tensor([[3.0, -3.0, 0.0], [-3.0, 3.0, 0.0]])
    probabilities = class_probabilities({"seg": seg, "class_logits": logits})
    torch.testing.assert_close(probabilities.sum(0), torch.ones(5, 4, 3))
    torch.testing.assert_close(probabilities[1:].sum(0), torch.sigmoid(seg[0]))
    assert (probabilities[1, ..., 0] > probabilities[2, ..., 0]).all()
    assert (probabilities[1, ..., 1] < probabilities[2, ..., 1]).all()
    np.testing.assert_allclose(class_probabilities({"seg": seg})[1], torch.sigmoid(seg[0]))


def test_what_serves_requests_is_made_together_with_the_network():
    """A server's threads that import the same code at the same time get in each other's way."""
    parser = ConfigParser()
    parser.read_config(str(ROOT / "bundle" / "configs" / "inference.json"))
    parser.get_parsed_content("network_def")
    assert {"pre_transforms", "inferer", "post_transforms"} <= parser.ref_resolver.resolved_content.keys()

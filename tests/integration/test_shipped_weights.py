"""The weights in bundle/models, when they are there."""

import hashlib
import json

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigParser

from custom.data.phantom import simulate_study, write_dicom
from custom.engines import load_weights

MIB = 2**20


@pytest.fixture(scope="module")
def weights(shipped):
    path = shipped.root / "bundle" / "models" / "model.pt"
    if not path.is_file():
        pytest.skip("there are no weights in bundle/models: train first")
    return path


@pytest.fixture(scope="module")
def described(weights):
    return json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def lesion_of_45_mm():
    """The first of some generated studies whose one lesion measures 40 to 50 mm, and its class."""
    for seed in range(9000, 9200):
        study = simulate_study(seed=seed, lesions=("HCC",))
        (lesion,) = study.truth["lesions"]
        if 40 <= lesion["diameter_mm"] <= 50:
            return study
    raise AssertionError("no such lesion among 200 studies")


def test_they_are_what_model_json_says_and_small_enough(weights, described):
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == described["sha256"]
    assert weights.stat().st_size <= 40 * MIB


def test_inference_prepares_the_input_that_weights_were_trained_on(shipped, described, tmp_path):
    parser = ConfigParser()
    parser.read_config(shipped.configs / "inference.json")
    keys = ("classes", "spacing_mm", "reference_phase", "residual")
    assert [parser["made_for"]["otherwise"][key] for key in keys] == [described[key] for key in keys]
    other = {"classes": ["FNH", "HCC"], "spacing_mm": 2.0, "reference_phase": "arterial", "residual": False}
    (tmp_path / "model.json").write_text(json.dumps(other), encoding="utf-8")
    parser["ckpt_path"] = str(tmp_path / "model.pt")
    parser.parse(reset=True)
    assert {key: parser.get_parsed_content(key) for key in keys} == other
    assert not parser.get_parsed_content("network_def").residual


def test_they_fit_the_network_of_every_configuration(shipped, weights, tmp_path):
    for file in ("inference.json", "train.json"):
        workflow = shipped.build([file], dataset_dir=str(tmp_path), output_dir=str(tmp_path))
        load_weights(workflow.parser.get_parsed_content("network_def"), weights)


def test_they_find_a_lesion_in_a_generated_dicom_study(shipped, weights, lesion_of_45_mm, tmp_path):
    write_dicom(lesion_of_45_mm, tmp_path / "studies" / "one", layout="series", seed=1)
    overrides = {
        "dataset_dir": str(tmp_path / "studies"),
        "output_dir": str(tmp_path / "out"),
        "ckpt_path": str(weights),
    }
    shipped.run_logged(shipped.build(["inference.json"], workflow_type="infer", **overrides))
    found = np.asarray(nib.load(tmp_path / "out" / "one" / "tumour.nii.gz").dataobj) > 0
    true = lesion_of_45_mm.tumour > 0
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.6
    report = json.loads((tmp_path / "out" / "one" / "study.json").read_text(encoding="utf-8"))
    assert report["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()

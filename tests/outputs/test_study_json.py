import hashlib
import json
from importlib.resources import files

import jsonschema
import pytest

import custom.outputs
from custom.outputs import arterial_phase_hyperenhancement, washout
from custom.types import PHASES

SCHEMA = json.loads((files(custom.outputs) / "study_schema.json").read_text(encoding="utf-8"))


def checked(result: dict) -> dict:
    """What a reader of the file gets, after validation."""
    read = json.loads(json.dumps(result, allow_nan=False))
    jsonschema.validate(read, SCHEMA, cls=jsonschema.Draft202012Validator)
    return read


def test_a_full_report(make_study, tmp_path):
    weights = tmp_path / "modell ü.pt"
    weights.write_bytes(b"weights")
    report = checked(make_study(weights=str(weights))["result"])
    voxel_ml = 1.5 * 1.25 * 6 / 1000
    first, second = report["lesions"]
    assert (first["volume_ml"], second["volume_ml"]) == pytest.approx((360 * voxel_ml, 90 * voxel_ml))
    assert report["tumour_volume_ml"] == pytest.approx(450 * voxel_ml)
    # voxels 6..15, 8..19, 1..3: centre (10.5, 13.5, 2), hand-mapped to RAS+ mm
    assert first["centroid_mm"] == pytest.approx([30 - 1.5 * 10.5, 12.5 - 1.25 * 13.5, -99 + 12])
    assert [lesion["label_value"] for lesion in report["lesions"]] == [2, 1]
    assert [lesion["class"]["label"] for lesion in report["lesions"]] == ["HCC", "hemangioma"]
    hcc = (360 * 0.9 + 90 * 0.35) / 450
    assert report["class"]["label"] == "HCC"
    assert report["class"]["probabilities"] == pytest.approx({"hemangioma": 1 - hcc, "HCC": hcc})
    assert report["enhancement"]["measured"]["raw"]["arterial"] == pytest.approx((360 * 270 + 90 * 260) / 450)
    assert first["enhancement"]["regressed"]["raw"]["arterial"] == pytest.approx(1.35 * 200)
    assert first["enhancement"]["measured"]["relative_pct"] == pytest.approx(
        {"pre": 0, "arterial": 237.5, "portal_venous": 62.5, "delayed": 37.5}
    )
    assert first["lesion_to_liver_ratio"]["delayed"] == pytest.approx(110 / 150, rel=0.01)
    assert first["reference_tissue"]["source"] == "ring"
    assert (first["arterial_phase_hyperenhancement"], first["washout"]) == ("present", "present")
    assert (second["arterial_phase_hyperenhancement"], second["washout"]) == ("present", "absent")
    assert report["weights_sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert set(report["versions"]) == {"mti_net", "monai", "torch"}
    assert report["phases"]["arterial"]["evidence"] == {"score": None}  # was NaN
    assert report["phases"]["pre"]["alignment"]["shift_mm"] == [0.5, -1.0, 6.0]


def leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("study", [{}, {"lesions": False}, {"missing": ("pre",)}])
def test_everything_is_plain_python(make_study, study):
    assert {type(leaf) for leaf in leaves(make_study(**study)["result"])} <= {str, int, float, type(None)}


def test_flags(make_study):
    report = make_study()["result"]
    first, second = report["lesions"]
    assert first["flags"] == []
    # the second shares its slices (its curves are one), touches the last slice and is sure of nothing
    assert second["flags"] == ["shared_slice", "at_volume_edge", "low_confidence"]
    assert second["enhancement"]["regressed"] == second["enhancement"]["measured"]
    assert report["flags"] == ["several_classes", "shared_slice", "at_volume_edge"]


def test_curves_that_disagree_are_flagged(make_study):
    data = make_study()
    lesion = dict(data["lesions"][0], regressed_raw=[80, 270, 130, 110 + 0.24 * 590])
    values = dict(data["study_values"])
    report = custom.outputs.ReportStudyd(classes=["hemangioma", "HCC"])
    assert "curve_disagreement" not in report({**data, "lesions": [lesion]})["result"]["lesions"][0]["flags"]
    lesion["regressed_raw"] = [80, 270, 130, 110 + 0.26 * 590]
    assert "curve_disagreement" in report({**data, "lesions": [lesion]})["result"]["lesions"][0]["flags"]
    values["regressed_raw"] = [0, 0, 0, 0]
    assert "curve_disagreement" in report({**data, "study_values": values})["result"]["flags"]


def test_no_lesion_is_null_everywhere(make_study):
    report = checked(make_study(lesions=False)["result"])
    assert report["class"] == {"label": None, "probabilities": {"hemangioma": None, "HCC": None}}
    for curve in report["enhancement"].values():
        assert curve == {"raw": dict.fromkeys(PHASES), "relative_pct": dict.fromkeys(PHASES)}
    assert report["lesions"] == []
    assert report["flags"] == ["no_lesion"]
    assert report["tumour_volume_ml"] == 0
    assert report["weights_sha256"] is None


def test_a_missing_pre_phase_takes_relative_enhancement_along(make_study):
    report = checked(make_study(missing=("pre",))["result"])
    assert report["phases"]["pre"] is None
    measured = report["enhancement"]["measured"]
    assert measured["raw"]["pre"] is None
    assert measured["raw"]["arterial"] > 0
    assert set(measured["relative_pct"].values()) == {None}
    assert report["lesions"][0]["arterial_phase_hyperenhancement"] == "present"
    assert report["flags"][0] == "missing_phase:pre"


def test_a_missing_arterial_phase_leaves_the_signs_open(make_study):
    (lesion, _) = checked(make_study(missing=("arterial",))["result"])["lesions"]
    assert lesion["arterial_phase_hyperenhancement"] is None
    assert lesion["washout"] is None


def test_absent_tasks_and_other_classes(make_study):
    report = checked(make_study(tasks=())["result"])
    assert report["class"]["label"] is None
    assert report["lesions"][0]["label_value"] == 1
    assert report["enhancement"]["regressed"]["raw"] == dict.fromkeys(PHASES)
    assert report["enhancement"]["measured"]["raw"]["pre"] > 0
    renamed = checked(make_study(classes=("Zyste", "Metastase"))["result"])
    assert renamed["class"]["probabilities"].keys() == {"Zyste", "Metastase"}


def test_the_schema_refuses_nonsense(make_study):
    report = checked(make_study()["result"])
    for change in ({"scale": 0}, {"unknown": 1}, {"class": {"label": "HCC", "probabilities": {"HCC": 1.2}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**report, **change}, SCHEMA)


@pytest.mark.parametrize(
    ("ratio", "raw", "hyper", "washed"),
    [
        ((0.9, 1.10, 0.90, 0.95), (100, 111, 90, 90), "present", "present"),
        ((0.9, 1.09, 1.0, 0.90), (100, 200, 90, 90), "absent", "present"),
        ((1.5, 1.50, 0.91, 1.0), (100, 109, 90, 90), "absent", "absent"),  # bright already before contrast
        ((0.9, 0.95, 0.90, 0.86), (100, 120, 90, 90), "absent", "absent"),  # dark throughout: nothing washed out
        ((None, 1.30, None, 0.80), (None, 120, None, 90), "present", "present"),
        ((0.9, 1.30, None, None), (100, 120, None, None), "present", None),
        ((0.9, 1.30, 1.0, None), (100, 120, 110, None), "present", None),  # it may have come later
        ((0.9, 1.30, 0.8, None), (100, 120, 80, None), "present", "present"),
    ],
)
def test_the_numeric_rules(ratio, raw, hyper, washed):
    ratio, raw = dict(zip(PHASES, ratio, strict=True)), dict(zip(PHASES, raw, strict=True))
    assert arterial_phase_hyperenhancement(ratio, raw) == hyper
    assert washout(ratio) == washed

"""From a folder of studies to results, by the shipped inference.json and weights trained for a few seconds."""

import json
from pathlib import Path

import jsonschema
import nibabel as nib
import numpy as np
import pytest

from custom.data.phantom import write_nifti

GOOD = ("healthy", "known", "nifti", "series", "short", "temporal")


@pytest.fixture(scope="module")
def reports(predicted):
    return {case: json.loads((predicted.results / case / "study.json").read_text("utf-8")) for case in GOOD}


@pytest.fixture(scope="module")
def label_maps(predicted):
    return {case: nib.load(predicted.results / case / "tumour.nii.gz") for case in GOOD}


def test_one_bad_study_stops_no_other_and_sets_the_exit_code(predicted):
    assert predicted.code == 1
    assert sorted(path.name for path in predicted.results.iterdir() if path.is_dir()) == list(GOOD)
    for case in GOOD:
        files = sorted(path.name for path in (predicted.results / case).iterdir())
        assert files == ["overview.png", "study.json", "tumour.nii.gz"]
    summary = json.loads((predicted.results / "summary.json").read_text("utf-8"))["studies"]
    assert {entry["case"]: entry["ok"] for entry in summary} == {**dict.fromkeys(GOOD, True), "torn": False}
    assert "arterial.nii.gz" in predicted.said
    assert "1 of 7 studies failed" in predicted.said


def test_nothing_is_written_beside_the_studies(predicted):
    assert sorted(path.name for path in predicted.studies.iterdir()) == sorted([*GOOD, "torn"])
    assert not list(predicted.studies.rglob("study.json"))


def test_every_report_follows_the_schema(shipped, reports):
    schema = json.loads((shipped.root / "custom" / "outputs" / "study_schema.json").read_text("utf-8"))
    for case, report in reports.items():
        jsonschema.validate(report, schema)
        assert report["case"] == case


def test_label_maps_lie_on_the_reference_phase_grid(predicted, label_maps, two_classes):
    for case in ("series", "temporal", "nifti", "short"):
        assert label_maps[case].shape == two_classes.tumour.shape
        np.testing.assert_allclose(label_maps[case].affine, two_classes.affine, atol=1e-3)
        assert label_maps[case].get_data_dtype() == np.uint8
    reference = nib.load(predicted.studies / "nifti" / "portal_venous.nii.gz")
    np.testing.assert_array_equal(label_maps["nifti"].affine, reference.affine)


def test_a_lesion_is_found_where_it_is(predicted, label_maps):
    found = np.asarray(label_maps["known"].dataobj) > 0
    true = np.asarray(nib.load(predicted.studies / "known" / "tumour.nii.gz").dataobj) > 0
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.3  # by chance: below 0.1


def test_label_values_are_those_of_the_reported_lesions(reports, label_maps):
    assert reports["series"]["lesions"]
    for case, report in reports.items():
        values = set(np.unique(np.asarray(label_maps[case].dataobj)).tolist()) - {0}
        assert values == {lesion["label_value"] for lesion in report["lesions"]}
        for lesion in report["lesions"]:
            assert lesion["class"]["label"] == ["hemangioma", "HCC"][lesion["label_value"] - 1]


@pytest.mark.parametrize("form", ["series", "temporal"])
def test_dicom_and_nifti_of_one_study_give_the_same_result(reports, label_maps, form):
    np.testing.assert_array_equal(np.asarray(label_maps[form].dataobj), np.asarray(label_maps["nifti"].dataobj))
    ours, other = reports[form], reports["nifti"]
    assert ours["scale"] == pytest.approx(other["scale"], rel=1e-6)
    assert ours["class"]["label"] == other["class"]["label"]
    for kind in ("regressed", "measured"):
        raw = ours["enhancement"][kind]["raw"]
        assert raw == pytest.approx(other["enhancement"][kind]["raw"], rel=1e-4, abs=0.1)


def test_a_missing_phase_is_null_and_flagged(reports):
    short = reports["short"]
    assert "missing_phase:delayed" in short["flags"]
    assert short["phases"]["delayed"] is None
    assert short["enhancement"]["measured"]["raw"]["delayed"] is None
    assert short["phases"]["arterial"] is not None


def test_a_localiser_is_set_aside_with_a_reason(reports):
    assert all(
        reports[form]["set_aside"] and reports[form]["set_aside"][0]["reason"] for form in ("series", "temporal")
    )


def test_without_a_lesion_there_is_no_class(reports):
    for report in reports.values():
        assert (report["class"]["label"] is None) == (not report["lesions"])
        assert ("no_lesion" in report["flags"]) == (not report["lesions"])


def test_reports_name_the_weights(reports, trained):
    described = json.loads((trained.models / "model.json").read_text("utf-8"))
    assert {report["weights_sha256"] for report in reports.values()} == {described["sha256"]}


def test_a_phase_map_names_what_file_names_do_not(shipped, trained, two_classes, reports, tmp_path):
    study = tmp_path / "studies" / "unnamed"
    write_nifti(two_classes, study)
    for new, phase in zip("abcd", ("delayed", "pre", "portal_venous", "arterial"), strict=True):
        (study / f"{phase}.nii.gz").rename(study / f"scan_{new}.nii.gz")
    phase_map = tmp_path / "phase map.csv"
    phase_map.write_text(
        "case,phase,source\n*,pre,scan_b.nii.gz\n*,arterial,scan_d.nii.gz\n"
        "*,portal_venous,scan_c.nii.gz\n*,delayed,scan_a.nii.gz\n",
        encoding="utf-8",
    )
    overrides = {
        **shipped.small_network,
        "dataset_dir": str(study.parent),
        "output_dir": str(tmp_path / "out"),
        "ckpt_path": str(trained.weights),
        "phase_map": str(phase_map),
    }
    shipped.run_logged(shipped.build(["inference.json"], run_id="inference", workflow_type="infer", **overrides))
    report = json.loads((tmp_path / "out" / "unnamed" / "study.json").read_text("utf-8"))
    assert report["phases"]["arterial"]["source"] == "scan_d.nii.gz"
    assert report["enhancement"] == reports["nifti"]["enhancement"]


def test_the_curve_classifier_is_the_one_beside_the_weights(shipped, trained, tmp_path):
    def classifier_of(weights):
        workflow = shipped.build(["inference.json"], workflow_type="infer", ckpt_path=str(weights))
        return workflow.parser.get_parsed_content("curve_classifier")

    assert Path(classifier_of(trained.weights)) == trained.models / "curve_classifier.json"
    assert classifier_of(tmp_path / "model.pt") is None  # a training on one class fits none

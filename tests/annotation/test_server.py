"""What a client of a MONAI Label server with this bundle sees, over HTTP."""

from __future__ import annotations

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from custom.package import NAME
from tests.annotation.conftest import OTHER
from tests.annotation.page import commands, keys_of, shown_keys, shown_lines

OF_THE_SERVER = {"label_names", "latencies", "centroids"}
OF_THE_SOURCE = {"case", "phases", "set_aside"}

pytestmark = pytest.mark.monailabel


def assert_same(answer, folder):
    """The label map voxel for voxel, and the report."""
    assert answer.status == 200, answer.content
    ours = nib.load(folder / "tumour.nii.gz")
    assert np.asarray(ours.dataobj).any()
    np.testing.assert_array_equal(np.asarray(answer.label_map.dataobj), np.asarray(ours.dataobj))
    np.testing.assert_allclose(answer.label_map.affine, ours.affine, atol=1e-4)
    report = json.loads((folder / "study.json").read_text("utf-8"))
    assert answer.content.keys() - OF_THE_SERVER == report.keys()
    for key in report.keys() - OF_THE_SOURCE:
        assert answer.content[key] == report[key], key


def test_the_bundle_is_listed_with_its_classes_a_trainer_and_a_score(client):
    info = client.get("/info/").content
    assert info["models"][NAME]["labels"] == {"hemangioma": 1, "hcc": 2}
    assert {NAME, OTHER} <= info["models"].keys()
    assert {NAME, OTHER} <= info["trainers"].keys()
    assert list(info["scoring"]) == [NAME]


def test_a_listed_study_whose_phases_lie_beside_it(client, expected):
    answer = client.infer(NAME, "files")
    assert_same(answer, expected / "files")
    assert answer.content["case"] == "files"
    assert answer.content["phases"]["portal_venous"]["evidence"]["rule"] == "reference file"
    lesion = answer.content["lesions"][0]
    assert set(lesion["class"]["probabilities"]) == {"hemangioma", "HCC"}
    assert all(len(lesion["enhancement"][kind]["raw"]) == 4 for kind in ("regressed", "measured"))


def test_a_listed_study_that_lacks_a_phase(client, expected):
    answer = client.infer(NAME, "short")
    assert_same(answer, expected / "short")
    assert "missing_phase:delayed" in answer.content["flags"]
    assert answer.content["enhancement"]["measured"]["raw"]["delayed"] is None


def test_a_4d_file_by_its_path_and_as_an_upload(client, expected, sources):
    path = sources.good / "stacked" / "exam.nii.gz"
    by_path, uploaded = client.infer(NAME, path), client.infer(NAME, upload=path)
    assert_same(by_path, expected / "stacked")
    assert_same(uploaded, expected / "stacked")
    assert by_path.content["case"] == "exam"


def test_a_folder_of_dicom(client, expected, sources):
    answer = client.infer(NAME, sources.good / "dicom")
    assert_same(answer, expected / "dicom")
    assert answer.content["set_aside"]


@pytest.mark.parametrize("output", ["image", "json"])
def test_one_part_of_the_answer(client, output):
    answer = client.form("POST", f"/infer/{NAME}", {"params": "{}"}, {}, image="files", output=output)
    assert answer.status == 200
    assert isinstance(answer.content, dict if output == "json" else str)


@pytest.mark.parametrize(
    ("image", "status", "message"),
    [
        ("no such id", 404, "image: found no study of this id; expected an id that GET /datastore/ lists"),
        ("{bad}/lonely/c01.nii.gz", 422, "c01: found one 3-D NIfTI and no phases/c01_<phase>.nii.gz beside it"),
        ("{bad}/torn/c01.nii.gz", 422, "c01/c01_pre.nii.gz: found an unreadable or truncated file"),
        ("{bad}", 422, "found NIfTI files in 3 sub-folders"),
    ],
)
def test_a_study_that_cannot_be_used_is_answered_with_what_to_do_and_the_server_goes_on(
    client, sources, image, status, message
):
    answer = client.infer(NAME, image.format(bad=sources.bad))
    assert answer.status == status
    assert message in answer.content["detail"]
    assert str(sources.bad) not in answer.content["detail"]
    assert client.infer(NAME, "files").status == 200


def test_the_pages_requests_give_what_it_shows(type_in, project):
    answers = type_in("Ask for a prediction")
    (shown,) = shown_keys("Ask for a prediction")
    report = json.loads(answers[-1])
    assert shown <= keys_of(report)
    label_map = nib.load(project / "tumour.nii.gz")
    assert set(np.unique(label_map.dataobj)) <= {0, 1, 2}
    assert label_map.shape == nib.load(project / "studies" / "phantom_test_001.nii.gz").shape


def test_the_pages_folder_of_dicom_and_its_file_that_is_sent_along(type_in, project, sources):
    shutil.copy(sources.good / "stacked" / "exam.nii.gz", project)
    _, folder, upload = type_in("Multi-phase studies")
    rule = json.loads(folder)["phases"]["arterial"]["evidence"]["rule"]
    assert "times" in rule
    assert json.loads(upload)["phases"]["arterial"]["evidence"]["rule"] == "order in the 4-D file"


def test_the_pages_refusal(type_in):
    assert type_in("When a study cannot be used") == shown_lines("When a study cannot be used")


def test_the_command_with_scoring_is_the_one_without_and_more():
    (plain,), (more, *_) = commands("Start the server"), commands("Active learning")
    assert more.startswith(plain)


def test_two_bundles_run_their_own_code_and_weights(client):
    for _ in range(2):
        first, second = client.infer(NAME, "files"), client.infer(OTHER, "files")
        assert first.status == second.status == 200, (first.content, second.content)
        assert second.content["versions"]["mti_net"] == "second-" + first.content["versions"]["mti_net"]
        assert second.content["tumour_volume_ml"] < first.content["tumour_volume_ml"]  # of a higher threshold


def test_scoring_takes_the_entropy_of_probabilities_that_dropout_varies(type_in, client):
    done, scored = map(json.loads, type_in("Active learning"))
    assert done["executed"] == done["total"] > 2
    (shown,) = shown_keys("Active learning")
    assert shown <= keys_of(scored)
    cases = client.get("/datastore/", output="all").content["objects"].values()
    entropies = [case["image"]["info"].get("epistemic_entropy") for case in cases]
    known = [value for value in entropies if value is not None]
    assert len(set(known)) == done["total"]
    assert all(0 < value < np.log(3) for value in known)

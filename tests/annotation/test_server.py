"""What a client of a MONAI Label server with this bundle sees, over HTTP."""

from __future__ import annotations

import hashlib
import json
import time

import nibabel as nib
import numpy as np
import pytest

from custom.package import NAME

OTHER = "liver_mri_second_reader"
OF_THE_SERVER = {"label_names", "latencies", "centroids"}
OF_THE_SOURCE = {"case", "phases", "set_aside"}
TRAINING_LIMIT_S = 900

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
        ("{bad}", 422, "found NIfTI files in 2 sub-folders"),
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


def test_two_bundles_run_their_own_code_and_weights(client):
    for _ in range(2):
        first, second = client.infer(NAME, "files"), client.infer(OTHER, "files")
        assert first.status == second.status == 200, (first.content, second.content)
        assert second.content["versions"]["mti_net"] == "second-" + first.content["versions"]["mti_net"]
        assert second.content["tumour_volume_ml"] < first.content["tumour_volume_ml"]  # of a higher threshold


def test_scoring_takes_the_entropy_of_probabilities_that_dropout_varies(client):
    done = client.post(f"/scoring/{NAME}", run_sync="true")
    assert done.status == 200, done.content
    assert done.content["executed"] == 1
    scored = client.get("/datastore/", output="all").content["objects"]
    entropies = [case["image"]["info"].get("epistemic_entropy") for case in scored.values()]
    (entropy,) = [value for value in entropies if value is not None]
    assert 0 < entropy < np.log(3)


def wait_for_training(client):
    deadline = time.monotonic() + TRAINING_LIMIT_S
    while (task := client.get("/train/").content)["status"] in ("SUBMITTED", "RUNNING"):
        assert time.monotonic() < deadline, task
        time.sleep(1)
    return task


def train(client, **more):
    started = client.post(f"/train/{NAME}", {"max_epochs": 2, "val_split": 0.0, "device": "cpu", **more})
    assert started.status == 200, started.content
    return wait_for_training(client)


@pytest.fixture
def labelled(studies):
    """Case → class, as the sidecar files say."""
    files = sorted((studies / "labels" / "final").glob("*.json"))
    return {path.stem: json.loads(path.read_text("utf-8"))["class"] for path in files}


def test_training_takes_classes_from_both_places_and_its_weights_serve_the_next_inference(
    client, app, studies, labelled
):
    before = client.infer(NAME, "files").content
    moved = next(iter(labelled))
    (studies / "labels" / "final" / f"{moved}.json").unlink()
    information = json.dumps({"class": labelled[moved]})
    told = client.form("PUT", "/datastore/label/info", {"info": information}, {}, label=moved, tag="final")
    assert told.status == 200, told.content

    task = train(client)
    assert task["status"] == "DONE", "\n".join(task["details"])
    bundle = app / "model" / NAME
    learnt = json.loads((bundle / "outputs" / "training_curves.json").read_text("utf-8"))
    known = [learnt["classes"][k] for k in learnt["lesion_classes"] if k >= 0]
    assert sorted(known) == sorted(labelled.values())

    after = client.infer(NAME, "files").content
    digest = hashlib.sha256((bundle / "models" / "model.pt").read_bytes()).hexdigest()
    assert after["weights_sha256"] == digest != before["weights_sha256"]
    earlier = client.infer(NAME, "files", model_filename=f"model_{before['weights_sha256'][:8]}.pt").content
    assert earlier["weights_sha256"] == before["weights_sha256"]
    assert earlier["tumour_volume_ml"] == before["tumour_volume_ml"]


def test_a_saved_label_with_named_segments_and_a_validation_share(client, studies):
    """As a viewer saves it: values in the order of its segments, and their names."""
    drawn = studies / "phases" / "files_pre.nii.gz"  # its grid
    reference = nib.load(drawn)
    values = np.zeros(reference.shape, np.uint8)
    values[40:50, 40:48, 6:9] = 1
    path = studies.parent / "drawn.nii.gz"
    nib.save(nib.Nifti1Image(values, reference.affine), path)
    names = json.dumps({"label_info": [{"name": "hcc", "idx": 1}, {"name": "hemangioma", "idx": 2}]})
    saved = client.form("PUT", "/datastore/label", {"params": names}, {"label": path}, image="files", tag="final")
    assert saved.status == 200, saved.content
    try:
        task = train(client, max_epochs=1, val_split=0.3)
    finally:
        client._ask("DELETE", "/datastore/label", {"id": "files", "tag": "final"})
    assert task["status"] == "DONE", "\n".join(task["details"])


def test_training_with_a_class_that_the_bundle_does_not_know_says_so_and_leaves_the_weights(client, app, labelled):
    case = next(iter(labelled))
    weights = app / "model" / NAME / "models" / "model.pt"
    before = weights.read_bytes()
    client.form("PUT", "/datastore/label/info", {"info": '{"class": "cyst"}'}, {}, label=case, tag="final")
    task = train(client)
    client.form("PUT", "/datastore/label/info", {"info": '{"class": null}'}, {}, label=case, tag="final")
    assert task["status"] == "ERROR"
    assert "cyst" in "\n".join(task["details"])
    assert weights.read_bytes() == before
    assert client.infer(NAME, "files").status == 200

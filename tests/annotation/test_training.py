"""Training over HTTP: where a study's class comes from, and whose weights serve the next inference."""

from __future__ import annotations

import hashlib
import json
import time

import nibabel as nib
import numpy as np
import pytest

from custom.package import NAME
from tests.annotation.page import keys_of, shown_keys

TRAINING_LIMIT_S = 600

pytestmark = pytest.mark.monailabel


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


@pytest.fixture
def predicted(client, project):
    """The label map that the page's reader has kept."""
    answer = client.infer(NAME, "phantom_test_001")
    nib.save(answer.label_map, project / "tumour.nii.gz")


def test_the_pages_training_takes_classes_from_both_places_and_its_weights_serve_the_next_inference(
    client, type_in, app, studies, labelled, predicted
):
    before = client.infer(NAME, "files").content
    (studies / "labels" / "final" / "phantom_training_003.json").unlink()  # the page's command says it instead
    *_, running = type_in("Correct and train")
    (shown,) = shown_keys("Correct and train")
    assert shown <= keys_of(json.loads(running))

    task = wait_for_training(client)
    assert task["status"] == "DONE", "\n".join(task["details"])
    bundle = app / "model" / NAME
    learnt = json.loads((bundle / "outputs" / "training_curves.json").read_text("utf-8"))
    known = [learnt["classes"][k] for k in learnt["lesion_classes"] if k >= 0]
    assert known.count("hemangioma") == list(labelled.values()).count("hemangioma") == 2  # masks of 1 do not tell

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

"""An annotation server's items become datalist entries: case from the image, class from what lies beside the label."""

import json

import pytest

from custom.data.annotated import STORE, as_entry
from custom.data.classes import class_indices
from custom.types import InputError

CLASSES = ("hemangioma", "HCC")


@pytest.fixture
def item(tmp_path):
    """A study as MONAI Label lists it, in a folder as it keeps them."""
    folder = tmp_path / "labels" / "final"
    folder.mkdir(parents=True)
    return {"image": str(tmp_path / "c.01.nii.gz"), "label": str(folder / "c.01.nii.gz")}


@pytest.fixture
def inform(tmp_path):
    """Writes a label's information as MONAI Label does."""

    def write(case="c.01", **info):
        objects = {case: {"image": {"ext": ".nii.gz"}, "labels": {"final": {"ext": ".nii.gz", "info": info}}}}
        (tmp_path / STORE).write_text(json.dumps({"name": "new-dataset", "objects": objects}), "utf-8")

    return write


def beside(item, content):
    with open(item["label"].replace(".nii.gz", ".json"), "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))


def test_without_information_the_class_is_unknown(item):
    assert as_entry(item) == {**item, "case": "c.01", "lesion_class": None}


def test_class_from_the_labels_information(item, inform):
    inform(**{"class": "HCC"})
    assert as_entry(item)["lesion_class"] == "HCC"


def test_another_studys_information_says_nothing(item, inform):
    inform(case="c.02", **{"class": "HCC"})
    assert as_entry(item)["lesion_class"] is None


def test_class_from_the_sidecar_file(item, inform):
    beside(item, {"class": "hemangioma"})
    assert as_entry(item)["lesion_class"] == "hemangioma"
    inform(ts=1, **{"class": "hemangioma"})
    assert as_entry(item)["lesion_class"] == "hemangioma"


def test_a_contradiction_is_not_resolved_by_guessing(item, inform):
    beside(item, {"class": "hemangioma"})
    inform(**{"class": "HCC"})
    with pytest.raises(InputError, match=r"c\.01: found class 'HCC' in the label's information, 'hemangioma' in the"):
        as_entry(item)


@pytest.mark.parametrize("content", ["{", "[]", '"HCC"'])
def test_a_sidecar_file_that_is_none(item, content):
    beside(item, content)
    with pytest.raises(InputError, match=r"c\.01\.json"):
        as_entry(item)


def test_segments_that_a_viewer_named(item, inform):
    inform(label_info=[{"name": "hcc", "idx": 1}, {"name": "hemangioma", "idx": 2}, {"color": "red"}])
    assert as_entry(item)["label_names"] == {1: "hcc", 2: "hemangioma"}


def test_entries_and_paths_stay_as_they_are(tmp_path):
    entry = {"case": "a", "image": "b.nii.gz", "label": "c.nii.gz"}
    assert as_entry(entry) is entry
    assert as_entry("b.nii.gz") == "b.nii.gz"
    assert as_entry({"image": str(tmp_path / "exam.v2")})["case"] == "exam.v2"


def test_class_weights_know_the_servers_classes(item, inform):
    inform(**{"class": "hcc"})
    assert class_indices([item, {"case": "x", "lesion_class": None}], CLASSES) == [1, None]
    inform(**{"class": "cyst"})
    with pytest.raises(InputError, match=r"case c\.01: found lesion class 'cyst'; expected one of"):
        class_indices([item], CLASSES)

"""The datalist: paths made absolute, and every mistake in it found before training starts."""

import json

import pytest

from custom.data import load_datalist, load_study
from custom.types import InputError


@pytest.fixture
def dataset(tmp_path, nifti_study):
    """A data set of one training and one validation study; ``dataset(change)`` writes a changed datalist."""

    def write(change=None):
        name = nifti_study.name
        item = {
            "patient": "p1",
            "phases": {"pre": f"{name}/pre.nii.gz", "portal_venous": f"{name}/portal_venous.nii.gz"},
        }
        content = {
            "classes": ["hemangioma", "HCC"],
            "training": [{"case": "a", "lesion_class": "HCC", **item}],
            "validation": [{"case": "b", **item, "patient": "p2"}],
            "test": [],
        }
        if change:
            change(content)
        (tmp_path / "datalist.json").write_text(json.dumps(content), "utf-8")
        return tmp_path

    return write


def test_items_have_absolute_paths_and_load(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(dataset())
    (item,) = load_datalist(dataset_dir=".", section="training")
    assert item["phases"]["pre"] == str(tmp_path.resolve() / "case 01 ä" / "pre.nii.gz")
    study = load_study(item)
    assert (study.case, study.patient, study.lesion_class) == ("a", "p1", "HCC")


def test_datalist_file_elsewhere(dataset, tmp_path):
    root = dataset()
    (root / "datalist.json").rename(root / "other.json")
    assert [i["case"] for i in load_datalist(dataset_dir=root, section="validation", datalist=root / "other.json")] == [
        "b"
    ]


def first(content, section="training"):
    return content[section][0]


CHANGES = {
    r"case a: found a list of images": lambda c: first(c)["phases"].update(pre=["a.nii.gz", "b.nii.gz"]),
    r"case a, label: found no file gone": lambda c: first(c).update(label=["case 01 ä/pre.nii.gz", "gone.nii.gz"]),
    r"case a, pre: found no file gone\.nii\.gz": lambda c: first(c)["phases"].update(pre="gone.nii.gz"),
    r"unknown key 'lesionclass'; did you mean 'lesion_class'\?": lambda c: first(c).update(lesionclass="HCC"),
    r"case 'a' twice": lambda c: first(c, "validation").update(case="a"),
    r"the patient of case 'b' in training and in validation": lambda c: first(c, "validation").update(patient="p1"),
    r"lesion_class 'hcc'; expected one of hemangioma, HCC": lambda c: first(c).update(lesion_class="hcc"),
    r"lesion_class: found 1": lambda c: first(c).update(lesion_class=1),
    r"patient: found 3": lambda c: first(c).update(patient=3),
    r"found phase 'portal'": lambda c: first(c)["phases"].update(portal="x"),
    r"phases that is no table": lambda c: first(c).update(phases=["x"]),
    r"both or neither of phases and image": lambda c: first(c).update(image="x"),
    r"no section 'training', only validation": lambda c: c.update(training=[]),
    r"another structure": lambda c: c.update(training={"case": "a"}),
    r"case: found None": lambda c: first(c).pop("case"),
}


@pytest.mark.parametrize("message", CHANGES)
def test_mistakes(dataset, message):
    root = dataset(CHANGES[message])
    with pytest.raises(InputError, match=message):
        load_datalist(dataset_dir=root, section="training")


def test_no_datalist_and_no_json(tmp_path):
    with pytest.raises(InputError, match=r"no datalist.*phantom"):
        load_datalist(dataset_dir=tmp_path, section="training")
    (tmp_path / "datalist.json").write_text("{")
    with pytest.raises(InputError, match=r"datalist\.json: found text that is not JSON"):
        load_datalist(dataset_dir=tmp_path, section="training")


def test_phantom_is_made_only_where_nothing_is(tmp_path, dataset, monkeypatch):
    made = []

    def ensure(path, *, preset, seed):
        made.append((path.name, preset, seed))
        dataset()

    monkeypatch.setattr("custom.data.datalist.ensure_phantom", ensure)
    empty = tmp_path / "new"
    with pytest.raises(InputError, match="no datalist"):
        load_datalist(dataset_dir=empty, section="training", phantom="demo", phantom_dir=empty, seed=3)
    assert made == [("new", "demo", 3)]
    load_datalist(dataset_dir=tmp_path, section="training", phantom="demo", phantom_dir=tmp_path)
    with pytest.raises(InputError, match="no datalist"):  # a mistyped folder is no place for a phantom
        load_datalist(dataset_dir=tmp_path / "typo", section="training", phantom="demo", phantom_dir=empty)
    assert len(made) == 1

"""A folder and a table → a datalist that can be trained on: joined, split, relative, and refused where it is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from custom.__main__ import main
from custom.data import load_datalist, load_study
from custom.data.prepare import folder_entries, write_datalist
from custom.data.prepare.labels import read_labels
from custom.types import InputError

CLASSES = ("FNH", "HCC", "cyst")


@pytest.fixture
def studies(tmp_path, volumes, save_nifti):
    """A folder of NIfTI studies ``c01`` ... ``c10`` with a tumour mask each; returns the folder."""
    root = tmp_path / "my studies"
    for n in range(1, 11):
        for phase in ("pre", "portal_venous"):
            save_nifti(root / f"c{n:02d}" / f"{phase}.nii.gz", volumes[phase])
        save_nifti(root / f"c{n:02d}" / "tumour.nii.gz", (volumes["pre"] > 220).astype(np.uint8))
    return root


@pytest.fixture
def table(tmp_path):
    """Write ``labels.csv``: ``table("c01,HCC", ...)``."""

    def write(*rows, header="case,lesion_class", encoding="utf-8", newline="\n"):
        path = tmp_path / "labels.csv"
        path.write_bytes((newline.join([header, *rows]) + newline).encode(encoding))
        return path

    return write


def by_case(entries):
    return {entry["case"]: entry for entry in entries}


def test_entries_hold_what_is_found_and_what_the_table_says(studies, table, save_nifti, volumes):
    mask = (volumes["pre"] > 220).astype(np.uint8)
    save_nifti(studies / "c02" / "liver.nii.gz", mask)
    save_nifti(studies / "c03" / "arterial_seg.nii.gz", mask)
    save_nifti(studies.parent / "elsewhere" / "m.nii.gz", mask)
    (studies / "c05" / "tumour.nii.gz").unlink()
    (studies / "c06" / "tumour.nii.gz").unlink()
    path = table(
        *("c01,hcc,pat1,,", "c02,,,,", "c03,cyst,,,", "c04,FNH,,elsewhere/m.nii.gz,", "c05,none,,,", "c06,HCC,,,"),
        header="case,lesion_class,patient,label,age",
    )
    entries = by_case(folder_entries(studies, labels=path, classes=CLASSES))
    assert entries["c01"] == {
        "case": "c01",
        "patient": "pat1",
        "image": str(studies / "c01"),
        "label": str(studies / "c01" / "tumour.nii.gz"),
        "lesion_class": "HCC",
    }
    assert entries["c02"]["lesion_class"] is None
    assert entries["c02"]["liver"].endswith("liver.nii.gz")
    assert entries["c03"]["labels"] == {"arterial": str(studies / "c03" / "arterial_seg.nii.gz")}
    assert entries["c04"]["label"] == str(studies.parent / "elsewhere" / "m.nii.gz")
    assert entries["c05"]["lesion_free"] is True
    assert not load_study(entries["c05"]).label.data.any()
    assert "no tumour mask" in entries["c06"]["set_aside"]
    assert entries["c07"]["set_aside"] == "no row in labels.csv"


def test_segments_that_are_called_like_classes_carry_their_values(studies, write_nrrd, volumes):
    (studies / "c01" / "tumour.nii.gz").unlink()
    layers = np.stack([volumes["pre"] > 240, volumes["pre"] < 120]).astype(np.uint8)
    keys = {"Segment0_Name": "hcc", "Segment1_Name": "FNH"}
    write_nrrd(studies / "c01" / "Segmentation.seg.nrrd", layers, keys=keys)
    entry = by_case(folder_entries(studies, classes=CLASSES))["c01"]
    assert entry["label"].endswith("Segmentation.seg.nrrd@hcc=2,FNH=1")
    assert "lesion_class" not in entry
    label = load_study(entry).label.data
    np.testing.assert_array_equal(label == 2, layers[0] > 0)
    np.testing.assert_array_equal(label == 1, (layers[1] > 0) & (layers[0] == 0))


def test_a_dicom_seg_elsewhere_belongs_to_its_exam(tmp_path, dicom, volumes, write_seg):
    dicom.series([volumes["pre"]], 5, "T1 nativ", AcquisitionTime="100000.00")
    dicom.series([volumes["portal_venous"]], 6, "T1 portal", AcquisitionTime="100130.00")
    write_seg(tmp_path / "segs" / "1.dcm", {1: volumes["pre"] > 220}, labels={1: "Tumor"}, exam=dicom.exam)
    (entry,) = folder_entries(tmp_path)
    assert entry["label"] == str(tmp_path / "segs" / "1.dcm")
    assert load_study(entry).label.data.any()


FORMS = {
    "byte order mark": {"encoding": "utf-8-sig"},
    "Windows": {"newline": "\r\n"},
    "semicolons": {"header": "Case ;LESION_CLASS;note"},
    "tabs": {"header": "case\tlesion_class"},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_tables_as_spreadsheets_write_them(table, form):
    mark = next((mark for mark in ";\t" if mark in form.get("header", "")), ",")
    rows = read_labels(table(f"c ä 1{mark} HCC", "", **form), CLASSES)
    assert [(row.case, row.lesion_class, row.line) for row in rows] == [("c ä 1", "HCC", 2)]


MISTAKES = {
    r"missing lesion_class.*expected columns among case, lesion_class": {"header": "case,class"},
    r"unknown 'lesion_clas' \(did you mean 'lesion_class'\?\)": {"header": "case,lesion_clas"},
    r"twice case": {"header": "case,lesion_class,case"},
    r"columns none": {"header": ""},
    r"line 3: found case 'c01' in line 2 and again": {"rows": ["c01,HCC", "c01,HCC"]},
    r"line 2: found the class 'HCG'; expected one of FNH, HCC, cyst, none .*--classes": {"rows": ["c01,HCG"]},
    r"line 2: found no case": {"rows": [",HCC"]},
    r"1 case\(s\) that are no study of the folder: 'c99' \(line 2\)": {"rows": ["c99,HCC"]},
    r"line 2: found no file x\.nii\.gz": {"header": "case,lesion_class,label", "rows": ["c01,HCC,x.nii.gz"]},
    r"letters that are not UTF-8": {"rows": ["cä,HCC"], "encoding": "latin-1"},
    r"text that is no table": {"rows": ['"c01,HCC']},
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_in_the_table(studies, table, message):
    rows = MISTAKES[message].get("rows", ["c01,HCC"])
    form = {key: value for key, value in MISTAKES[message].items() if key != "rows"}
    with pytest.raises(InputError, match=message):
        folder_entries(studies, labels=table(*rows, **form), classes=CLASSES)


def test_rows_are_found_by_folder_and_never_guessed(tmp_path, table, volumes, save_nifti):
    for place in ("a/x", "b/x", "b/y"):
        for phase in ("pre", "pv"):
            save_nifti(tmp_path / "s" / place / f"{phase}.nii.gz", volumes["pre"])
    entries = by_case(folder_entries(tmp_path / "s", labels=table("a/x,none", "b_x,none", "y,none")))
    assert sorted(entries) == ["a", "b_x", "b_y"]
    assert [entry["patient"] for entry in entries.values()] == [None, "b", "b"]
    with pytest.raises(InputError, match=r"line 2: found 'x', which is 2 studies"):
        folder_entries(tmp_path / "s", labels=table("x,none"))
    with pytest.raises(InputError, match=r"line 3: found 'b/y', which is the study of line 2"):
        folder_entries(tmp_path / "s", labels=table("b_y,none", "b/y,none"))


def test_the_file_is_relative_complete_and_loads_from_anywhere(studies, table, tmp_path, monkeypatch):
    path = table(*(f"c{n:02d},{CLASSES[n % 3]}" for n in range(1, 11)))
    entries = folder_entries(studies, labels=path, classes=CLASSES)
    content = write_datalist(entries, tmp_path / "lists" / "my.json", classes=CLASSES, test=0.2)
    text = (tmp_path / "lists" / "my.json").read_text("utf-8")
    assert json.loads(text) == content
    assert str(tmp_path) not in text
    assert content["training"][0]["image"].startswith("../my studies/c")
    assert [len(content[section]) for section in ("training", "validation", "test")] == [6, 2, 2]
    monkeypatch.chdir(tmp_path / "lists")
    items = load_datalist(
        datalist="my.json", section="training", dataset_dir="data/phantom", phantom_dir="data/phantom", phantom="demo"
    )
    assert all(load_study(item).label is not None for item in items)
    assert not (tmp_path / "lists" / "data").exists()  # no phantom is made


def test_a_file_is_not_replaced_unasked(studies, tmp_path):
    entries = folder_entries(studies)
    write_datalist(entries, tmp_path / "my.json")
    with pytest.raises(InputError, match=r"a file that exists.*--force"):
        write_datalist(entries, tmp_path / "my.json")
    write_datalist(entries, tmp_path / "my.json", seed=3, force=True)
    assert sorted(path.name for path in tmp_path.glob("*.json*")) == ["my.json"]
    assert not list(tmp_path.glob(".*"))


def test_leaks_other_classes_and_empty_sections_are_found_when_loading(studies, tmp_path, caplog):
    path = tmp_path / "my.json"
    content = write_datalist(folder_entries(studies), path)
    content["training"][0] |= {"patient": "p", "fold": 1}
    content["training"][1] |= {"patient": "p", "fold": 2}
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(InputError, match=r"in fold 1 and in fold 2; expected each patient in one fold"):
        load_datalist(datalist=path, section="training")
    assert "was changed since it was written" in caplog.text
    content["training"][1] |= {"patient": None}
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(InputError, match=r"classes hemangioma, HCC; expected HCC, hemangioma.*--classes \"\['hemang"):
        load_datalist(datalist=path, section="training", classes=["HCC", "hemangioma"])
    with pytest.raises(InputError, match="no section 'test'"):
        load_datalist(datalist=path, section="test")
    assert load_datalist(datalist=path, section="test", instead="validation") == load_datalist(
        datalist=path, section="validation"
    )
    assert "no studies in the section 'test': 'validation' is taken instead" in caplog.text


def test_the_verb_prints_what_was_used_and_what_not(studies, table, tmp_path, capsys, caplog):
    caplog.set_level("INFO")
    path = table(*(f"c{n:02d},{'HCC' if n % 2 else 'none'}" for n in range(1, 10)))
    output = tmp_path / "my.json"
    before = sorted(studies.rglob("*"))
    command = ["prepare", str(studies), "--labels", str(path), "--output", str(output), "--folds", "3"]
    command += ["--no_fingerprint"]
    assert main(command) == 0
    assert "10 found, 9 used (7 training, 2 validation), 1 set aside. Classes: 5 HCC, 4 no tumour." in caplog.text
    assert "set aside  c10: no row in labels.csv" in caplog.text
    assert sorted(studies.rglob("*")) == before
    assert main(command) == 2
    assert "a file that exists" in capsys.readouterr().err


def test_a_phase_map_goes_into_the_list(tmp_path, volumes, save_nifti):
    root = tmp_path / "s"
    for n in range(6):
        for k, phase in enumerate(("pre", "portal_venous")):
            save_nifti(root / f"c{n}" / f"scan{k}.nii.gz", volumes[phase])
        save_nifti(root / f"c{n}" / "tumour.nii.gz", (volumes["pre"] > 220).astype(np.uint8))
    phase_map = tmp_path / "phases.json"
    phase_map.write_text('{"*": {"pre": "scan0", "portal_venous": "scan1"}}', "utf-8")
    assert all("no phase in the file names" in entry["set_aside"] for entry in folder_entries(root))
    write_datalist(folder_entries(root, phase_map=phase_map), tmp_path / "my.json")
    item = load_datalist(datalist=tmp_path / "my.json", section="training")[0]
    np.testing.assert_array_equal(load_study(item).phases["pre"].data, volumes["pre"])
    other = {item["case"]: {"portal_venous": "scan0"}}  # what names the case at run time counts more
    np.testing.assert_array_equal(load_study(item, phase_map=other).phases["portal_venous"].data, volumes["pre"])


def test_an_empty_or_missing_folder(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        folder_entries(tmp_path / "nope")
    with pytest.raises(InputError, match="no studies"):
        folder_entries(Path(tmp_path))


def test_a_tumour_in_a_study_without_tumour_is_an_error(studies):
    entry = {"case": "c", "image": str(studies / "c01"), "lesion_free": True}
    with pytest.raises(InputError, match=r"tumour in tumour\.nii\.gz of a study that is said to be without"):
        load_study(entry)

"""A folder of DICOM exams: faults with their files, without identifiers, all of them at once."""

import json

import pydicom
import pytest

from custom.data.check import check_dataset

NAMES = ("T1 pre", "T1 art", "T1 portal venous", "T1 delayed")


@pytest.fixture
def exam(tmp_path, dicom, volumes):
    """``exam(case)`` writes a sound exam of four series under ``<tmp>/exams/<case>``."""

    def write(case, patient="ID-4711"):
        folder = type(dicom)(tmp_path / "exams" / case)
        folder.patient = patient
        folder.four_series({phase: data + len(case) for phase, data in volumes.items()}, descriptions=NAMES)
        return folder

    return write


@pytest.fixture
def check(tmp_path, rows):
    """Rows of the folder's errors."""
    return lambda **more: [r for r in rows(check_dataset(tmp_path / "exams", **more)) if r[2] == "error"]


def slices(folder, number):
    return sorted((folder.root / f"series{number}").iterdir())


def test_sound_exams_have_no_errors(exam, check):
    exam("one")
    exam("three")
    assert check() == []


def test_every_unreadable_file_is_named(exam, check):
    folder = exam("cut")
    first, second = slices(folder, 5)[1], slices(folder, 7)[2]
    for path in (first, second):
        path.write_bytes(path.read_bytes()[:-20])
    found = check(headers_only=True)
    assert [row[1] for row in found] == [f"cut/series5/{first.name}", f"cut/series7/{second.name}"]
    assert all(row[3].startswith("a truncated file: 50 bytes of pixels; expected 70") for row in found)


def test_two_faulty_series_are_both_named(exam, check):
    folder = exam("gaps")
    slices(folder, 6)[1].unlink()
    slices(folder, 8)[2].unlink()
    found = check(headers_only=True)
    assert [(row[0], row[1]) for row in found] == [("gaps", "gaps/series6"), ("gaps", "gaps/series8")]
    assert found[0][3].startswith("series 6: 1 missing slice(s) between")
    assert found[1][3].startswith("series 8: 1 missing slice(s) between")


def test_mixed_patients(exam, check, tmp_path):
    folder = exam("mixed")
    for path in slices(folder, 6):
        ds = pydicom.dcmread(path)
        ds.PatientID = "ID-4712"
        ds.save_as(path)
    ((case, file, _, finding),) = check()
    assert (case, file) == ("mixed", "mixed")
    assert finding.startswith("2 different patients: ")


def test_an_exam_in_a_datalist_with_a_phase_map(exam, tmp_path, rows):
    exam("one")
    content = {"training": [{"case": "one", "image": "one"}], "validation": [], "test": []}
    (tmp_path / "exams" / "my.json").write_text(json.dumps(content), "utf-8")
    selectors = {"*": {"pre": "5", "arterial": "6", "portal_venous": "7", "delayed": "9"}}
    found = rows(check_dataset(tmp_path / "exams" / "my.json", phase_map=selectors))
    assert [row[:3] for row in found] == [("one", "one", "error"), ("one", "", "error")]
    assert found[0][3].startswith("nothing that matches '9'")
    assert found[1][3] == "no tumour mask"


def test_no_identifier_in_any_form_of_the_report(exam, tmp_path, dicom):
    folder = exam("cut")
    uid = pydicom.dcmread(slices(folder, 5)[0]).SOPInstanceUID
    named = slices(folder, 5)[0].with_name(f"{uid}.dcm")
    slices(folder, 5)[0].rename(named)
    named.write_bytes(named.read_bytes()[:-20])
    other = exam("mixed")
    for path in slices(other, 6):
        ds = pydicom.dcmread(path)
        ds.PatientID = "ID-4712"
        ds.save_as(path)
    report = check_dataset(tmp_path / "exams")
    report.write_json(tmp_path / "report.json")
    text = (report.table(width=4000) + (tmp_path / "report.json").read_text("utf-8")).casefold()
    for secret in ("zimtstern", "erna", "id-471", folder.exam, str(uid), str(tmp_path).casefold()):
        assert secret not in text
    assert f"cut/series5/…{uid[-8:]}.dcm" in text

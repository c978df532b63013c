"""What only a comparison of studies shows: one patient, exam or image in two places."""

import numpy as np
import pytest

from custom.data.check import check_dataset

SMALLEST_ML = 0.1


@pytest.fixture
def check(rows):
    """``check(path)`` → rows."""
    return lambda path, **more: rows(check_dataset(path, min_volume_ml=SMALLEST_ML, **more))


def test_a_patient_in_two_sections_is_a_leak(data_set, check):
    data_set.study("a", patient="p1")
    data_set.study("b", "validation", patient="p1")
    assert check(data_set.write()) == [
        (
            "b",
            "datalist.json",
            "error",
            "the patient of case 'b' in training and in validation; expected each patient in one section only",
        )
    ]


def test_a_case_twice(data_set, check):
    item = data_set.study("a")
    data_set.copy_of(item, "training")
    found = check(data_set.write(), headers_only=True)
    assert found[0] == ("a", "datalist.json", "error", "case 'a' twice; expected each case once")
    assert [row[3] for row in found[1:]] == [
        f"the {phase} phase is the {phase} phase of case a" for phase in ("pre", "arterial", "portal_venous", "delayed")
    ]


@pytest.mark.parametrize(("section", "severity"), [("training", "warning"), ("test", "error")])
def test_one_file_in_two_studies(data_set, check, section, severity):
    data_set.study("a")
    data_set.study("b", section)
    data_set.content[section][-1]["phases"]["delayed"] = "a/delayed.nii.gz"
    (row,) = check(data_set.write())  # said once, though both looks show it
    assert row[:3] == ("b", "", severity)
    assert row[3].startswith("the delayed phase is the delayed phase of case a")
    assert ("in training, not test" in row[3]) == (severity == "error")


def test_a_copied_image_is_found_by_its_voxels(data_set, check):
    data_set.study("a")
    data_set.study("b", "validation")
    copied = np.asarray(data_set.image("arterial"))
    data_set.save("a/arterial.nii.gz", copied)
    data_set.save("b/delayed.nii.gz", copied * np.float32(1))
    path = data_set.write()
    assert not check(path, headers_only=True)
    (row,) = check(path)
    assert row == (
        "b",
        "",
        "error",
        "the delayed phase is the arterial phase of case a, which is in training, not validation",
    )


def write_dicom(folder, volumes, patient, exam, dicom_folder):
    """One exam of four series with unique voxels."""
    study = dicom_folder(folder)
    study.patient, study.exam = patient, exam
    study.four_series(volumes, descriptions=("T1 pre", "T1 art", "T1 portal venous", "T1 delayed"))


def test_identifiers_in_dicom_headers_tell_patients_and_exams_apart(data_set, check, dicom, volumes):
    for case, patient, exam, section in (
        ("a", "p1", "1.2.3", "training"),
        ("b", "p2", "1.2.4", "training"),
        ("c", "p1", "1.2.5", "test"),
        ("d", "p2", "1.2.4", "test"),
    ):
        changed = {phase: data + ord(case) for phase, data in volumes.items()}
        write_dicom(data_set.root / case, changed, patient, exam, type(dicom))
        data_set.save(f"{case}/tumour.nii.gz", np.zeros((7, 5, 4), np.uint8))
        item = {"case": case, "image": case, "label": f"{case}/tumour.nii.gz", "patient": f"{case}s"}
        data_set.content[section].append(item)
    found = [row for row in check(data_set.write(), headers_only=True) if "same" in row[3]]
    assert found == [
        ("c", "", "warning", "the same PatientID as case a, which is in training, not test"),
        (
            "d",
            "",
            "error",
            "the same exam as case b, by its StudyInstanceUID, which is in training, not test",
        ),
        ("d", "", "warning", "the same PatientID as case b, which is in training, not test"),
    ]


def test_an_identifier_that_everybody_has_tells_nothing(data_set, check, dicom, volumes):
    for k, section in enumerate(("training", "test")):
        write_dicom(data_set.root / f"c{k}", volumes, "ANON", f"1.2.{k}", type(dicom))
        data_set.content[section].append({"case": f"c{k}", "image": f"c{k}"})
    assert not [row for row in check(data_set.write(), headers_only=True) if "PatientID" in row[3]]

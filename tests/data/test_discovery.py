"""Studies below a folder: nested, mixed, several patients and exams, and nobody's name in what comes out."""

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from custom.data import find_studies, load_study
from custom.data.discovery import discover
from custom.data.discovery.pseudonyms import case_name, names_somebody

PATIENT, BORN, ACCESSION = "MRN0815-77", "19450817", "ACC4711"


@pytest.fixture
def exam(dicom, volumes):
    """Write an exam of two phases: ``exam(folder, patient=..., uid=...)``; returns its StudyInstanceUID."""

    def write(folder, patient="ID-1", uid=None, born="", accession=""):
        writer = type(dicom)(Path(folder))
        writer.patient, writer.exam = patient, uid or generate_uid()
        more = {"PatientBirthDate": born, "AccessionNumber": accession}
        writer.series([volumes["pre"]], 5, "T1 nativ", AcquisitionTime="100000.00", **more)
        writer.series([volumes["portal_venous"]], 6, "T1 portal", AcquisitionTime="100130.00", **more)
        return writer.exam

    return write


def cases(root, **options):
    found, _ = discover(Path(root), **options)
    return [study.case for study in found]


def test_nested_exams_of_several_patients(tmp_path, exam):
    exam(tmp_path / "p2" / "day10" / "DICOM")
    exam(tmp_path / "p2" / "day9", patient="ID-2")
    exam(tmp_path / "p10" / "a" / "b", patient="ID-3")
    found, rest = discover(tmp_path)
    assert [study.case for study in found] == ["p2_day9", "p2_day10", "p10"]  # natural order; the folder of one exam
    assert [study.folder.relative_to(tmp_path).as_posix() for study in found] == ["p2/day9", "p2/day10", "p10"]
    assert len({study.patient for study in found}) == 3  # by PatientID, not by folder
    assert not rest


def test_one_folder_with_two_patients_and_two_exams_is_split(tmp_path, exam, volumes):
    first = exam(tmp_path / "dump" / "0", patient="A")
    second = exam(tmp_path / "dump" / "1", patient="A")
    exam(tmp_path / "dump" / "2", patient="B")
    flat = tmp_path / "flat"
    flat.mkdir()
    for n, path in enumerate(sorted((tmp_path / "dump").rglob("*.dcm"))):
        path.rename(flat / f"IM{n:04d}")
    shutil.rmtree(tmp_path / "dump")
    found, _ = discover(tmp_path)
    assert len(found) == 3
    assert all(study.case.startswith("exam-") and study.exam is not None for study in found)
    owners = {alias: study.patient for study in found for alias in study.aliases}
    assert owners[first] == owners[second] == owners["A"] != owners["B"]
    for item in find_studies(tmp_path):
        study = load_study(item)  # of each exam its own files only
        assert sorted(study.phases) == ["portal_venous", "pre"]
        np.testing.assert_array_equal(study.phases["pre"].data, volumes["pre"])


def test_other_files_and_exams_without_mr_are_no_studies(tmp_path, exam):
    exam(tmp_path / "p1")
    (tmp_path / "p1" / "DICOMDIR").write_bytes(b"\0" * 200)
    (tmp_path / "notes.txt").write_text("hello")
    ct = tmp_path / "p2"
    exam(ct, patient=PATIENT)
    for path in ct.rglob("*.dcm"):
        ds = pydicom.dcmread(path)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        ds.save_as(path)
    found, rest = discover(tmp_path)
    assert [study.case for study in found] == ["p1"]
    assert [(entry.name, entry.why) for entry in rest] == [("p2", "a DICOM exam without MR images")]
    assert [item["case"] for item in find_studies(tmp_path)] == ["p1", "p2"]  # reading p2 says what is wrong


def test_nifti_studies_nested_and_in_one_file(tmp_path, save_nifti, volumes):
    for phase in ("pre", "pv"):
        save_nifti(tmp_path / "p1" / "exam1" / f"{phase}.nii.gz", volumes["pre"])
        save_nifti(tmp_path / "p1" / "exam2" / "nii" / f"{phase}.nii.gz", volumes["pre"])
        save_nifti(tmp_path / "ref" / "phases" / f"c01_{phase}.nii.gz", volumes["pre"])
    save_nifti(tmp_path / "p1" / "exam2" / "tumour.nii.gz", (volumes["pre"] > 200).astype(np.uint8))
    save_nifti(tmp_path / "ref" / "c01.nii.gz", volumes["pre"])
    for name in ("x", "y"):
        save_nifti(tmp_path / "whole" / f"{name}.nii.gz", np.stack([volumes["pre"]] * 4, -1))
    save_nifti(tmp_path / "odd" / "scan0.nii.gz", volumes["pre"])
    found, rest = discover(tmp_path)
    assert [study.case for study in found] == ["p1_exam1", "p1_exam2", "ref", "whole_x", "whole_y"]
    assert [study.patient for study in found] == ["p1", "p1", None, "whole", "whole"]
    assert [(entry.name, entry.why) for entry in rest] == [("odd", "no phase in the file names scan0.nii.gz")]
    for item in find_studies(tmp_path)[:4]:
        if item["case"] != "odd":
            load_study(item, reference_phase="portal_venous")


def test_an_exam_as_nifti_and_dicom_is_one_study(tmp_path, exam, save_nifti, volumes):
    exam(tmp_path / "c1" / "dicom")
    for phase in ("pre", "pv"):
        save_nifti(tmp_path / "c1" / "nii" / f"{phase}.nii.gz", volumes["pre"])
    found, rest = discover(tmp_path)
    assert [(study.case, study.form) for study in found] == [("c1", "NIfTI")]
    assert rest[0].why == "DICOM beside NIfTI phases, which are read instead"


def test_the_folder_of_one_study_is_that_study(tmp_path, exam):
    exam(tmp_path / "mine")
    assert cases(tmp_path / "mine") == ["mine"]
    (item,) = find_studies(tmp_path / "mine")
    assert load_study(item).case == "mine"


@pytest.mark.parametrize("name", [PATIENT, f"x {PATIENT.lower()}", "Zimtstern", "erna_mri", f"mri{BORN}", ACCESSION])
def test_a_folder_named_after_its_patient_gets_a_hash(tmp_path, exam, name):
    uid = exam(tmp_path / name, patient=PATIENT, born=BORN, accession=ACCESSION)
    (study,) = discover(tmp_path)[0]
    assert study.case.startswith("exam-")
    written = study.case + study.patient
    for text in (PATIENT, "zimtstern", "erna", BORN, ACCESSION, uid):
        assert text.casefold() not in written.casefold()
    assert cases(tmp_path) == cases(tmp_path) != cases(tmp_path, salt="other")
    assert cases(tmp_path, keep_names=True) == [name]
    assert [item["case"] for item in find_studies(tmp_path)] == [study.case]


def test_names_of_deidentified_exams_are_kept(tmp_path, exam):
    exam(tmp_path / "TCGA-77", patient="TCGA-77")
    for path in tmp_path.rglob("*.dcm"):
        ds = pydicom.dcmread(path)
        ds.PatientIdentityRemoved = "YES"
        ds.save_as(path)
    assert cases(tmp_path) == ["TCGA-77"]


def test_short_identifiers_count_as_words_only():
    assert names_somebody(["case_lee"], {"lee"})
    assert not names_somebody(["leeds_03"], {"lee"})
    assert names_somebody(["a", "1.2.840.113619.2.55"], ())
    assert case_name(["a:b", "c?"], (), exam="", salt="") == "a-b_c-"


def test_a_phase_map_reaches_a_study_whose_name_was_replaced(tmp_path, exam, volumes):
    exam(tmp_path / PATIENT, patient=PATIENT)
    items = find_studies(tmp_path, phase_map={PATIENT: {"portal_venous": "5"}})
    study = load_study(items[0], phase_map={PATIENT: {"portal_venous": "5"}})
    np.testing.assert_array_equal(study.phases["portal_venous"].data, volumes["pre"])


def test_nothing_in_the_folder_is_touched(tmp_path, exam):
    exam(tmp_path / "p1")
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.rglob("*")}
    discover(tmp_path)
    assert before == {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.rglob("*")}

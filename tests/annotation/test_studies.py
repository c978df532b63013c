"""``label-studies``: a datalist laid out for MONAI Label, from whatever form its studies have."""

from __future__ import annotations

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from custom.__main__ import main
from custom.annotation import studies
from custom.annotation.studies import write_studies
from custom.data import load_study
from custom.data.phantom import simulate_study, write_dicom, write_nifti
from custom.transforms import LoadStudyd
from custom.transforms import load_study as load_study_module
from custom.transforms.alignment import Alignment
from custom.transforms.motion import Motion
from custom.types import PHASES, InputError

CLASSES = ("hemangioma", "HCC")


@pytest.fixture(scope="module")
def exam():
    return simulate_study(seed=3, preset="tiny", lesions=("HCC",))


@pytest.fixture(scope="module")
def written(tmp_path_factory, exam):
    """Three forms of one exam, each with a label, and one without."""
    folder = tmp_path_factory.mktemp("written") / "data"
    write_nifti(exam, folder / "files")
    write_dicom(exam, folder / "dicom", layout="temporal", seed=1)
    write_nifti(exam, folder / "unread" / "parts")
    volumes = [nib.load(folder / "files" / f"{phase}.nii.gz") for phase in PHASES]
    stacked = nib.Nifti1Image(np.stack([np.asarray(v.dataobj) for v in volumes], -1), volumes[0].affine)
    nib.save(stacked, folder / "stacked.nii")
    mask = nib.load(folder / "files" / "tumour.nii.gz")  # in class values
    nib.save(nib.Nifti1Image((np.asarray(mask.dataobj) > 0).astype(np.uint8), mask.affine), folder / "where.nii.gz")
    datalist = {
        "classes": list(CLASSES),
        "training": [
            {"case": "dicom", "image": "dicom", "lesion_class": "HCC"},
            {"case": "stacked", "image": "stacked.nii", "label": "where.nii.gz", "lesion_class": None},
        ],
        "validation": [{"case": "files", "image": "files", "lesion_class": "HCC"}],
        "test": [{"case": "unread", "image": "unread/parts", "lesion_class": "HCC"}],
    }
    (folder / "datalist.json").write_text(json.dumps(datalist), "utf-8")
    return folder


@pytest.fixture
def dataset(tmp_path, written):
    """A copy to spoil."""
    return shutil.copytree(written, tmp_path / "data")


def centre_mm(mask, affine):
    return affine[:3, :3] @ np.argwhere(mask).mean(0) + affine[:3, 3]


def digest(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_the_layout(dataset, tmp_path):
    before = digest(dataset)
    written = write_studies(dataset / "datalist.json", tmp_path / "studies")
    assert (written.studies, written.labelled) == (4, 3)
    names = sorted(path.relative_to(written.folder).as_posix() for path in written.folder.rglob("*") if path.is_file())
    others = [phase for phase in sorted(PHASES) if phase != "portal_venous"]
    cases = ("dicom", "files", "stacked", "unread")
    assert names == sorted(
        [f"{case}.nii.gz" for case in cases]
        + [f"phases/{case}_{phase}.nii.gz" for case in cases for phase in others]
        + [f"labels/final/{case}.nii.gz" for case in ("dicom", "files", "stacked")]
        + [f"labels/final/{case}.json" for case in ("dicom", "files")]
    )
    assert digest(dataset) == before


def test_files_read_as_they_did_where_they_came_from(dataset, tmp_path):
    folder = write_studies(dataset / "datalist.json", tmp_path / "studies").folder
    for case, source in {"files": "files", "stacked": "stacked.nii"}.items():
        ours, theirs = load_study(folder / f"{case}.nii.gz"), load_study(dataset / source)
        assert set(ours.phases) == set(theirs.phases) == set(PHASES)
        for phase in PHASES:
            np.testing.assert_array_equal(ours.phases[phase].data, theirs.phases[phase].data)
            np.testing.assert_allclose(ours.phases[phase].affine, theirs.phases[phase].affine, atol=1e-4)


def test_phases_of_dicom_lie_where_training_and_inference_see_them(tmp_path):
    write_dicom(simulate_study(seed=5, lesions=("HCC",)), tmp_path / "data" / "one", layout="series", seed=1)
    (tmp_path / "data" / "datalist.json").write_text('{"training": [{"case": "one", "image": "one"}]}', "utf-8")
    folder = write_studies(tmp_path / "data" / "datalist.json", tmp_path / "studies").folder
    load = LoadStudyd(classes=CLASSES)
    there, ours = load(tmp_path / "data" / "one"), load(folder / "one.nii.gz")
    outcomes = [(phase["alignment"] or {}).get("outcome") for phase in there["study"]["phases"].values()]
    assert {"applied", "rejected"} < set(outcomes)
    np.testing.assert_array_equal(np.asarray(ours["image"]), np.asarray(there["image"]))


def test_labels_are_class_values_and_the_class_is_found_again(dataset, tmp_path, exam):
    folder = write_studies(dataset / "datalist.json", tmp_path / "studies").folder
    load = LoadStudyd(classes=CLASSES)
    for case, lesion_class, value in (("dicom", 1, 2), ("files", 1, 2), ("stacked", -1, 1)):
        item = {"image": str(folder / f"{case}.nii.gz"), "label": str(folder / f"labels/final/{case}.nii.gz")}
        loaded = load(item)
        assert loaded["lesion_class"] == lesion_class
        np.testing.assert_array_equal(np.asarray(loaded["label"])[0], value * (exam.tumour > 0))


def test_files_are_copies(dataset, tmp_path):
    """A label that a viewer saves is written into the file that is there: it must not be the user's own."""
    folder = write_studies(dataset / "datalist.json", tmp_path / "studies").folder
    before = digest(dataset)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.write_bytes(b"overwritten")
    assert digest(dataset) == before


def test_a_file_that_tells_its_place_itself_is_taken_as_it_is(dataset, tmp_path):
    folder = write_studies(dataset / "datalist.json", tmp_path / "studies").folder
    assert (folder / "files.nii.gz").read_bytes() == (dataset / "files" / "portal_venous.nii.gz").read_bytes()


def test_given_places_become_those_of_the_files(dataset, tmp_path):
    content = json.loads((dataset / "datalist.json").read_text("utf-8"))
    place = [[0, -2, 0, 5], [3, 0, 0, -7], [0, 0, 9, 1], [0, 0, 0, 1]]
    phases = {phase: f"files/{phase}.nii.gz" for phase in PHASES}
    entry = {"case": "placed", "phases": phases, "affines": dict.fromkeys(PHASES, place)}
    (dataset / "placed.json").write_text(json.dumps({**content, "training": [entry]}), "utf-8")
    folder = write_studies(dataset / "placed.json", tmp_path / "studies").folder
    np.testing.assert_array_equal(nib.load(folder / "placed.nii.gz").affine, place)


def test_all_bad_studies_are_named_and_nothing_is_left(dataset, tmp_path):
    (dataset / "files" / "arterial.nii.gz").write_bytes(b"torn")
    for path in (dataset / "unread" / "parts").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"(?s)files/arterial\.nii\.gz.*also: unread/"):
        write_studies(dataset / "datalist.json", tmp_path / "out" / "studies")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_in_use_is_left_alone(dataset, tmp_path, capsys):
    (tmp_path / "studies" / "labels").mkdir(parents=True)
    command = ["label-studies", str(dataset / "datalist.json"), "--output", str(tmp_path / "studies")]
    assert main(command) == 2
    assert "found a file or a folder that is not empty" in capsys.readouterr().err


def test_the_command_says_what_it_wrote(dataset, tmp_path, caplog):
    caplog.set_level("INFO")
    output = str(tmp_path / "studies")
    assert main(["label-studies", str(dataset / "datalist.json"), "--output", output, "--reference_phase", "pre"]) == 0
    assert "Wrote 4 studies, 3 of them with labels" in caplog.text
    assert (tmp_path / "studies" / "phases" / "files_portal_venous.nii.gz").is_file()


def test_a_missing_datalist(tmp_path):
    with pytest.raises(InputError, match="found no datalist"):
        write_studies(tmp_path / "none.json", tmp_path / "studies")


def test_a_mask_follows_the_phase_in_which_it_was_drawn(dataset, tmp_path, exam, monkeypatch):
    """The arterial phase lies two slices and a pixel away, and so does what was drawn on it."""
    shift_mm = exam.affine[:3, :3] @ [1, 0, 2]
    moved = {"arterial": Alignment("applied", Motion.translation(shift_mm), tuple(shift_mm), (0.5, 0.9))}
    for module in (studies, load_study_module):
        monkeypatch.setattr(module, "align_phases", lambda study, kind: moved)
    for mask in (dataset / "dicom").glob("tumour*"):
        mask.unlink()
    item = {"case": "one", "image": "dicom", "labels": {"arterial": "where.nii.gz"}, "lesion_class": "HCC"}
    (dataset / "datalist.json").write_text(json.dumps({"training": [item]}), "utf-8")
    folder = write_studies(dataset / "datalist.json", tmp_path / "studies").folder
    written = nib.load(folder / "labels/final/one.nii.gz")
    ours = np.asarray(written.dataobj)
    there = {**item, "image": str(dataset / "dicom"), "labels": {"arterial": str(dataset / "where.nii.gz")}}
    np.testing.assert_array_equal(ours, np.asarray(LoadStudyd(classes=CLASSES)(there)["label"])[0])
    found, true = (centre_mm(mask, affine) for mask, affine in ((ours, written.affine), (exam.tumour, exam.affine)))
    np.testing.assert_allclose(found, true - shift_mm, atol=0.01)


def test_a_mask_that_lost_its_place_is_no_healthy_study(dataset, tmp_path):
    mask = nib.load(dataset / "where.nii.gz")
    affine = mask.affine.copy()
    affine[:3, 3] += 2000
    nib.save(nib.Nifti1Image(np.asarray(mask.dataobj), affine), dataset / "where.nii.gz")
    with pytest.raises(InputError, match="shares no voxel with the reference phase"):
        write_studies(dataset / "datalist.json", tmp_path / "studies")
    assert not (tmp_path / "studies").exists()

"""LiverHccSeg in a generated tree with the set's names: two raters, several tumours, registered copies, odd masks."""

import argparse
import json

import nibabel
import numpy as np
import pytest

from custom.__main__ import main
from custom.data import load_datalist, load_study
from custom.data.datasets import KNOWN_SETS, add_dataset_arguments, known_entries, read_dataset
from custom.types import PHASES, InputError

AFFINE = np.array([[1.5, 0, 0, -9.0], [0, 1.5, 0, 4.0], [0, 0, 3.0, 2.0], [0, 0, 0, 1]])
SHAPE = (9, 8, 7)


def save(path, data, shift_mm=0.0):
    affine = AFFINE.copy()
    affine[2, 3] += shift_mm
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(data, affine), path)


def tumour(number, rater):
    """A box of its own for each tumour; the second rater's is a column larger."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[2 * number : 2 * number + 1 + rater, 1:4, 2 : 3 + number] = 1
    return mask


@pytest.fixture
def tree(tmp_path):
    """``tree(patient, exam, tumours=(of rater 1, of rater 2))`` writes an exam; returns its folder."""

    def write(patient="TCGA-AA-0001", exam="02-21-2000", tumours=(1, 1), mask_slices=7, without=()):
        folder = tmp_path / "set" / "nifti_and_segms" / patient / exam
        ramp = np.arange(np.prod(SHAPE)).reshape(SHAPE)
        names = ("pre", "art", "pv", "del", "art_pre", "art_pv", "art_del")
        for n, name in enumerate(names):
            if name not in without:
                native = name in ("pre", "pv", "del")
                save(folder / f"{name}.nii.gz", (ramp % (200 + n) + 20 * n + 10).astype(np.int16), 4.0 * native)
        for rater, count in enumerate(tumours, start=1):
            save(folder / f"rater{rater}_liver.nii.gz", np.ones(SHAPE, np.uint8)[:, :, :mask_slices])
            for number in range(1, count + 1):
                save(folder / f"rater{rater}_tumor{number}.nii.gz", tumour(number, rater))
        return folder

    write.root = tmp_path / "set"
    return write


def prepared(tree, **options):
    found, remarks = known_entries("liverhccseg", tree.root, classes=("hemangioma", "HCC"), **options)
    return {entry["case"]: entry for entry in found}, remarks


def test_phases_masks_and_class_of_one_exam(tree):
    folder = tree()
    found, remarks = prepared(tree)
    (entry,) = found.values()
    assert {phase: path.rsplit("/")[-1] for phase, path in entry["phases"].items()} == {
        "pre": "pre.nii.gz",
        "arterial": "art.nii.gz",
        "portal_venous": "pv.nii.gz",
        "delayed": "del.nii.gz",
    }
    assert entry["label"] == str(folder / "rater1_tumor1.nii.gz")
    assert entry["liver"] == str(folder / "rater1_liver.nii.gz")
    assert (entry["case"], entry["patient"], entry["lesion_class"]) == ("TCGA-AA-0001", "TCGA-AA-0001", "HCC")
    assert "notes" not in entry
    assert "In 1 exams the masks lie on the grid of arterial: use it with --reference_phase arterial." in remarks


@pytest.mark.parametrize("rater", [1, 2])
def test_several_tumours_of_the_chosen_rater_are_one_label(tree, rater):
    folder = tree(tumours=(3, 2))
    save(folder / f"rater{rater}_tumor_merged.nii.gz", np.ones(SHAPE, np.uint8))  # some tools leave it there
    found, _ = prepared(tree, rater=rater)
    (entry,) = found.values()
    count = (3, 2)[rater - 1]
    assert entry["label"] == [str(folder / f"rater{rater}_tumor{n}.nii.gz") for n in range(1, count + 1)]
    label = load_study(entry, reference_phase="arterial").label
    np.testing.assert_array_equal(label.data, np.maximum.reduce([tumour(n, rater) for n in range(1, count + 1)]))


def test_registered_phases_lie_on_the_arterial_grid(tree):
    tree()
    for registered in (False, True):
        found, _ = prepared(tree, registered=registered)
        study = load_study(next(iter(found.values())), reference_phase="arterial")
        shift_mm = study.phases["pre"].affine[2, 3] - study.phases["arterial"].affine[2, 3]
        assert shift_mm == (0.0 if registered else 4.0)
        assert set(study.phases) == set(PHASES)


def test_exams_of_one_patient_stay_together_in_the_order_of_their_dates(tree):
    tree(exam="02-21-2000")
    tree(exam="11-03-1999")
    tree(patient="TCGA-AA-0002")
    found, _ = prepared(tree)
    assert list(found) == ["TCGA-AA-0001_1", "TCGA-AA-0001_2", "TCGA-AA-0002"]
    assert found["TCGA-AA-0001_1"]["patient"] == found["TCGA-AA-0001_2"]["patient"] == "TCGA-AA-0001"
    assert "11-03-1999" in found["TCGA-AA-0001_1"]["phases"]["pre"]
    assert not any("2000" in case or "1999" in case for case in found)


def test_an_exam_without_tumour_is_not_taken_as_healthy(tree):
    tree(tumours=(0, 1))
    assert "rater 1 drew no tumour" in next(iter(prepared(tree)[0].values()))["set_aside"]
    assert "set_aside" not in next(iter(prepared(tree, rater=2)[0].values()))


def test_masks_off_every_grid_and_missing_phases_are_noted(tree):
    tree(mask_slices=5, without=("del",))
    (entry,) = prepared(tree)[0].values()
    assert entry["notes"] == [
        "no delayed image",
        "rater1_liver.nii.gz lies on no phase's grid and is resampled in world coordinates: look at it",
    ]
    assert load_study(entry).flags[0] == "missing_phase:delayed"


def test_broken_files_set_the_exam_aside(tree):
    folder = tree()
    (folder / "pv.nii.gz").write_bytes(b"no image")
    (entry,) = prepared(tree)[0].values()
    assert entry["set_aside"].startswith("pv.nii.gz: an unreadable or truncated file")


def test_the_licence_is_shown_and_all_stands_for_every_class(tree, caplog):
    tree()
    parser = argparse.ArgumentParser()
    add_dataset_arguments(parser)
    args = parser.parse_args(["--dataset", "liverhccseg", "--rater", "2"])
    with caplog.at_level("INFO"):
        entries, classes = read_dataset(args, root=tree.root, classes=["all"])
    assert entries[0]["label"].endswith("rater2_tumor1.nii.gz")
    assert classes == ["HCC"]
    assert "liverhccseg: LiverHccSeg is licensed CC BY 4.0" in caplog.text
    assert "Masks of rater 2" in caplog.text
    assert all("NC" in KNOWN_SETS[name].licence for name in ("lld-mmri", "lld-mmri-original"))


def test_the_verb_lists_the_set_as_a_test_set_with_its_fingerprint(tree, tmp_path, caplog, capsys):
    caplog.set_level("INFO")
    for number in range(1, 4):
        tree(patient=f"TCGA-AA-000{number}", tumours=(2 * (number > 1), 1))
    before = {path: path.stat().st_mtime_ns for path in tree.root.rglob("*")}
    output = tmp_path / "external.json"
    command = ["prepare", str(tree.root), "--dataset", "liverhccseg", "--output", str(output)]
    command += ["--folds", "0", "--validation", "0", "--test", "1"]
    assert main([*command, "--labels", "labels.csv"]) == 2
    assert "found --labels for liverhccseg" in capsys.readouterr().err
    assert main([*command, "--no-fingerprint"]) == 0
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["external.json"]
    assert main([*command, "--force", "--workers", "1"]) == 0
    assert "3 found, 2 used (2 test), 1 set aside. Classes: 2 HCC." in caplog.text
    assert "set aside  TCGA-AA-0001: rater 1 drew no tumour" in caplog.text
    fingerprint = json.loads((tmp_path / "external_fingerprint.json").read_text("utf-8"))
    assert fingerprint["sections"]["test"] == {"studies": 2, "unreadable": 0, "classes": {"HCC": 2}}
    assert fingerprint["classes"]["HCC"]["lesions"] == 2  # the two tumours of an exam touch
    assert (tmp_path / "external_fingerprint.png").is_file()
    items = load_datalist(datalist=output, section="test")
    assert load_study(items[0]).label.data.sum() == sum(tumour(n, 1).sum() for n in (1, 2))
    assert {path: path.stat().st_mtime_ns for path in tree.root.rglob("*")} == before


def test_what_cannot_be_meant(tree, tmp_path):
    tree()
    with pytest.raises(InputError, match="found rater 3; expected 1 or 2"):
        prepared(tree, rater=3)
    with pytest.raises(InputError, match="found the class 'HCC'; expected classes among hemangioma, FNH"):
        known_entries("liverhccseg", tree.root, classes=("hemangioma", "FNH"))
    with pytest.raises(InputError, match="found --rater for lld-mmri"):
        known_entries("lld-mmri", tmp_path, classes=("HCC",), rater=1)
    with pytest.raises(InputError, match="found the data set 'atlas'"):
        known_entries("atlas", tmp_path, classes=("HCC",))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found no exam"):
        known_entries("liverhccseg", tmp_path / "empty", classes=("HCC",))

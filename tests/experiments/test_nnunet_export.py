"""A datalist in nnU-Net's raw layout: every voxel in its place, the experiment's folds, whole or not there."""

from __future__ import annotations

import json
import re

import nibabel
import numpy as np
import pytest

from custom.__main__ import main
from custom.experiments.nnunet.export import write_dataset
from custom.experiments.nnunet.layout import case_name
from custom.experiments.planning.folds import fold_datalists
from custom.types import PHASES, InputError

SHAPE = (7, 5, 4)
OBLIQUE = np.array([[0.0, -2.0, 0.3, 11.0], [1.5, 0.0, 0.0, -23.0], [0.0, 0.4, 4.0, 35.0], [0, 0, 0, 1]])  # and sheared
SECRET = "Zimtstern^Erna"


def asymmetric(seed: int) -> np.ndarray:
    i, j, k = np.indices(SHAPE)
    return (np.random.default_rng(seed).integers(0, 50, SHAPE) + 100 + 10 * i + 3 * j + 40 * k).astype(np.float32)


def tumour(seed: int) -> np.ndarray:
    """An L on one side of the volume, of another length in each study."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[1 : 3 + seed % 4, 0, 1] = mask[1, 0:3, 1] = mask[1, 0, 1:3] = 1
    return mask


def save(path, data, affine=OBLIQUE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(data, affine), path)


@pytest.fixture
def studies(tmp_path):
    """Six studies of six patients, two of them in a test section; the first lacks a phase, the last has no tumour."""
    items = []
    for seed in range(6):
        case = f"case {seed}" if seed == 1 else f"case{seed}"
        phases = [phase for phase in PHASES if (seed, phase) != (0, "arterial")]
        for number, phase in enumerate(phases):
            save(tmp_path / case / f"{phase}.nii.gz", asymmetric(10 * seed + number))
        save(tmp_path / case / "tumour.nii.gz", tumour(seed) if seed < 5 else 0 * tumour(0))
        item = {"case": case, "patient": f"{SECRET}{seed}", "label": f"{case}/tumour.nii.gz"}
        item |= {"phases": {phase: f"{case}/{phase}.nii.gz" for phase in phases}}
        items.append(item | ({"lesion_class": ("hemangioma", "HCC")[seed % 2]} if seed < 5 else {}))
    content = {"classes": ["hemangioma", "HCC"], "training": items[1:4], "validation": [items[5]]}
    path = tmp_path / "my.json"
    path.write_text(json.dumps({**content, "test": [items[0], items[4]]}), encoding="utf-8")
    return path


@pytest.fixture
def target(tmp_path):
    return tmp_path / "nnUNet_raw" / "Dataset501_Toy"


def volume(path):
    image = nibabel.load(path)
    return np.asarray(image.dataobj), image.affine


def test_voxels_affine_and_channels_are_those_of_the_study(studies, target):
    assert main(["prepare", str(studies), "--export", "nnunet", "--folds", "2", "--output", str(target)]) == 0
    for channel in range(4):
        data, affine = volume(target / "imagesTr" / f"case3_{channel:04d}.nii.gz")
        np.testing.assert_array_equal(data, asymmetric(30 + channel))
        np.testing.assert_allclose(affine, OBLIQUE, atol=1e-5)
    mask, affine = volume(target / "labelsTr" / "case3.nii.gz")
    np.testing.assert_array_equal(mask, tumour(3))
    assert mask.dtype == np.uint8
    np.testing.assert_allclose(affine, OBLIQUE, atol=1e-5)
    assert len(list((target / "imagesTr").iterdir())) == 16
    assert sorted(path.name for path in (target / "labelsTs").iterdir()) == ["case0.nii.gz", "case4.nii.gz"]
    assert not volume(target / "labelsTr" / "case5.nii.gz")[0].any()


def test_a_phase_on_another_grid_comes_onto_the_references(studies, target):
    shifted = OBLIQUE.copy()
    shifted[:3, 3] += OBLIQUE[:3, 0]  # one voxel along the first axis
    save(studies.parent / "case2" / "pre.nii.gz", asymmetric(20), shifted)
    write_dataset(studies, target, folds=2)
    data, affine = volume(target / "imagesTr" / "case2_0000.nii.gz")
    np.testing.assert_allclose(data[1:], asymmetric(20)[:-1], rtol=1e-5)
    np.testing.assert_allclose(affine, OBLIQUE, atol=1e-5)


def test_a_missing_phase_is_a_channel_of_zeros_and_told(studies, target):
    exported = write_dataset(studies, target, folds=2)
    assert exported.lacking == {"arterial": 1}
    assert not volume(target / "imagesTs" / "case0_0001.nii.gz")[0].any()
    np.testing.assert_array_equal(volume(target / "imagesTs" / "case0_0002.nii.gz")[0], asymmetric(1))


def test_folds_are_those_of_the_experiment(studies, target):
    write_dataset(studies, target, folds=3)
    splits = json.loads((target / "splits_final.json").read_text(encoding="utf-8"))
    for split, part in zip(splits, fold_datalists(studies, 3), strict=True):
        assert split["train"] == [case_name(item["case"]) for item in part["training"]]
        assert split["val"] == [case_name(item["case"]) for item in part["validation"]]
    held_out = sorted(case for split in splits for case in split["val"])
    assert held_out == sorted([case_name("case 1"), "case2", "case3", "case5"])


def test_no_folds_are_the_datalists_own_sections(studies, target):
    write_dataset(studies, target, folds=0)
    (split,) = json.loads((target / "splits_final.json").read_text(encoding="utf-8"))
    assert (split["train"], split["val"]) == ([case_name("case 1"), "case2", "case3"], ["case5"])


def test_what_nnunet_is_told(studies, target):
    write_dataset(studies, target, folds=2)
    about = json.loads((target / "dataset.json").read_text(encoding="utf-8"))
    assert about["channel_names"] == {"0": "pre", "1": "arterial", "2": "portal_venous", "3": "delayed"}
    assert about["labels"] == {"background": 0, "tumour": 1}
    assert (about["numTraining"], about["file_ending"]) == (4, ".nii.gz")


def test_one_label_a_class(studies, target):
    write_dataset(studies, target, folds=2, per_class=True)
    about = json.loads((target / "dataset.json").read_text(encoding="utf-8"))
    assert about["labels"] == {"background": 0, "hemangioma": 1, "HCC": 2}
    np.testing.assert_array_equal(volume(target / "labelsTr" / "case3.nii.gz")[0], 2 * tumour(3))
    np.testing.assert_array_equal(volume(target / "labelsTr" / "case2.nii.gz")[0], tumour(2))


def test_tumour_of_unknown_class_is_no_label_of_a_class(studies, target):
    content = json.loads(studies.read_text(encoding="utf-8"))
    content["training"][1].pop("lesion_class")
    studies.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="case2: found tumour of unknown class"):
        write_dataset(studies, target, folds=2, per_class=True)
    write_dataset(studies, target, folds=2)


def test_no_patient_in_any_name_or_file(studies, target):
    write_dataset(studies, target, folds=2)
    for path in target.rglob("*"):
        assert SECRET not in path.name
        if path.suffix == ".json":
            assert SECRET not in path.read_text(encoding="utf-8")
        elif path.is_file():
            header = nibabel.load(path).header
            assert not header["descrip"].item()
            assert not header.extensions


def test_nothing_stays_of_an_export_that_failed_and_all_mistakes_are_told(studies, target):
    content = json.loads(studies.read_text(encoding="utf-8"))
    for item in content["training"][:2]:
        item.pop("label")
        (studies.parent / item["case"] / "tumour.nii.gz").unlink()
    studies.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"(?s)case 1: found no tumour mask.*also: case case2: found no tumour mask"):
        write_dataset(studies, target, folds=2)
    assert list(target.parent.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(studies, target):
    target.mkdir(parents=True)
    (target / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="not empty"):
        write_dataset(studies, target, folds=2)
    assert [path.name for path in target.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["Toy", "Dataset1_Toy", "Dataset000_Toy", "Dataset501", "Dataset501_"])
def test_a_folder_that_nnunet_does_not_know_is_refused(studies, tmp_path, name):
    with pytest.raises(InputError, match="Dataset501_Liver"):
        write_dataset(studies, tmp_path / name, folds=2)


@pytest.mark.parametrize("case", ["phantom_training_001", "LLD.7-b", "1"])
def test_plain_names_stay(case):
    assert case_name(case) == case


def test_other_names_become_plain_and_stay_apart():
    cases = ["Fall ä", "Fall ö", "x_seg", "_", ".", "a b", "a-b"]
    names = [case_name(case) for case in cases]
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) and not name.endswith("_seg") for name in names)
    assert len(set(names)) == len(cases)
    assert names == [case_name(case) for case in cases]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--export", "nnunet", "--validation", "0.3"], "--validation with --export"),
        (["--registration", "rigid"], "--registration without --export"),
    ],
)
def test_options_that_would_be_ignored_are_refused(studies, target, words, message, capsys):
    assert main(["prepare", str(studies), "--output", str(target), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_is_listed_first(studies, target, capsys):
    assert main(["prepare", str(studies.parent), "--export", "nnunet", "--output", str(target)]) == 2
    assert "prepare" in capsys.readouterr().err
    assert not target.exists()

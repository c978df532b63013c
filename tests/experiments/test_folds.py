"""Nobody is judged on a patient that the network learnt from."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from custom.experiments.planning.folds import fold_datalists, take_patients
from custom.types import InputError


def patients(items) -> set:
    return {item["patient"] for item in items}


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_each_study_is_held_out_once_and_no_patient_is_on_both_sides(datalist, folds):
    parts = fold_datalists(datalist, folds)
    held_out = [item["case"] for part in parts for item in part["validation"]]
    assert len(parts) == folds
    assert len(held_out) == len(set(held_out)) == 14
    assert "t0" not in held_out  # the test section stays out
    for part in parts:
        assert not patients(part["training"]) & patients(part["validation"])
        assert len(part["training"]) + len(part["validation"]) == 14
        assert part["test"] == []


def test_folds_of_the_file_are_kept(datalist):
    content = json.loads(datalist.read_text())
    for section in ("training", "validation"):
        content[section] = [{**item, "fold": int(item["patient"][1:]) % 3} for item in content[section]]
    datalist.write_text(json.dumps(content))
    for fold, part in enumerate(fold_datalists(datalist, 3)):
        assert {int(name[1:]) % 3 for name in patients(part["validation"])} == {fold}


def test_without_folds_the_files_own_sections_are_taken(datalist):
    (part,) = fold_datalists(datalist, 0)
    assert [item["case"] for item in part["validation"]] == ["t0"]
    assert len(part["training"]) == 13


def test_the_same_file_gives_the_same_hashes(datalist):
    hashes = [part["content_hash"] for part in fold_datalists(datalist, 3)]
    assert hashes == [part["content_hash"] for part in fold_datalists(datalist, 3)]
    assert len(set(hashes)) == 3


def test_fewer_patients_are_of_both_classes_and_lie_within_more(datalist):
    part = fold_datalists(datalist, 3)[0]
    chosen = [patients(take_patients(part, share)["training"]) for share in (2, 0.5, 0.75, None)]
    assert [len(names) for names in chosen] == [2, 4, 6, 8]
    assert all(few <= more for few, more in pairwise(chosen))
    classes = {item["lesion_class"] for item in take_patients(part, 2)["training"]}
    assert classes == {"HCC", "hemangioma"}
    assert take_patients(part, 0.5)["validation"] == part["validation"]


def test_more_patients_than_there_are_is_an_error(datalist):
    with pytest.raises(InputError, match="8 training patients"):
        take_patients(fold_datalists(datalist, 3)[0], 9)


def test_a_patient_in_two_sections_is_an_error(datalist):
    content = json.loads(datalist.read_text())
    content["test"][0]["patient"] = content["training"][0]["patient"]
    datalist.write_text(json.dumps(content))
    with pytest.raises(InputError, match="one section only"):
        fold_datalists(datalist, 3)

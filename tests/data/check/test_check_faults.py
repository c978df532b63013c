"""One study for each fault: exactly these rows, and none for a sound study."""

import re

import numpy as np
import pytest

from custom.data.check import check_dataset
from tests.data.check import faults
from tests.data.check.faults import FAULTS
from tests.data.check.small_set import SHAPE, DataSet

SMALLEST_ML = 0.1


@pytest.fixture(scope="module")
def all_faults(tmp_path_factory):
    """One study for each fault, between sound ones."""
    data_set = DataSet(tmp_path_factory.mktemp("faults") / "set")
    data_set.study("first")
    for spoil in FAULTS:
        spoil(data_set, spoil.__name__)
    data_set.study("last", "test")
    return data_set.write()


@pytest.fixture(scope="module")
def report(all_faults):
    """What one process says of them."""
    return check_dataset(all_faults, min_volume_ml=SMALLEST_ML, workers=1)


def test_every_fault_is_one_row_with_its_file_and_nothing_else_is_said(report, rows):
    expected = [
        (spoil.__name__, file.format(spoil.__name__), severity, finding)
        for spoil, found in FAULTS.items()
        for file, severity, finding in found
    ]
    found = rows(report)
    in_sections = sorted(expected, key=lambda row: row[0] == "validation_without_mask")
    assert [row[:3] for row in found] == [row[:3] for row in in_sections]
    for said, wanted in zip(found, in_sections, strict=True):
        assert said[3].startswith(wanted[3]), said
    assert all(problem.remedy.endswith(".") for problem in report.problems)
    assert report.studies == len(FAULTS) + 2
    assert report.errors + report.warnings == len(found)


def test_parallel_says_the_same_as_serial(all_faults, report):
    parallel = check_dataset(all_faults, min_volume_ml=SMALLEST_ML, workers=2)
    assert parallel.problems == report.problems


def test_headers_alone_find_what_headers_tell(all_faults):
    report = check_dataset(all_faults, headers_only=True, workers=1)
    of_voxels = {faults.cut_off, faults.not_finite, faults.constant, faults.one_image_twice, faults.probabilities}
    of_voxels |= {faults.value_without_class, faults.empty_mask, faults.no_class, faults.stray_voxels}
    of_voxels |= {faults.tumour_beside_liver, faults.empty_liver, faults.phases_swapped}
    silent = {spoil.__name__ for spoil in of_voxels}
    assert {problem.case for problem in report.problems} == {spoil.__name__ for spoil in FAULTS} - silent


def test_a_sound_data_set_gives_no_row_in_any_form(data_set):
    for k, section in enumerate(("training", "validation", "test")):
        data_set.study(f"c{k}", section)
    report = check_dataset(data_set.write(), min_volume_ml=SMALLEST_ML)
    assert (report.studies, list(report.problems)) == (3, [])
    assert report.table() == ""
    assert re.fullmatch(r"Checked 3 studies: 0 errors, 0 warnings, \d+\.\d s", report.summary())
    (data_set.root / "datalist.json").unlink()
    report = check_dataset(data_set.root, min_volume_ml=SMALLEST_ML)  # as a folder of studies
    assert (report.studies, list(report.problems)) == (3, [])


def test_a_healthy_study_has_an_empty_mask_and_no_class(data_set):
    data_set.study("healthy", lesion_class=None)
    data_set.save("healthy/tumour.nii.gz", np.zeros(SHAPE, np.uint8))
    assert not check_dataset(data_set.write()).problems


def test_masks_of_single_phases_are_checked_each(data_set, rows):
    data_set.study("c", label=None, labels={"arterial": "c/art_mask.nii.gz", "delayed": "c/tumour.nii.gz"})
    data_set.save("c/art_mask.nii.gz", np.zeros(SHAPE, np.uint8))
    report = check_dataset(data_set.write(), min_volume_ml=SMALLEST_ML)
    assert rows(report) == [("c", "c/art_mask.nii.gz", "error", "an empty tumour mask in a study of class HCC")]


def test_a_study_beyond_the_memory_budget(data_set, rows):
    data_set.study("c")
    (row,) = rows(check_dataset(data_set.write(), memory_budget_gb=5.5 * 960 * 4 / 1e9, headers_only=True))
    assert row[1:3] == ("c/liver.nii.gz", "error")
    assert "memory_budget" not in row[3]
    assert row[3].startswith("12 × 10 × 8 voxels in the header")


def test_class_values_without_a_class_are_ordinary(data_set):
    data_set.study("c", lesion_class=None)
    mask = np.zeros(SHAPE, np.uint8)
    mask[3:6, 2:5, 2:5], mask[7:10, 5:8, 3:6] = 1, 2
    data_set.save("c/tumour.nii.gz", mask)
    assert not check_dataset(data_set.write(), min_volume_ml=SMALLEST_ML).problems


def test_other_class_names(data_set, rows):
    data_set.study("c", lesion_class="FNH")
    del data_set.content["classes"]
    path = data_set.write()
    assert [row[3][:18] for row in rows(check_dataset(path, min_volume_ml=SMALLEST_ML))] == ["lesion_class 'FNH'"]
    assert not check_dataset(path, min_volume_ml=SMALLEST_ML, classes=["HCC", "ICC", "FNH"]).problems

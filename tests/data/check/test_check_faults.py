"""One study for each fault: exactly these rows, and none for a sound study."""

import re

import numpy as np
import pytest

from custom.data.check import check_dataset
from custom.types import PHASES

AFFINE = np.array([[0.0, -2.0, 0.3, 11.0], [1.5, 0.0, 0.0, -23.0], [0.0, 0.4, 4.0, 35.0], [0, 0, 0, 1]])
SMALLEST_ML = 0.1


def shifted(mm, axis=2):
    affine = AFFINE.copy()
    affine[axis, 3] += mm
    return affine


def no_such_file(d, case):
    d.study(case, phases=d.phases(case, delayed=f"{case}/gone.nii.gz"))


def two_missing_files(d, case):
    d.study(case, phases=d.phases(case, pre="a.nii.gz", delayed="b.nii.gz"), label="c.nii.gz")


def no_image(d, case):
    d.study(case)
    (d.root / case / "pre.nii.gz").write_bytes(b"no image at all, only text " * 30)


def cut_off(d, case):
    d.study(case)
    path = d.root / case / "pre.nii.gz"
    path.write_bytes(path.read_bytes()[:-300])


def single_slice(d, case):
    d.study(case)
    d.save(f"{case}/delayed.nii.gz", d.image("delayed")[..., :1])


def phase_missing(d, case):
    d.study(case, phases=d.phases(case, delayed=None))


def reference_missing(d, case):
    d.study(case, phases=d.phases(case, portal_venous=None))


def phase_doubled(d, case):
    d.study(case, phases=None, image=case)
    d.save(f"{case}/late_art.nii.gz", d.image("arterial"))


def phase_elsewhere(d, case):
    d.study(case)
    d.save(f"{case}/pre.nii.gz", d.image(), shifted(700))


def phase_half_there(d, case):
    d.study(case)
    d.save(f"{case}/pre.nii.gz", d.image(), shifted(16))


def coronal(d, case):
    d.study(case, label=None, liver=None, lesion_class=None)
    turned = np.array([[2.0, 0, 0, 0], [0, 0, 8.0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])
    for phase in PHASES:
        d.save(f"{case}/{phase}.nii.gz", d.image(phase), turned)
    d.save(f"{case}/tumour.nii.gz", np.zeros((12, 10, 8), np.uint8), turned)
    d.content["training"][-1]["label"] = f"{case}/tumour.nii.gz"


def mask_elsewhere(d, case):
    d.study(case, liver=None)
    d.save(f"{case}/tumour.nii.gz", np.ones((12, 10, 8), np.uint8), shifted(500))


def mask_on_other_grid(d, case):
    d.study(case, liver=None)
    mask = np.zeros((12, 10, 8), np.uint8)
    mask[4:7, 3:6, 2:5] = 1
    d.save(f"{case}/tumour.nii.gz", mask, shifted(1))


def mask_half_outside(d, case):
    d.study(case, liver=None)
    mask = np.zeros((12, 10, 8), np.uint8)
    mask[4:7, 3:6, 4:8] = 1
    d.save(f"{case}/tumour.nii.gz", mask, shifted(8))


def training_without_mask(d, case):
    d.study(case, label=None)


def validation_without_mask(d, case):
    d.study(case, "validation", label=None, lesion_class=None)


def unknown_class(d, case):
    d.study(case, lesion_class="FNH")


def misspelt_key(d, case):
    d.study(case, lable="x.nii.gz")


def not_finite(d, case):
    d.study(case)
    data = d.image()
    data[3, 4, 5] = np.nan
    d.save(f"{case}/pre.nii.gz", data)


def constant(d, case):
    d.study(case)
    d.save(f"{case}/delayed.nii.gz", np.full((12, 10, 8), 7, np.int16))


def one_image_twice(d, case):
    d.study(case)
    path = d.root / case
    (path / "delayed.nii.gz").write_bytes((path / "portal_venous.nii.gz").read_bytes())


def probabilities(d, case):
    d.study(case)
    d.save(f"{case}/tumour.nii.gz", np.linspace(0, 0.9, 960).reshape(12, 10, 8).astype(np.float32))


def value_without_class(d, case):
    d.study(case)
    mask = np.zeros((12, 10, 8), np.uint8)
    mask[4:7, 3:6, 2:5] = 5
    d.save(f"{case}/tumour.nii.gz", mask)


def empty_mask(d, case):
    d.study(case)
    d.save(f"{case}/tumour.nii.gz", np.zeros((12, 10, 8), np.uint8))


def no_class(d, case):
    d.study(case, lesion_class=None)


def stray_voxels(d, case):
    d.study(case)
    mask = np.zeros((12, 10, 8), np.uint8)
    mask[4:7, 3:6, 2:5] = 1
    mask[9, 7, 6] = 1
    d.save(f"{case}/tumour.nii.gz", mask)


def tumour_beside_liver(d, case):
    d.study(case)
    mask = np.zeros((12, 10, 8), np.uint8)
    mask[:, :, 7] = 1
    d.save(f"{case}/tumour.nii.gz", mask)


def empty_liver(d, case):
    d.study(case)
    d.save(f"{case}/liver.nii.gz", np.zeros((12, 10, 8), np.uint8))


def phases_swapped(d, case):
    d.study(case)
    d.content["training"][-1]["phases"] |= {
        "pre": f"{case}/portal_venous.nii.gz",
        "portal_venous": f"{case}/pre.nii.gz",
    }


OTHER_GRID = ("", "warning", "the tumour mask lies on another grid")
FAULTS = {
    no_such_file: [("{}/gone.nii.gz", "error", "no such file")],
    two_missing_files: [(f"{name}.nii.gz", "error", "no such file") for name in "abc"],
    no_image: [("{}/pre.nii.gz", "error", "an unreadable or truncated file")],
    cut_off: [("{}/pre.nii.gz", "error", "an unreadable or truncated file")],
    single_slice: [("{}/delayed.nii.gz", "error", "a single slice (12, 10, 1)")],
    phase_missing: [("", "warning", "no delayed phase")],
    reference_missing: [("", "error", "no reference phase (portal_venous), only pre, arterial, delayed")],
    phase_doubled: [("{}", "error", "phase arterial twice: arterial.nii.gz, late_art.nii.gz")],
    phase_elsewhere: [("{}/pre.nii.gz", "error", "phase pre lies 668 mm beside the reference phase")],
    phase_half_there: [("{}/pre.nii.gz", "warning", "the pre phase covers 45 % of the reference phase")],
    coronal: [("{}/portal_venous.nii.gz", "error", "a coronal stack of 8.0 mm slices")],
    mask_elsewhere: [OTHER_GRID, ("{}/tumour.nii.gz", "error", "the tumour mask lies 468 mm beside the reference")],
    mask_on_other_grid: [OTHER_GRID],
    mask_half_outside: [OTHER_GRID, ("{}/tumour.nii.gz", "warning", "50 % of the tumour mask lies outside the ref")],
    training_without_mask: [("", "error", "no tumour mask, though its class is HCC")],
    validation_without_mask: [("", "warning", "no tumour mask")],
    unknown_class: [("datalist.json", "error", "lesion_class 'FNH'; expected one of hemangioma, HCC")],
    misspelt_key: [("datalist.json", "error", "unknown key 'lable'; did you mean 'label'?")],
    not_finite: [("{}/pre.nii.gz", "error", "1 voxels that are NaN or infinite")],
    constant: [("{}/delayed.nii.gz", "error", "the delayed phase is 7 everywhere")],
    one_image_twice: [("{}/delayed.nii.gz", "error", "the delayed phase is the portal_venous phase, voxel for voxel")],
    probabilities: [("{}/tumour.nii.gz", "error", "values from 0 to 0.9; expected whole numbers")],
    value_without_class: [("{}/tumour.nii.gz", "error", "label values [5]; expected 0 and 1..2")],
    empty_mask: [("{}/tumour.nii.gz", "error", "an empty tumour mask in a study of class HCC")],
    no_class: [("{}/tumour.nii.gz", "warning", "a tumour without a class")],
    stray_voxels: [("{}/tumour.nii.gz", "warning", "1 of 2 lesions below 0.1 ml (0.012 ml)")],
    tumour_beside_liver: [("{}/tumour.nii.gz", "warning", "100 % of the tumour mask lies outside the liver mask")],
    empty_liver: [("{}/liver.nii.gz", "error", "an empty liver mask")],
    phases_swapped: [
        ("", "warning", "the pre phase is brighter in the liver than the phase arterial and portal_venous")
    ],
}


@pytest.fixture
def all_faults(data_set):
    """One study for each fault, between sound ones."""
    data_set.study("first")
    for spoil in FAULTS:
        spoil(data_set, spoil.__name__)
    data_set.study("last", "test")
    return data_set.write()


def test_every_fault_is_one_row_with_its_file_and_nothing_else_is_said(all_faults, rows):
    report = check_dataset(all_faults, min_volume_ml=SMALLEST_ML, workers=1)
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


def test_parallel_says_the_same_as_serial(all_faults):
    serial = check_dataset(all_faults, min_volume_ml=SMALLEST_ML, workers=1)
    parallel = check_dataset(all_faults, min_volume_ml=SMALLEST_ML, workers=2)
    assert parallel.problems == serial.problems


def test_headers_alone_find_what_headers_tell(all_faults):
    report = check_dataset(all_faults, headers_only=True, workers=1)
    of_voxels = {cut_off, mask_half_outside, not_finite, constant, one_image_twice, probabilities, value_without_class}
    of_voxels |= {empty_mask, no_class, stray_voxels, tumour_beside_liver, empty_liver, phases_swapped}
    silent = {spoil.__name__ for spoil in of_voxels} - {"mask_half_outside"}
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
    data_set.save("healthy/tumour.nii.gz", np.zeros((12, 10, 8), np.uint8))
    assert not check_dataset(data_set.write()).problems


def test_masks_of_single_phases_are_checked_each(data_set, rows):
    data_set.study("c", label=None, labels={"arterial": "c/art_mask.nii.gz", "delayed": "c/tumour.nii.gz"})
    data_set.save("c/art_mask.nii.gz", np.zeros((12, 10, 8), np.uint8))
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
    mask = np.zeros((12, 10, 8), np.uint8)
    mask[3:6, 2:5, 2:5], mask[7:10, 5:8, 3:6] = 1, 2
    data_set.save("c/tumour.nii.gz", mask)
    assert not check_dataset(data_set.write(), min_volume_ml=SMALLEST_ML).problems


def test_other_class_names(data_set, rows):
    data_set.study("c", lesion_class="FNH")
    del data_set.content["classes"]
    path = data_set.write()
    assert [row[3][:18] for row in rows(check_dataset(path, min_volume_ml=SMALLEST_ML))] == ["lesion_class 'FNH'"]
    assert not check_dataset(path, min_volume_ml=SMALLEST_ML, classes=["HCC", "ICC", "FNH"]).problems

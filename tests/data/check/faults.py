"""One kind of fault for each function, and the rows that the check must say of it."""

import numpy as np

from custom.types import PHASES
from tests.data.check.small_set import AFFINE, SHAPE


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
    d.save(f"{case}/tumour.nii.gz", np.zeros(SHAPE, np.uint8), turned)
    d.content["training"][-1]["label"] = f"{case}/tumour.nii.gz"


def mask_elsewhere(d, case):
    d.study(case, liver=None)
    d.save(f"{case}/tumour.nii.gz", np.ones(SHAPE, np.uint8), shifted(500))


def mask_on_other_grid(d, case):
    d.study(case, liver=None)
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:7, 3:6, 2:5] = 1
    d.save(f"{case}/tumour.nii.gz", mask, shifted(1))


def mask_half_outside(d, case):
    d.study(case, liver=None)
    mask = np.zeros(SHAPE, np.uint8)
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
    d.save(f"{case}/delayed.nii.gz", np.full(SHAPE, 7, np.int16))


def one_image_twice(d, case):
    d.study(case)
    path = d.root / case
    (path / "delayed.nii.gz").write_bytes((path / "portal_venous.nii.gz").read_bytes())


def probabilities(d, case):
    d.study(case)
    d.save(f"{case}/tumour.nii.gz", np.linspace(0, 0.9, 960).reshape(12, 10, 8).astype(np.float32))


def value_without_class(d, case):
    d.study(case)
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:7, 3:6, 2:5] = 5
    d.save(f"{case}/tumour.nii.gz", mask)


def empty_mask(d, case):
    d.study(case)
    d.save(f"{case}/tumour.nii.gz", np.zeros(SHAPE, np.uint8))


def no_class(d, case):
    d.study(case, lesion_class=None)


def stray_voxels(d, case):
    d.study(case)
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:7, 3:6, 2:5] = 1
    mask[9, 7, 6] = 1
    d.save(f"{case}/tumour.nii.gz", mask)


def tumour_beside_liver(d, case):
    d.study(case)
    mask = np.zeros(SHAPE, np.uint8)
    mask[:, :, 7] = 1
    d.save(f"{case}/tumour.nii.gz", mask)


def empty_liver(d, case):
    d.study(case)
    d.save(f"{case}/liver.nii.gz", np.zeros(SHAPE, np.uint8))


def phases_swapped(d, case):
    d.study(case)
    d.content["training"][-1]["phases"] |= {
        "pre": f"{case}/portal_venous.nii.gz",
        "portal_venous": f"{case}/pre.nii.gz",
    }


OTHER_GRID = ("", "warning", "the tumour mask lies on another grid")
FAULTS = {  # what is done to a study, and its rows: file ("{}" is the case), severity, beginning of the finding
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

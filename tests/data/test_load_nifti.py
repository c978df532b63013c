"""The NIfTI forms of a study, each read to the same voxels, affine and phase names."""

import nibabel
import numpy as np
import pytest

from custom.data import find_studies, load_study
from custom.types import PHASES


def assert_same(study, volumes, affine):
    assert set(study.phases) == set(volumes)
    for phase, data in volumes.items():
        volume = study.phases[phase]
        assert volume.data.dtype == np.float32
        np.testing.assert_array_equal(volume.data, data)
        np.testing.assert_allclose(volume.affine, affine, atol=1e-5)


NAMINGS = {
    "plain": ("pre", "arterial", "portal_venous", "delayed"),
    "LiverHccSeg": ("pre", "art", "pv", "del"),
    "LLD-MMRI": ("C-pre", "C+A", "C+V", "C+Delay"),
    "LLD-MMRI with id and channel": tuple(f"MR-art12_6_{p}_0000" for p in ("C-pre", "C+A", "C+V", "C+Delay")),
    "case prefix": tuple(f"late_007_{p}" for p in ("pre", "art", "pv", "delayed")),
    "German": ("T1 nativ", "T1 spätarteriell", "T1 portalvenös", "T1 Spätphase"),
    "French": ("sans injection", "artérielle précoce", "portale", "tardive"),
    "Spanish": ("basal", "arterial", "portal", "tardía"),
    "Chinese": ("平扫", "动脉期", "门静脉期", "延迟期"),
    "Japanese": ("造影前", "動脈相", "門脈相", "平衡相"),
    "seconds after injection": ("pre", "35s", "70 sec", "3min"),
}


@pytest.mark.parametrize("naming", NAMINGS)
def test_folder_of_nifti_under_the_fields_names(tmp_path, volumes, save_nifti, naming):
    for phase, name in zip(PHASES, NAMINGS[naming], strict=True):
        save_nifti(tmp_path / "c1" / f"{name}.nii.gz", volumes[phase])
    study = load_study(tmp_path / "c1")
    affine = nibabel.load(tmp_path / "c1" / f"{NAMINGS[naming][0]}.nii.gz").affine
    assert_same(study, volumes, affine)
    assert study.case == "c1"
    assert study.flags == ()
    assert study.phases["pre"].evidence == {"rule": "file name"}


def test_masks_beside_the_phases_are_never_phases(nifti_study, volumes, save_nifti):
    mask = (volumes["pre"] > 180).astype(np.uint8) * 2
    for name in ("tumour", "liver", "rater1_tumor1", "mask_pre"):
        save_nifti(nifti_study / f"{name}.nii.gz", mask)
    save_nifti(nifti_study / "lesion.nii.gz", mask)
    study = load_study(nifti_study)
    assert set(study.phases) == set(PHASES)
    assert study.label is None  # tumour.nii.gz and lesion.nii.gz: two candidates, none is guessed
    np.testing.assert_array_equal(study.liver.data, mask)
    (nifti_study / "lesion.nii.gz").unlink()
    study = load_study(nifti_study)
    assert study.label.data.dtype == np.uint8
    np.testing.assert_array_equal(study.label.data, mask)
    assert list(study.phase_labels) == ["pre"]


def test_volumes_registered_to_another_phase_are_set_aside(nifti_study, volumes, save_nifti):
    save_nifti(nifti_study / "art_pre.nii.gz", volumes["pre"])
    study = load_study(nifti_study)
    assert study.phases["pre"].source == "pre.nii.gz"
    assert [entry["series"] for entry in study.set_aside] == ["art_pre.nii.gz"]


def test_datalist_entry(nifti_study, volumes):
    item = {
        "case": "c9",
        "phases": {phase: str(nifti_study / f"{phase}.nii.gz") for phase in PHASES},
        "lesion_class": "HCC",
        "patient": "p1",
        "true_enhancement": [1, 2, 3, 4],
    }
    study = load_study(item)
    assert_same(study, volumes, nibabel.load(nifti_study / "pre.nii.gz").affine)
    assert (study.case, study.lesion_class, study.patient) == ("c9", "HCC", "p1")


def test_missing_phase_is_a_flag(nifti_study):
    (nifti_study / "delayed.nii.gz").unlink()
    study = load_study(nifti_study)
    assert study.flags == ("missing_phase:delayed",)


def test_scaled_voxels_arrive_as_real_intensities(tmp_path, volumes, save_nifti):
    image = nibabel.Nifti1Image(volumes["pre"], np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    for phase in ("pre", "portal_venous"):
        (tmp_path / "c").mkdir(exist_ok=True)
        nibabel.save(image, tmp_path / "c" / f"{phase}.nii.gz")
    stored = np.asarray(nibabel.load(tmp_path / "c" / "pre.nii.gz").dataobj.get_unscaled())
    study = load_study(tmp_path / "c")
    slope, inter = nibabel.load(tmp_path / "c" / "pre.nii.gz").dataobj.slope, -3
    np.testing.assert_allclose(study.phases["pre"].data, stored * slope + inter, rtol=1e-6)


def test_four_dimensional_file_in_the_fixed_order(tmp_path, volumes, save_nifti):
    path = save_nifti(tmp_path / "c4.nii.gz", np.stack([volumes[phase] for phase in PHASES], -1))
    study = load_study(path)
    assert study.case == "c4"
    assert_same(study, volumes, nibabel.load(path).affine)
    assert study.phases["arterial"].source == "c4.nii.gz, volume 2"


def test_time_points_of_a_four_dimensional_file_by_phase_map(tmp_path, save_nifti):
    data = np.stack([np.full((4, 3, 2), k) for k in range(7)], -1).astype(np.int16)
    path = save_nifti(tmp_path / "dyn.nii", data)
    study = load_study(path, phase_map={"*": {"pre": "dyn@1", "portal_venous": "dyn.nii@6"}})
    assert {phase: volume.data.max() for phase, volume in study.phases.items()} == {"pre": 0, "portal_venous": 5}
    assert study.phases["pre"].evidence["rule"] == "phase map"


def test_reference_file_with_phases_beside_it(tmp_path, volumes, save_nifti):
    path = save_nifti(tmp_path / "case00.nii.gz", volumes["portal_venous"])
    for phase, name in (("pre", "pre"), ("arterial", "art"), ("delayed", "del"), ("portal_venous", "pv")):
        save_nifti(tmp_path / "phases" / f"case00_{name}.nii.gz", volumes[phase])
    save_nifti(tmp_path / "phases" / "case001_pre.nii.gz", volumes["delayed"])
    study = load_study({"case": "x", "image": str(path)})
    assert_same(study, volumes, nibabel.load(path).affine)
    assert study.phases["portal_venous"].source == "case00.nii.gz"


def test_phases_of_a_longer_name_belong_to_that_study(tmp_path, volumes, save_nifti):
    for case in ("c1", "c1_2"):
        for phase in ("pre", "arterial"):
            save_nifti(tmp_path / "phases" / f"{case}_{phase}.nii.gz", volumes[phase] + (case == "c1_2"))
        save_nifti(tmp_path / f"{case}.nii.gz", volumes["portal_venous"])
    short, long = load_study(tmp_path / "c1.nii.gz"), load_study(tmp_path / "c1_2.nii.gz")
    assert list(short.phases) == list(long.phases) == ["pre", "arterial", "portal_venous"]
    np.testing.assert_array_equal(long.phases["pre"].data, short.phases["pre"].data + 1)


def test_label_on_another_grid_is_a_flag(nifti_study, volumes, save_nifti):
    save_nifti(nifti_study / "tumour.nii.gz", (volumes["pre"] > 180).astype(np.uint8), affine=np.eye(4))
    assert load_study(nifti_study).flags == ("label_grid_differs",)


def test_positions_in_metres_become_millimetres(tmp_path, volumes, save_nifti):
    for phase in ("pre", "portal_venous"):
        save_nifti(tmp_path / "c" / f"{phase}.nii", volumes[phase], np.diag([0.002, 0.002, 0.004, 1]), xyzt_units=1)
    assert load_study(tmp_path / "c").phases["pre"].spacing_mm == pytest.approx((2, 2, 4))


def test_find_studies_in_natural_order(tmp_path):
    for name in ("case10", "case9", ".cache", "a b"):
        (tmp_path / name).mkdir()
    assert [item["case"] for item in find_studies(tmp_path)] == ["a b", "case9", "case10"]
    assert find_studies(tmp_path)[1]["image"] == str(tmp_path / "case9")


def test_exam_with_dicom_and_a_converted_extra_is_read_from_dicom(dicom, volumes, save_nifti):
    dicom.series([volumes["pre"]], 5)
    save_nifti(dicom.root / "T2_axial.nii.gz", volumes["delayed"])
    study = load_study(dicom.root, phase_map={"*": {"portal_venous": "5"}})
    assert study.phases["portal_venous"].source == "series 5"
    study = load_study(dicom.root, phase_map={"*": {"portal_venous": "T2_axial"}})
    assert study.phases["portal_venous"].source == "T2_axial.nii.gz"


def test_identifiers_in_file_names_are_not_shown(tmp_path, volumes, save_nifti):
    uid = "1.3.46.670589.11.38317.5.0.4476.2014042516043141846"
    for phase in ("pre", "pv"):
        save_nifti(tmp_path / "c" / f"{uid}_{phase}.nii.gz", volumes["pre"])
    study = load_study(tmp_path / "c")
    assert study.phases["pre"].source == "…43141846_pre.nii.gz"

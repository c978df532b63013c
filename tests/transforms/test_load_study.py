import json
import pickle
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from custom.transforms import LoadStudyd
from custom.types import PHASES, UNKNOWN_CLASS, InputError


def tumour(shape=(20, 18, 7), value=1):
    mask = np.zeros(shape, dtype=np.int16)
    mask[3:6, 9:14, 2:4] = value
    return mask


def test_phases_on_one_grid_arrive_untouched(make_study, load):
    study = make_study()
    out = load(study)
    assert isinstance(out["image"], MetaTensor)
    assert out["image"].dtype == torch.float32
    for p, phase in enumerate(PHASES):
        np.testing.assert_array_equal(out["image"][p].numpy(), study.phases[phase].data)
    assert out["phase_mask"].tolist() == [True] * 4
    np.testing.assert_array_equal(out["image"].affine.numpy(), study.phases["pre"].affine)
    assert out["image"].meta["spatial_shape"] == [20, 18, 7]
    np.testing.assert_array_equal(out["image"].meta["original_affine"].numpy(), study.phases["pre"].affine)


def test_missing_phase_is_zero_and_marked(make_study, load):
    phases = {p: np.full((8, 9, 5), 10.0 * (i + 1), np.float32) for i, p in enumerate(PHASES) if p != "arterial"}
    out = load(make_study(phases))
    assert out["phase_mask"].tolist() == [True, False, True, True]
    assert float(out["image"][1].abs().max()) == 0
    assert float(out["image"][3].min()) == 40


def test_phase_on_another_grid_lands_at_its_world_position(make_study, make_volume, load):
    """A linear ramp in world coordinates is reproduced exactly by linear interpolation, on any grid."""
    turn = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]])  # oblique
    other = np.eye(4)
    other[:3, :3] = turn @ np.diag([1.1, -1.3, 2.0])
    other[:3, 3] = [-15.0, 40.0, -6.0]

    def ramp(shape, affine):
        index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
        world = index @ affine[:3, :3].T + affine[:3, 3]
        return (100 + world @ np.array([2.0, -1.0, 3.0])).astype(np.float32)

    grid = np.diag([1.5, 1.5, 3.0, 1.0])
    phases = {p: ramp((12, 11, 6), grid) for p in PHASES}
    expected = phases["pre"].copy()
    phases["pre"] = make_volume(ramp((60, 55, 14), other), other)
    out = load(make_study(phases))
    np.testing.assert_allclose(out["image"][0].numpy(), expected, rtol=1e-5)
    assert out["study"]["flags"] == []


def test_outside_the_field_of_view_is_zero_and_flagged(make_study, make_volume, load):
    shifted = np.diag([1.5, 1.5, 3.0, 1.0])
    shifted[2, 3] = 9.0  # three slices up: four of seven slices covered
    phases = {p: np.full((10, 10, 7), 100.0, np.float32) for p in PHASES}
    phases["delayed"] = make_volume(phases["delayed"], shifted)
    out = load(make_study(phases))
    assert out["image"][3, 0, 0].tolist() == [0, 0, 0, 100, 100, 100, 100]
    assert out["study"]["flags"] == ["partial_coverage:delayed"]


def test_phase_without_a_common_voxel_is_an_error(make_study, make_volume, load):
    """Two oblique slabs one above the other: their bounding boxes overlap, they do not."""
    turn = np.array([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]])
    low, high = np.eye(4), np.eye(4)
    low[:3, :3] = high[:3, :3] = turn @ np.diag([1.5, 1.5, 3.0])
    high[:3, 3] = turn[:, 2] * 12.0
    phases = {p: np.ones((20, 20, 3), np.float32) for p in PHASES}
    phases["arterial"] = make_volume(phases["arterial"], high, "arterial.nii.gz")
    with pytest.raises(InputError, match=r"arterial\.nii\.gz.*shares no voxel"):
        load(make_study(phases, affine=low))


def test_files_of_any_accepted_form(tmp_path):
    """Through the real reader: a folder of NIfTI files, and an annotation server's item without a case."""
    rng = np.random.default_rng(1)
    affine = np.diag([-1.5, -1.5, 3.0, 1.0])
    volumes = {p: rng.uniform(10, 90, (8, 7, 5)).astype(np.float32) for p in PHASES}
    for phase, data in volumes.items():
        nib.save(nib.Nifti1Image(data, affine), tmp_path / f"{phase}.nii.gz")
    nib.save(nib.Nifti1Image(tumour((8, 7, 5)), affine), tmp_path / "tumour.nii.gz")
    item = {"image": str(tmp_path), "label": str(tmp_path / "tumour.nii.gz"), "result_dtype": "uint8"}
    out = LoadStudyd()(item)
    for p, phase in enumerate(PHASES):
        np.testing.assert_array_equal(out["image"][p].numpy(), volumes[phase])
    np.testing.assert_array_equal(out["image"].affine.numpy(), affine)
    assert out["study"]["case"] == tmp_path.name
    assert out["result_dtype"] == "uint8"
    assert LoadStudyd(phase_map={"*": {p: p for p in PHASES}})(str(tmp_path))["phase_mask"].all()


@pytest.mark.parametrize(
    ("value", "lesion_class", "stored", "index", "carries"),
    [
        (1, "HCC", 2, 1, True),  # a binary mask takes the study's class
        (1, "hcc", 2, 1, True),
        (2, None, 2, 1, True),  # class values speak for themselves
        (1, None, 1, UNKNOWN_CLASS, False),
        (2, "HCC", 2, 1, True),
    ],
)
def test_mask_and_class(make_study, load, value, lesion_class, stored, index, carries):
    out = load(make_study(label=tumour(value=value), lesion_class=lesion_class))
    assert out["label"].dtype == torch.uint8
    assert out["label"].shape == (1, 20, 18, 7)
    assert torch.unique(out["label"]).tolist() == [0, stored]
    assert (out["label"][0].numpy() > 0).sum() == 3 * 5 * 2
    assert (out["lesion_class"], out["class_values"]) == (index, carries)


def test_two_classes_keep_their_values(make_study, load):
    mask = tumour()
    mask[12:15, 2:5, 5] = 2
    out = load(make_study(label=mask))
    assert torch.unique(out["label"]).tolist() == [0, 1, 2]
    assert out["lesion_class"] == UNKNOWN_CLASS
    assert out["class_values"]


def test_mask_errors_say_what_to_do(make_study, load):
    with pytest.raises(InputError, match=r"label values \[3\]; expected 0 and 1\.\.2"):
        load(make_study(label=tumour(value=3)))
    with pytest.raises(InputError, match="that agree"):
        load(make_study(label=tumour(value=2), lesion_class="hemangioma"))
    with pytest.raises(InputError, match="lesion class 'cyst'"):
        load(make_study(label=tumour(), lesion_class="cyst"))


def test_three_classes_of_other_names(make_study, load):
    out = load(make_study(label=tumour(), lesion_class="FNH"), classes=["cyst", "met", "FNH"])
    assert (int(out["label"].max()), out["lesion_class"]) == (3, 2)


def test_mask_on_a_finer_grid_comes_by_nearest_neighbour(make_study, make_volume, load):
    fine = np.zeros((40, 36, 7), dtype=np.uint8)
    fine[6:12, 18:28, 2:4] = 1
    affine = np.diag([0.75, 0.75, 3.0, 1.0])
    affine[:2, 3] = -0.375  # two fine voxels fill one coarse voxel
    out = load(make_study(label=make_volume(fine, affine)))
    np.testing.assert_array_equal(out["label"][0].numpy(), tumour())


def test_a_liver_mask_comes_to_the_reference_grid(make_study, make_volume, load):
    study = make_study()
    assert "liver" not in load(study)
    finer = np.zeros((40, 18, 7), np.uint8)
    finer[10:16, 3, 2] = 7
    liver = make_volume(finer[::-1], np.diag([-0.75, 1.5, 3.0, 1.0]) @ shifted(-39), "liver.nii.gz")
    out = load(replace(study, liver=liver))
    assert out["liver"].shape == (1, 20, 18, 7)
    assert np.argwhere(out["liver"][0].numpy()).tolist() == [[5, 3, 2], [6, 3, 2], [7, 3, 2]]


def shifted(voxels):
    affine = np.eye(4)
    affine[0, 3] = voxels
    return affine


def test_masks_of_single_phases(make_study, load):
    own = np.roll(tumour(), 2, axis=0)
    out = load(make_study(label=tumour(), phase_labels={"arterial": own}, lesion_class="HCC"))
    assert out["phase_label"].shape == (4, 20, 18, 7)
    np.testing.assert_array_equal(out["phase_label"][1].numpy(), own)
    np.testing.assert_array_equal(out["phase_label"][2].numpy(), tumour())


def test_description_is_plain_and_without_the_patient(make_study, load):
    study = make_study(flags=["gadoxetate"])
    study.phases["pre"].evidence["score"] = np.float32(0.5)
    out = load(study, item={"case": "case-01", "patient": "patient-secret", "image": "x", "result_dtype": "uint8"})
    text = json.dumps(out["study"])
    assert "secret" not in text
    assert out["study"]["phases"]["pre"] == {
        "source": "pre.nii.gz",
        "time_s": 0.0,
        "evidence": {"rule": "by hand", "score": 0.5},
        "alignment": None,
    }
    assert out["study"]["flags"] == ["gadoxetate"]
    assert out["result_dtype"] == "uint8"
    assert "patient" not in out


def test_studies_of_one_patient_share_a_group_that_names_nobody(make_study, load):
    groups = [
        load(make_study(), item={"case": case, "patient": patient, "image": "x"})["group"]
        for case, patient in (("first", "Jane Roe"), ("again", "Jane Roe"), ("other", "John Roe"))
    ]
    assert groups[0] == groups[1] != groups[2]
    assert not any("Roe" in group for group in groups)
    alone = [load(make_study(), item={"case": "first", "image": "x"})["group"] for _ in range(2)]
    assert alone[0] == alone[1] != groups[0]


def test_true_curve_passes_and_is_nan_when_unknown(make_study, load):
    out = load(make_study(), item={"case": "c", "true_enhancement": [1, 2.5, None, 4]})
    assert out["true_enhancement"].tolist()[:2] == [1, 2.5]
    assert torch.isnan(out["true_enhancement"]).tolist() == [False, False, True, False]
    assert torch.isnan(load(make_study())["true_enhancement"]).all()


def test_survives_spawned_workers():
    pickle.loads(pickle.dumps(LoadStudyd(classes=["a", "b", "c"])))

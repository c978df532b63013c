"""Alignment where users meet it: in the transform that loads a study, and in the cache behind it."""

import json

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import Compose

import custom.transforms.load_study as module
from custom.data import Volume, load_study
from custom.data.phantom import simulate_study, write_dicom, write_nifti
from custom.transforms import LoadStudyd, StudyCacheDataset
from custom.transforms.alignment.register import Registration
from custom.types import PHASES, InputError

SHIFTS = {"pre": (1.0, -2.0, 6.0), "arterial": (-1.0, 2.0, -9.0), "delayed": (0.0, 0.0, 0.0)}


@pytest.fixture
def load(monkeypatch):
    """Run LoadStudyd on a hand-built study instead of files."""

    def run(study, **arguments):
        monkeypatch.setattr(module, "load_study", lambda data, **settings: study)
        return LoadStudyd(**arguments)({"case": study.case})

    return run


def alignment(loaded, phase):
    return loaded["study"]["phases"][phase]["alignment"]


def difference(abdomen, one, other, phase):
    """Mean absolute difference of a phase in and around the liver."""
    inside = np.linalg.norm(abdomen.world() - [60, 0, -5], axis=-1) < 40
    return np.abs(one["image"][phase].numpy() - other["image"][phase].numpy())[inside].mean()


def test_each_phase_comes_to_the_reference(abdomen, load):
    still, study = load(abdomen.study(noise=0.5)), abdomen.study(SHIFTS, noise=0.5)
    before, after = load(study), load(study, registration="translation")
    for p, phase in enumerate(PHASES):
        error = [difference(abdomen, out, still, p) for out in (before, after)]
        if phase in ("pre", "arterial"):
            np.testing.assert_allclose(alignment(after, phase)["shift_mm"], SHIFTS[phase], atol=1.0)
            assert alignment(after, phase)["outcome"] == "applied"
            assert error[1] < 0.5 * error[0]
        else:  # the reference, and what lies well already, are not touched
            np.testing.assert_array_equal(after["image"][p].numpy(), before["image"][p].numpy())
    assert alignment(after, "portal_venous") is None
    assert alignment(after, "delayed")["outcome"] == "negligible"
    assert after["study"]["flags"] == []
    assert json.loads(json.dumps(after["study"], allow_nan=False)) == after["study"]
    assert alignment(before, "pre") is None


def test_another_grid_and_a_shift_together(abdomen, load):
    affine = np.array([[0.94, -0.26, 0.1, 0], [0.26, 0.95, 0.05, 0], [-0.1, 0, 0.98, 0], [0, 0, 0, 1]])
    affine[:3, :3] = np.linalg.qr(affine[:3, :3])[0] @ np.diag([3.0, 3.0, 5.0])
    affine[:3, 3] = -affine[:3, :3] @ [52, 44, 13]
    grids = {"arterial": ((104, 88, 26), affine)}
    study = abdomen.study(SHIFTS, grids=grids)
    out = load(study, registration="translation")
    np.testing.assert_allclose(alignment(out, "arterial")["shift_mm"], SHIFTS["arterial"], atol=1.0)
    still = load(abdomen.study(grids=grids))
    assert difference(abdomen, out, still, 1) < 0.5 * difference(abdomen, load(study), still, 1)


@pytest.mark.parametrize(("from_dicom", "meant"), [(True, "translation"), (False, "none")])
def test_auto_aligns_what_comes_as_dicom(abdomen, load, from_dicom, meant):
    study = abdomen.study(SHIFTS, phases=("pre", "portal_venous"), from_dicom=from_dicom)
    out, explicit = load(study), load(study, registration=meant)
    np.testing.assert_array_equal(out["image"].numpy(), explicit["image"].numpy())
    assert out["study"] == explicit["study"]
    assert (alignment(out, "pre") is not None) == from_dicom


def test_files_tell_whether_they_are_dicom(tmp_path):
    study = simulate_study(seed=5, preset="tiny")
    write_dicom(study, tmp_path / "dicom", layout="temporal", seed=3)
    write_nifti(study, tmp_path / "nifti")
    found = {form: load_study(tmp_path / form).from_dicom for form in ("dicom", "nifti")}
    assert found == {"dicom": True, "nifti": False}


def test_a_missing_phase_stays_missing(abdomen, load):
    study = abdomen.study(SHIFTS, phases=("pre", "portal_venous", "delayed"))
    out = load(study, registration="translation")
    assert out["phase_mask"].tolist() == [True, False, True, True]
    assert "arterial" not in out["study"]["phases"]
    assert alignment(out, "pre")["outcome"] == "applied"


@pytest.mark.parametrize("has_reference_mask", [True, False])
def test_a_mask_follows_the_phase_in_which_it_was_drawn(abdomen, load, has_reference_mask):
    """With a mask of the arterial phase alone, that one is brought to the reference and stands for all."""
    masks = {"arterial": SHIFTS["arterial"]} | ({"portal_venous": (0, 0, 0)} if has_reference_mask else {})
    volumes = {p: Volume(data=abdomen.lesion(s), affine=abdomen.AFFINE, source="m.nii.gz") for p, s in masks.items()}
    out = load(abdomen.study(SHIFTS, phase_labels=volumes), registration="translation")
    true, points = abdomen.lesion() > 0, abdomen.world()
    for mask in [out["phase_label"][1].numpy(), out["label"][0].numpy()]:
        centre = points[mask > 0].mean(axis=0)
        np.testing.assert_allclose(centre, points[true].mean(axis=0), atol=2.5)
    assert set(np.unique(out["phase_label"].numpy())) == {0, 1}


def test_what_was_drawn_on_the_reference_phase_stays(abdomen, load):
    """Tumour and liver masks, the reference phase itself and the grid that results return to."""
    mask = Volume(data=abdomen.lesion(), affine=abdomen.AFFINE, source="m.nii.gz")
    study = abdomen.study(SHIFTS, label=mask, liver=mask)
    before, after = load(study), load(study, registration="translation")
    assert alignment(after, "arterial")["outcome"] == "applied"
    for key in ("label", "liver"):
        np.testing.assert_array_equal(after[key].numpy(), before[key].numpy())
    reference = PHASES.index("portal_venous")
    np.testing.assert_array_equal(after["image"][reference].numpy(), before["image"][reference].numpy())
    np.testing.assert_array_equal(after["image"].affine.numpy(), abdomen.AFFINE)
    assert after["image"].shape == before["image"].shape


def test_no_match_is_rejected_flagged_and_left_alone(abdomen, load):
    study = abdomen.study(SHIFTS)
    rng = np.random.default_rng(4)
    noise = rng.rayleigh(80, abdomen.SHAPE).astype(np.float32)
    study.phases["arterial"] = Volume(data=noise, affine=abdomen.AFFINE, source="arterial.nii.gz")
    flat = np.full(abdomen.SHAPE, 100, np.float32)
    study.phases["delayed"] = Volume(data=flat, affine=abdomen.AFFINE, source="delayed.nii.gz")
    out = load(study, registration="translation")
    assert out["study"]["flags"] == ["registration_rejected:arterial", "registration_rejected:delayed"]
    np.testing.assert_array_equal(out["image"][1].numpy(), noise)
    np.testing.assert_array_equal(out["image"][3].numpy(), flat)


def test_a_large_shift_is_flagged(abdomen, load):
    out = load(abdomen.study({"pre": (0, 0, 13.0)}), registration="translation")
    assert out["study"]["flags"] == ["breath_hold_shift:pre"]


def test_a_stack_too_thin_to_have_edges_across_is_left_alone(load, make_study, make_volume):
    grid, rng = np.diag([1.5, 1.5, 2.5, 1.0]), np.random.default_rng(0)
    phases = {p: make_volume(rng.uniform(50, 300, (160, 150, 3)).astype(np.float32), grid) for p in PHASES}
    out = load(make_study(phases), registration="translation")
    assert out["study"]["flags"] == [f"registration_rejected:{p}" for p in ("pre", "arterial", "delayed")]


def test_a_volume_too_small_to_compare_is_left_alone(load, make_study):
    out = load(make_study(), registration="rigid")
    assert out["study"]["flags"] == [f"registration_rejected:{p}" for p in ("pre", "arterial", "delayed")]
    assert alignment(out, "pre")["shift_mm"] is None


@pytest.mark.parametrize(("kind", "atol_mm"), [("rigid", 1.5), pytest.param("deformable", 2.5, marks=pytest.mark.slow)])
def test_richer_kinds_stay_near_the_shift(abdomen, load, kind, atol_mm):
    out = load(abdomen.study(SHIFTS, phases=("pre", "portal_venous")), registration=kind)
    np.testing.assert_allclose(alignment(out, "pre")["shift_mm"], SHIFTS["pre"], atol=atol_mm)
    assert alignment(out, "pre")["outcome"] == "applied"


def test_the_same_study_gives_the_same_bits(abdomen, load):
    study = abdomen.study(SHIFTS, phases=("pre", "portal_venous"))
    one, other = (load(study, registration="rigid") for _ in range(2))
    assert one["study"] == other["study"]
    np.testing.assert_array_equal(one["image"].numpy(), other["image"].numpy())


def test_a_richer_kind_that_fails_leaves_the_shift(abdomen, load, monkeypatch):
    def fail(self):
        raise RuntimeError("all samples map outside the moving image")

    monkeypatch.setattr(Registration, "rigid", fail)
    study = abdomen.study(SHIFTS, phases=("pre", "portal_venous"))
    assert load(study, registration="rigid")["study"] == load(study, registration="translation")["study"]


def test_an_unknown_kind_names_the_choices():
    with pytest.raises(InputError, match=r"'registration': found 'affine'; expected one of auto, none, translation"):
        LoadStudyd(registration="affine")


def test_a_cached_study_is_registered_once_for_each_kind(abdomen, tmp_path, monkeypatch):
    """The kind is part of the cache's key, and flags and shifts come back from it."""
    phases = {}
    for phase, volume in abdomen.study({"pre": (0, 0, 13.0)}, phases=("pre", "portal_venous")).phases.items():
        phases[phase] = str(tmp_path / f"{phase}.nii.gz")
        nib.save(nib.Nifti1Image(volume.data, volume.affine), phases[phase])
    runs = []
    align = module.align_phases
    monkeypatch.setattr(module, "align_phases", lambda study, kind: runs.append(kind) or align(study, kind))

    def read(kind):
        data = [{"case": "c", "phases": phases}]
        transform = Compose([LoadStudyd(registration=kind)])
        return StudyCacheDataset(data=data, transform=transform, cache_dir=str(tmp_path / "cache"))[0]

    first, second, none = read("translation"), read("translation"), read("none")
    assert runs == ["translation", "none"]
    assert second["study"] == first["study"]
    assert "breath_hold_shift:pre" in second["study"]["flags"]
    assert second["study"]["phases"]["pre"]["alignment"]["distance_mm"] == pytest.approx(13, abs=1)
    assert none["study"]["phases"]["pre"]["alignment"] is None
    np.testing.assert_array_equal(second["image"].numpy(), first["image"].numpy())
    assert not np.array_equal(none["image"].numpy(), first["image"].numpy())

"""One number scales a study: another gain of the scanner changes no tensor, and every raw curve by just that factor."""

import struct

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from custom.data import load_study
from custom.data.phantom import simulate_study, write_dicom, write_nifti
from custom.inference import SliceInferer
from custom.transforms import study_enhancement
from custom.types import PHASES

SCL_SLOPE = (112, "<f")  # of a NIfTI-1 header


class Brightness(torch.nn.Module):
    """Tumour is what exceeds a level on the normalised scale; its curve is regressed as the mean of the slice."""

    def forward(self, image, phase_mask=None):
        seg = (image[:, 1:2] - 0.8) * 50.0
        return {"seg": seg, "enhancement": image.mean((2, 3)), "class_logits": torch.zeros(len(image), 2)}


@pytest.fixture(scope="module")
def phantom_study():
    return simulate_study(seed=21, preset="tiny", lesions=("hemangioma",))


@pytest.fixture(scope="module")
def scalable(phantom_study, tmp_path_factory):
    """``scalable(factor)``: the folder of the study whose every intensity is multiplied by a factor."""
    folder = tmp_path_factory.mktemp("scaled") / "c"
    write_nifti(phantom_study, folder)
    for path in list(folder.glob("*.nii.gz")):
        nib.save(nib.load(path), path.with_suffix(""))
        path.unlink()

    def scale(factor):
        for phase in PHASES:
            content = bytearray((folder / f"{phase}.nii").read_bytes())
            struct.pack_into(SCL_SLOPE[1], content, SCL_SLOPE[0], factor)
            (folder / f"{phase}.nii").write_bytes(content)
        return folder

    return scale


@pytest.fixture(scope="module")
def steps(shipped, phantom):
    """What the shipped training and inference do to a study before the network, and inference behind it.

    Without registration: a shift that is found by iteration is the same to hundredths of a mm, not to the last digit.
    """
    options = {"dataset_dir": str(phantom), "registration": "none"}
    train = shipped.build(["train.json"], **{**shipped.small_training, **options}).parser
    infer = shipped.build(["inference.json"], workflow_type="infer", curve_classifier=None, **options)
    return {
        "train": train.get_parsed_content("train#deterministic_transforms"),
        "infer": infer.parser.get_parsed_content("preprocessing").transforms,
        "post": infer.parser.get_parsed_content("postprocessing").transforms[:3],
    }


def through(transforms, data):
    for transform in transforms:
        data = transform(data)
    return data


def trained_on(steps, folder, **more):
    data = through(steps["train"], {"case": "c", "image": str(folder), **more})
    return {**data, "enhancement": study_enhancement(data)}


def predicted_from(steps, folder):
    data = through(steps["infer"], {"case": "c", "image": str(folder)})
    out = SliceInferer()(data["image"][None], Brightness(), data["phase_mask"][None])
    return through(steps["post"], {**data, "pred": {key: value[0] for key, value in out.items()}})


def raw_curves(prediction):
    names = ("measured_raw", "regressed_raw", "reference_raw")
    return np.array([lesion[name] for lesion in prediction["lesions"] for name in names])


def assert_scaled(steps, scalable, factor, *, exact):
    """``exact``: bit for bit, as powers of two allow; else to the last digits of float32."""
    one, other = trained_on(steps, scalable(1.0)), trained_on(steps, scalable(factor))
    tolerance = {"rtol": 0.0, "atol": 0.0} if exact else {"rtol": 2e-6, "atol": 1e-7}
    for key in ("image", "label", "phase_mask", "enhancement"):
        torch.testing.assert_close(torch.as_tensor(other[key]), torch.as_tensor(one[key]), **tolerance)
    assert other["scale"] == pytest.approx(one["scale"] * factor, rel=0 if exact else 1e-6)

    one, other = predicted_from(steps, scalable(1.0)), predicted_from(steps, scalable(factor))
    torch.testing.assert_close(other["image"].as_tensor(), one["image"].as_tensor(), **tolerance)
    torch.testing.assert_close(other["pred"].as_tensor(), one["pred"].as_tensor())
    assert len(one["lesions"]) > 0
    np.testing.assert_allclose(raw_curves(other), factor * raw_curves(one), rtol=1e-12 if exact else 5e-6)


@settings(max_examples=8, deadline=None)
@given(st.floats(2.0**-13, 2.0**13, width=32))
def test_any_gain_changes_no_tensor_and_scales_raw_curves(steps, scalable, factor):
    assert_scaled(steps, scalable, factor, exact=False)


@pytest.mark.parametrize("factor", [2.0**-10, 0.5, 4096.0])
def test_a_gain_that_binary_numbers_hold_changes_nothing_at_all(steps, scalable, factor):
    assert_scaled(steps, scalable, factor, exact=True)


def test_the_same_for_the_rescale_slope_of_dicom(steps, phantom_study, tmp_path):
    seen = {}
    for factor in (1, 0.37):
        folder = tmp_path / str(factor)
        write_dicom(phantom_study, folder, layout="temporal", seed=3)
        for path in folder.rglob("*.dcm"):
            file = pydicom.dcmread(path)
            file.RescaleSlope = factor
            file.save_as(path)
        seen[factor] = trained_on(steps, folder)
    assert seen[1]["study"]["phases"].keys() == set(PHASES)
    torch.testing.assert_close(seen[0.37]["image"].as_tensor(), seen[1]["image"].as_tensor(), rtol=2e-6, atol=1e-7)
    torch.testing.assert_close(seen[0.37]["enhancement"], seen[1]["enhancement"], rtol=2e-6, atol=1e-7)
    assert seen[0.37]["scale"] == pytest.approx(0.37 * seen[1]["scale"], rel=1e-6)


@pytest.mark.parametrize("layout", ["scaled", "enhanced-scaled"])
def test_scaling_of_each_dynamic_is_undone(steps, phantom_study, tmp_path, layout):
    """Stored values of the dynamics differ by factors of 2 to 4; what arrives differs by their rounding alone."""
    write_dicom(phantom_study, tmp_path / "scaled", layout=layout, seed=3)
    write_nifti(phantom_study, tmp_path / "plain")
    scaled, plain = (load_study(tmp_path / name) for name in ("scaled", "plain"))
    assert "scaling_differs" not in scaled.flags
    for phase in PHASES:
        a, b = scaled.phases[phase], plain.phases[phase]
        to_plain = np.rint(np.linalg.inv(b.affine) @ a.affine)  # flips: both are grids of the same voxels
        index = np.indices(a.data.shape).reshape(3, -1)
        i, j, k = (to_plain[:3, :3] @ index + to_plain[:3, 3:]).astype(int)
        assert np.abs(a.data.ravel() - b.data[i, j, k]).max() <= 0.5 / 2.0 + 0.5  # rounded once to 1/2, once to 1
    scaled, plain = (trained_on(steps, tmp_path / name) for name in ("scaled", "plain"))
    torch.testing.assert_close(scaled["enhancement"], plain["enhancement"], rtol=2e-3, atol=0)
    assert scaled["scale"] == pytest.approx(plain["scale"], rel=2e-3)


def test_scaling_that_was_not_undone_would_be_seen(phantom_study, tmp_path):
    """The counter-check: read as everybody else's DICOM, the same files give other curves."""
    write_dicom(phantom_study, tmp_path / "c", layout="scaled", seed=3)
    right = load_study(tmp_path / "c").phases["arterial"].data.mean()
    for path in (tmp_path / "c").rglob("*.dcm"):
        file = pydicom.dcmread(path)
        del file[0x2005, 0x100E]
        file.save_as(path)
    wrong = load_study(tmp_path / "c")
    assert "scaling_differs" in wrong.flags
    assert abs(wrong.phases["arterial"].data.mean() / right - 1) > 0.5

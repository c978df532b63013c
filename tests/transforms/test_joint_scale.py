import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Compose, Orientationd, Spacingd

from custom.transforms import JointScaled
from custom.types import InputError


def body(factor=1.0, padding=0):
    """A bright asymmetric body in empty air; phases of different brightness."""
    image = np.zeros((4, 24, 20, 6))
    rng = np.random.default_rng(3)
    for p, level in enumerate((200, 350, 500, 400)):
        image[p, 4:19, 3:15, 1:6] = rng.normal(level, 30, (15, 12, 5))
    image = np.pad(image, [(0, 0)] + [(padding, padding)] * 3)
    return torch.tensor(image * factor, dtype=torch.float32)


def item(image, mask=(True,) * 4):
    return {"image": image, "phase_mask": torch.tensor(mask), "study": {"case": "case-01"}}


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-3, 1e6))
def test_a_scanners_gain_changes_nothing_but_the_scale(gain):
    once, scaled = JointScaled()(item(body())), JointScaled()(item(body() * gain))
    torch.testing.assert_close(scaled["image"], once["image"], rtol=2e-6, atol=1e-7)
    assert scaled["scale"] == pytest.approx(once["scale"] * gain, rel=1e-6)


def test_raw_is_normalised_times_scale():
    raw = body()
    out = JointScaled()(item(raw))
    assert type(out["scale"]) is float
    torch.testing.assert_close(out["image"] * out["scale"], raw)
    assert out["scale"] == pytest.approx(float(np.percentile(raw[:, 4:19, 3:15, 1:6], 99.5)), rel=1e-6)


def test_ratios_between_phases_survive():
    raw = body()
    out = JointScaled()(item(raw))["image"]
    inside = (slice(5, 18), slice(4, 14), slice(2, 5))
    torch.testing.assert_close(out[1][inside] / out[0][inside], raw[1][inside] / raw[0][inside])


def test_absent_phases_and_padding_do_not_count():
    raw = body()
    missing = raw.clone()
    missing[2] = 0
    mask = (True, True, False, True)
    brightest_absent = JointScaled()(item(missing, mask))["scale"]
    assert brightest_absent == pytest.approx(float(np.percentile(raw[[0, 1, 3], 4:19, 3:15, 1:6], 99.5)), rel=1e-6)
    missing[2] = 1e9  # whatever an absent phase holds
    assert JointScaled()(item(missing, mask))["scale"] == brightest_absent
    assert JointScaled()(item(body(padding=8)))["scale"] == JointScaled()(item(raw))["scale"]


def test_large_volumes_are_sampled_not_sorted(monkeypatch):
    import custom.transforms.joint_scale as module

    exact = JointScaled()(item(body()))["scale"]
    monkeypatch.setattr(module, "SAMPLE_LIMIT", 400)
    assert JointScaled()(item(body()))["scale"] == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("image", [torch.zeros(4, 5, 5, 5), -torch.ones(4, 5, 5, 5)])
def test_nothing_to_scale_by(image):
    with pytest.raises(InputError, match="without any positive intensity"):
        JointScaled()(item(image))


@pytest.mark.parametrize(("depth", "first"), [(53, 26), (31, 9), (17, 16)])
def test_resampling_leaves_nothing_in_slices_that_a_phase_does_not_reach(depth, first):
    image = torch.full((4, 20, 16, depth), 300.0)
    image[3, ..., first:] = 0
    affine = torch.tensor(
        [[-1.3, 0, 0, 11.7], [0, -1.3, 0, -31.1], [0, 0, 4.3, 7.9], [0, 0, 0, 1]], dtype=torch.float64
    )
    chain = Compose([Orientationd(keys="image", axcodes="LPS"), Spacingd(keys="image", pixdim=(2.5, 2.5, 0.0))])
    out = JointScaled()({**item(image), **chain({"image": MetaTensor(image, affine=affine)})})
    assert (out["image"][3] != 0).flatten(0, 1).any(0).tolist() == [d < first for d in range(depth)]

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Spacing

from custom.transforms import AntiAliasd
from custom.types import InputError


def noisy(pixel_mm, shape=(96, 80, 3)):
    generator = torch.Generator().manual_seed(0)
    image = 500 + 50 * torch.randn(4, *shape, generator=generator)
    return {"image": MetaTensor(image, affine=torch.diag(torch.tensor([pixel_mm, pixel_mm, 5.0, 1.0]).double()))}


def test_noise_falls_as_the_pixels_area_tells():
    plain = Spacing(pixdim=[2.5, 2.5, -1])(noisy(0.7)["image"])
    smooth = Spacing(pixdim=[2.5, 2.5, -1])(AntiAliasd(spacing_mm=2.5)(noisy(0.7))["image"])
    assert smooth[0, 2:-2, 2:-2].std() < 0.4 * plain[0, 2:-2, 2:-2].std()
    assert smooth.mean() == pytest.approx(500, rel=0.005)


@pytest.mark.parametrize("pixel_mm", [2.5, 3.0])
def test_coarse_pixels_are_left_alone(pixel_mm):
    item = noisy(pixel_mm)
    assert AntiAliasd(spacing_mm=2.5)(item)["image"] is item["image"]


def test_slices_do_not_mix_and_the_input_stays():
    item = noisy(1.0)
    item["image"][..., 1] = 0
    before = item["image"].clone()
    out = AntiAliasd(spacing_mm=2.5)(item)["image"]
    assert float(out[..., 1].abs().max()) == 0
    torch.testing.assert_close(item["image"], before)
    np.testing.assert_array_equal(out.affine.numpy(), before.affine.numpy())


def test_only_the_fine_axis_is_smoothed():
    item = {"image": torch.zeros(4, 21, 21, 1)}
    item["image"][:, 10, 10] = 1
    item["image"] = MetaTensor(item["image"], affine=torch.diag(torch.tensor([0.8, 2.5, 5.0, 1.0]).double()))
    out = AntiAliasd(spacing_mm=2.5)(item)["image"][0, :, :, 0]
    assert out[8, 10] > 0.05
    assert out[10, 9] == 0
    assert out.sum() == pytest.approx(1, rel=1e-3)


def test_arguments():
    with pytest.raises(InputError, match="spacing_mm=0"):
        AntiAliasd(spacing_mm=0)

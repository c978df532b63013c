import pytest
import torch

from custom.transforms import RandResolutiond
from custom.types import InputError


def stripes(period: int) -> torch.Tensor:
    """Four phases of 48 × 30 pixels that alternate along the rows, each phase brighter than the last."""
    rows = torch.arange(48) // (period // 2) % 2
    return torch.arange(1.0, 5)[:, None, None] * rows[None, :, None].float().expand(4, 48, 30)


def run(image, seed=0, times=1, **arguments):
    transform = RandResolutiond(**{"spacing_mm": 1.5, "max_mm": 6.0, "prob": 1.0, **arguments})
    transform.set_random_state(seed=seed)
    label = torch.ones(1, *image.shape[1:])
    return [transform({"image": image, "label": label}) for _ in range(times)]


def test_what_is_finer_than_the_pixels_goes_and_the_mean_stays():
    contrast = [float(out["image"][3, 8:-8].std()) for out in run(stripes(2), times=40)]
    assert min(contrast) < 0.3 < float(stripes(2)[3].std()) - 0.5
    for out in run(stripes(24), times=10):
        assert float(out["image"][3].std()) > 1.2
        torch.testing.assert_close(out["image"].mean((1, 2)), stripes(24).mean((1, 2)), rtol=0.02, atol=0)
        assert torch.equal(out["label"], torch.ones(1, 48, 30))


def test_phases_are_treated_alike_and_nothing_moves():
    image = torch.zeros(4, 48, 30)
    image[:, 10:20, 5:12] = torch.arange(1.0, 5)[:, None, None]
    for out in run(image, times=10):
        torch.testing.assert_close(out["image"][3], out["image"][0] * 4)
        rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(30.0), indexing="ij")
        weights = out["image"][0] / out["image"][0].sum()
        assert abs(float((weights * rows).sum()) - 14.5) < 0.5
        assert abs(float((weights * columns).sum()) - 8.0) < 0.5


def test_probability_seed_and_limits():
    image = stripes(4)
    assert run(image, prob=0.0)[0]["image"] is image
    torch.testing.assert_close(run(image, 5)[0]["image"], run(image, 5)[0]["image"], rtol=0, atol=0)
    assert not torch.equal(run(image, 5)[0]["image"], run(image, 6)[0]["image"])
    torch.testing.assert_close(run(image, max_mm=1.5)[0]["image"], image)
    with pytest.raises(InputError, match=r"max_mm 1\.0"):
        RandResolutiond(spacing_mm=1.5, max_mm=1.0)

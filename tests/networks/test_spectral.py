import math

import pytest
import torch

from custom.networks import HighPass


def direct_high_pass(image: torch.Tensor, cutoff: float) -> torch.Tensor:
    """The definition, by DFT matrices in float64: no FFT, no real-input shortcut."""
    height, width = image.shape[-2:]

    def dft(size):
        index = torch.arange(size, dtype=torch.float64)
        return torch.exp(-2j * math.pi * index[:, None] * index / size)

    def frequency(size):  # signed, as a fraction of Nyquist
        return torch.tensor([(k if k < size / 2 else k - size) / (size / 2) for k in range(size)], dtype=torch.float64)

    spectrum = dft(height) @ image.to(torch.complex128) @ dft(width)
    squared = frequency(height)[:, None] ** 2 + frequency(width) ** 2
    filtered = spectrum * (1 - torch.exp(-squared / (2 * cutoff**2)))
    return (dft(height).conj() @ filtered @ dft(width).conj() / (height * width)).real


@pytest.mark.parametrize("form", ["fft", "matrix"])
@pytest.mark.parametrize("size", [(32, 48), (16, 16), (9, 14)])
@pytest.mark.parametrize("cutoff", [0.1, 0.5])
def test_equals_the_direct_dft(form, size, cutoff):
    image = torch.rand(2, 4, *size, generator=torch.Generator().manual_seed(0)) * 3 + 1
    expected = direct_high_pass(image.double(), cutoff)
    torch.testing.assert_close(HighPass(cutoff=cutoff, form=form)(image).double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("form", ["fft", "matrix"])
def test_mean_is_zero_and_constant_vanishes(form):
    image = torch.rand(1, 4, 32, 48, generator=torch.Generator().manual_seed(0)) + 5
    high = HighPass(form=form)(image)
    assert high.mean((2, 3)).abs().max() < 1e-6
    assert HighPass(form=form)(torch.full_like(image, 7.0)).abs().max() < 1e-4
    assert high.std() > 0.1, "a high-pass of noise keeps most of it"


def test_the_finest_pattern_passes_and_a_slow_one_does_not():
    checkerboard = (torch.arange(32)[:, None] + torch.arange(32)).remainder(2).float()[None, None] * 2 - 1
    slow = torch.cos(2 * math.pi * torch.arange(32) / 32).expand(32, 32)[None, None]
    high_pass = HighPass(cutoff=0.1)
    torch.testing.assert_close(high_pass(checkerboard), checkerboard, atol=1e-6, rtol=0)
    expected = 1 - math.exp(-((1 / 16) ** 2) / (2 * 0.1**2))  # one cycle in 32 pixels is 1/16 of Nyquist
    torch.testing.assert_close(high_pass(slow), slow * expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("form", ["fft", "matrix"])
def test_autocast_leaves_it_in_float32(form):
    image = torch.rand(1, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = HighPass(form=form)(image)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(HighPass(form=form)(image), expected)


def test_no_weights():
    assert not HighPass().state_dict()

import pytest
import torch

from custom.transforms import RandPhaseShiftd
from custom.transforms.rand_phase_shift import shift_phases


def item():
    image = torch.zeros(4, 16, 12)
    image[:, 5, 3] = 1.0
    return {"image": image, "label": (image[:1] > 0).float()}


def test_whole_pixel_shift_moves_content_exactly():
    shifts = torch.tensor([[0, 0], [2, 0], [0, -1], [3, 4]], dtype=torch.float64)
    out = shift_phases(item()["image"], shifts, nearest=False)
    for phase, (h, w) in zip(out, shifts.int().tolist(), strict=True):
        assert float(phase[5 + h, 3 + w]) == pytest.approx(1, abs=1e-5)
        assert float(phase.sum()) == pytest.approx(1, abs=1e-5)


def test_reference_and_label_stay_the_rest_moves_within_the_limit():
    transform = RandPhaseShiftd(prob=1.0, max_mm=5.0, spacing_mm=2.5)
    transform.set_random_state(seed=1)
    for _ in range(20):
        out = transform(item())
        torch.testing.assert_close(out["image"][2], item()["image"][2], rtol=0, atol=0)
        torch.testing.assert_close(out["label"], item()["label"])
        for p in (0, 1, 3):
            h, w = (out["image"][p] > 0).nonzero().float().mean(0)
            assert abs(h - 5) <= 2.6
            assert abs(w - 3) <= 2.6
    assert not torch.equal(out["image"][0], out["image"][1])


def test_own_masks_move_with_their_phase():
    data = item()
    data["image"] = data["image"] * 100
    data["phase_label"] = (data["image"] > 0).to(torch.uint8)
    transform = RandPhaseShiftd(prob=1.0, max_mm=7.5, spacing_mm=2.5)
    transform.set_random_state(seed=3)
    out = transform(data)
    assert out["phase_label"].dtype == torch.uint8
    for image, mask in zip(out["image"], out["phase_label"], strict=True):
        assert image[mask > 0].max() == image.max()


def test_probability_and_seed():
    transform = RandPhaseShiftd(prob=0.0, spacing_mm=2.5)
    torch.testing.assert_close(transform(item())["image"], item()["image"])
    draws = []
    for _ in range(2):
        transform = RandPhaseShiftd(prob=1.0, spacing_mm=2.5)
        transform.set_random_state(seed=9)
        draws.append(transform(item())["image"])
    torch.testing.assert_close(draws[0], draws[1], rtol=0, atol=0)

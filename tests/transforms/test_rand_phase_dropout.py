import pytest
import torch

from custom.transforms import RandPhaseDropoutd


def item(mask=(True,) * 4):
    return {"image": torch.ones(4, 3, 2), "phase_mask": torch.tensor(mask)}


def run(prob, mask=(True,) * 4, seed=0, times=400, **arguments):
    transform = RandPhaseDropoutd(prob=prob, **arguments)
    transform.set_random_state(seed=seed)
    return [transform(item(mask)) for _ in range(times)]


def test_image_and_mask_agree_and_the_reference_stays():
    outs = run(0.3)
    for out in outs:
        assert out["phase_mask"].dtype == torch.bool
        assert (out["image"].flatten(1).amax(1) > 0).tolist() == out["phase_mask"].tolist()
    kept = torch.stack([o["phase_mask"] for o in outs]).float().mean(0)
    assert float(kept[2]) == 1.0
    assert kept[[0, 1, 3]].tolist() == pytest.approx([0.7] * 3, abs=0.06)


def test_another_reference():
    assert all(o["phase_mask"].tolist() == [True, False, False, False] for o in run(1.0, reference_phase="pre"))


def test_absent_phases_never_come_back_and_are_zeroed():
    transform = RandPhaseDropoutd(prob=0.0)
    data = item((True, False, True, True))
    data["image"][1] = float("nan")
    out = transform(data)
    assert out["phase_mask"].tolist() == [True, False, True, True]
    assert float(out["image"][1].abs().max()) == 0


def test_batch_mates_are_independent_and_seeded():
    first = [o["phase_mask"].tolist() for o in run(0.5, seed=4, times=20)]
    assert first == [o["phase_mask"].tolist() for o in run(0.5, seed=4, times=20)]
    assert len({tuple(m) for m in first}) > 2
    shared = torch.ones(4, dtype=torch.bool)
    RandPhaseDropoutd(prob=1.0)({"image": torch.ones(4, 2, 2), "phase_mask": shared})
    assert shared.all()

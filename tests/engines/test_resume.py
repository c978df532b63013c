"""Stopping and going on: bit for bit, whatever ran in between, and never without a good checkpoint."""

from __future__ import annotations

import copy
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ignite.engine import Events
from monai.data import DataLoader, Dataset

from custom.engines import ResumeCheckpoint, SeedEpoch, save_atomically
from custom.engines.seeding import epoch_seed
from custom.types import InputError

ROOT = Path(__file__).resolve().parents[2]


class Stop(Exception):  # noqa: N818
    """What a user's Ctrl-C or a machine's end looks like from inside."""


def one_cycle(optimizer, epochs):
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=3 * epochs)


def exponential(optimizer, epochs):
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)


def train(
    make_trainer, ckpt_dir, *, epochs, resume=False, stop_after=None, workers=0, schedule=exponential, **replaced
):
    """Train with schedulers and all; return the trainer and the losses of every iteration."""
    losses = []
    checkpoint = ResumeCheckpoint(ckpt_dir=ckpt_dir, resume=resume)
    trainer = make_trainer(max_epochs=epochs, workers=workers, train_handlers=[SeedEpoch(seed=3)], **replaced)
    schedulers = [schedule(optimizer, epochs) for optimizer in (trainer.optimizer, trainer.d_optimizer)]
    checkpoint.schedulers = schedulers
    step_at = Events.ITERATION_COMPLETED if schedule is one_cycle else Events.EPOCH_COMPLETED
    trainer.add_event_handler(step_at, lambda engine: [scheduler.step() for scheduler in schedulers])
    checkpoint.attach(trainer)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: losses.append(e.state.output[0]["loss"]))

    @trainer.on(Events.ITERATION_STARTED)
    def stop(engine):
        if stop_after is not None and engine.state.epoch > stop_after:
            raise Stop

    torch.rand(5)  # whatever was drawn before must not matter
    if stop_after is None:
        trainer.run()
    else:
        with pytest.raises(Stop):
            trainer.run()
    return trainer, losses


def everything_of(trainer):
    modules = (trainer.network, trainer.discriminator)
    optimizers = (trainer.optimizer, trainer.d_optimizer)
    state = {f"module {i} {n}": v for i, m in enumerate(modules) for n, v in m.state_dict().items()}
    for i, optimizer in enumerate(optimizers):
        state[f"rate {i}"] = torch.tensor([group["lr"] for group in optimizer.param_groups], dtype=torch.float64)
        for index, slot in optimizer.state_dict()["state"].items():
            state |= {f"optimizer {i} {index} {name}": torch.as_tensor(value) for name, value in slot.items()}
    return state


@pytest.mark.parametrize(("workers", "schedule"), [(0, exponential), (0, one_cycle), (1, exponential)])
def test_stopped_and_resumed_equals_uninterrupted_bit_for_bit(make_trainer, tmp_path, workers, schedule):
    common = {"epochs": 4, "workers": workers, "schedule": schedule}
    whole, losses = train(make_trainer, tmp_path / "a", **common)
    _, first = train(make_trainer, tmp_path / "b", stop_after=2, **common)
    resumed, rest = train(make_trainer, tmp_path / "b", resume=True, seed=99, **common)
    assert first + rest == losses
    expected, found = everything_of(whole), everything_of(resumed)
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert (resumed.state.epoch, resumed.state.iteration) == (4, 12)


def test_resume_holds_when_an_epoch_is_shorter_than_the_loader(make_trainer, tmp_path):
    _, losses = train(make_trainer, tmp_path / "a", epochs=3, epoch_length=2)
    _, first = train(make_trainer, tmp_path / "b", epochs=3, epoch_length=2, stop_after=1)
    _, rest = train(make_trainer, tmp_path / "b", epochs=3, epoch_length=2, resume=True)
    assert first + rest == losses


def test_epochs_differ_in_order_and_augmentation(make_trainer):
    seen = []
    trainer = make_trainer(max_epochs=2, train_handlers=[SeedEpoch(seed=0)])
    trainer.add_event_handler(Events.ITERATION_STARTED, lambda e: seen.append(copy.deepcopy(e.state.batch)))
    trainer.run()
    orders = [torch.cat([batch["enhancement"] for batch in part]) for part in (seen[:3], seen[3:])]
    assert not torch.equal(*orders)
    sums = [sorted(image.sum().item() for batch in part for image in batch["image"]) for part in (seen[:3], seen[3:])]
    assert sums[0] != sums[1]


def test_seeds_differ_by_epoch_and_rank_and_seed():
    seeds = {epoch_seed(seed, epoch, rank) for seed in range(5) for epoch in range(5) for rank in range(5)}
    assert len(seeds) == 125


def test_explicit_generators_are_seeded_too(make_trainer, toys):
    def losses_after(draws):
        loader = DataLoader(
            Dataset(toys.make_slices(6), toys.AddNoise()),
            batch_size=2,
            shuffle=True,
            generator=torch.Generator().manual_seed(draws),
        )
        losses = []
        trainer = make_trainer(train_data_loader=loader, train_handlers=[SeedEpoch(seed=0)])
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: losses.append(e.state.output[0]["loss"]))
        trainer.run()
        return losses

    assert losses_after(1) == losses_after(2)


def test_without_a_checkpoint_training_starts_at_the_first_epoch(make_trainer, tmp_path, caplog):
    caplog.set_level("INFO")
    _, losses = train(make_trainer, tmp_path, epochs=1, resume=True)
    assert len(losses) == 3
    assert "No resume.pt to resume from" in caplog.text


def test_resuming_says_where_it_goes_on(make_trainer, tmp_path, caplog):
    caplog.set_level("INFO")
    train(make_trainer, tmp_path, epochs=2)
    train(make_trainer, tmp_path, epochs=3, resume=True)
    assert "Resumed from resume.pt: 2 epochs are done." in caplog.text


def test_resuming_a_finished_training_trains_no_further(make_trainer, tmp_path):
    done, _ = train(make_trainer, tmp_path, epochs=2)
    again, losses = train(make_trainer, tmp_path, epochs=2, resume=True, seed=5)
    assert losses == []
    assert torch.equal(done.network.seg.weight, again.network.seg.weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 1}, r"2 finished epochs; expected at most 1 \(max_epochs\)"),
        ({"epochs": 3, "slices": 4}, "3 iterations per epoch; expected 2"),
        ({"epochs": 3, "tasks": ("seg", "reg")}, r"1 unexpected|2 unexpected \(cls\.bias, cls\.weight"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(make_trainer, tmp_path, change, message):
    train(make_trainer, tmp_path, epochs=2)
    with pytest.raises(InputError, match=message):
        train(make_trainer, tmp_path, resume=True, **change)


def test_other_format_version_is_refused(make_trainer, tmp_path):
    train(make_trainer, tmp_path, epochs=1)
    checkpoint = torch.load(tmp_path / "resume.pt", weights_only=True)
    torch.save({**checkpoint, "format_version": 99}, tmp_path / "resume.pt")
    with pytest.raises(InputError, match="format version 99"):
        train(make_trainer, tmp_path, epochs=2, resume=True)


def test_a_planned_schedule_cannot_be_stretched(make_trainer, tmp_path):
    train(make_trainer, tmp_path, epochs=2, schedule=one_cycle)
    with pytest.raises(InputError, match="a learning-rate schedule of 6 steps; expected 9"):
        train(make_trainer, tmp_path, epochs=3, schedule=one_cycle, resume=True)


class KilledWhileWriting:
    """Pickles halfway and then dies, as a process does that is killed during a save."""

    def __reduce__(self):
        raise Stop


def test_a_kill_during_a_save_leaves_the_last_good_checkpoint(tmp_path):
    path = tmp_path / "resume.pt"
    save_atomically({"weight": torch.arange(3.0)}, path)
    before = path.read_bytes()
    with pytest.raises(Stop):
        save_atomically({"weight": torch.ones(100_000), "end": KilledWhileWriting()}, path)
    assert path.read_bytes() == before
    assert torch.equal(torch.load(path, weights_only=True)["weight"], torch.arange(3.0))
    assert [file.name for file in tmp_path.iterdir()] == ["resume.pt"]


KILLED_SAVE = """
import os, signal, sys
import torch
from custom.engines import save_atomically

class Kill:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)

save_atomically({"weight": torch.ones(100_000), "end": Kill()}, sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_process_leaves_the_last_good_checkpoint(tmp_path):
    path = tmp_path / "resume.pt"
    save_atomically({"weight": torch.arange(3.0)}, path)
    done = subprocess.run([sys.executable, "-c", KILLED_SAVE, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert torch.equal(torch.load(path, weights_only=True)["weight"], torch.arange(3.0))
    save_atomically({"weight": torch.zeros(1)}, path)  # and the next save works
    assert torch.load(path, weights_only=True)["weight"].item() == 0


def test_saving_the_same_state_twice_gives_the_same_bytes(tmp_path):
    state = {"weight": torch.arange(6.0).reshape(2, 3)}
    for name in ("first.pt", "second.pt"):
        save_atomically(state, tmp_path / name)
    assert (tmp_path / "first.pt").read_bytes() == (tmp_path / "second.pt").read_bytes()

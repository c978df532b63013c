"""What a training writes and shows while it runs: the history, its picture, TensorBoard and the progress bar."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from ignite.engine import Engine, Events
from monai.handlers import TensorBoardStatsHandler
from PIL import Image

from custom.engines import History, Progress, loss_terms


def test_history_has_a_row_an_epoch_and_goes_on_after_a_resume(make_trainer, tmp_path):
    validator = Engine(lambda engine, batch: None)
    validator.state.epoch, validator.state.metrics = 0, {}
    trainer = make_trainer(max_epochs=3)

    @trainer.on(Events.EPOCH_COMPLETED(every=2))
    def validate(engine):
        validator.state.epoch, validator.state.metrics = engine.state.epoch, {"dsc": 0.5, "auc": None}

    losses = []
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: losses.append(loss_terms(e.state.output)["loss"]))
    History(output_dir=tmp_path, validator=validator).attach(trainer)
    trainer.run()
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[0]["loss"]) == pytest.approx(np.mean(losses[:3]))
    assert [row["val_dsc"] for row in rows] == ["", "0.5", ""]
    assert 0 < float(rows[0]["waiting_share"]) < 1
    assert np.asarray(Image.open(tmp_path / "curves.png")).std() > 0

    resumed = make_trainer(max_epochs=4)
    resumed.add_event_handler(Events.STARTED, lambda engine: setattr(engine.state, "epoch", 2))
    History(output_dir=tmp_path, validator=validator).attach(resumed)
    resumed.run()
    with open(tmp_path / "history.csv", newline="") as file:
        again = list(csv.DictReader(file))
    assert [row["epoch"] for row in again] == ["1", "2", "3", "4"]
    assert again[0]["loss"] == rows[0]["loss"]


@pytest.mark.parametrize("decollate", [True, False])
def test_loss_terms_serve_tensorboard_and_the_progress_bar(make_trainer, tmp_path, decollate, capsys):
    class Writer:
        scalars, flush, close = {}, lambda self: None, lambda self: None

        def add_scalar(self, name, value, step):
            self.scalars.setdefault(name, []).append((step, value))

    writer = Writer()
    writer.scalars = {}
    board = TensorBoardStatsHandler(summary_writer=writer, output_transform=loss_terms)
    bar = Progress(title="Training", losses=True)
    make_trainer(decollate=decollate, train_handlers=[board, bar]).run()
    names = {"loss", "loss_seg", "loss_reg", "loss_cls", "loss_adv", "loss_discriminator"}
    assert set(writer.scalars) == names
    assert [step for step, _ in writer.scalars["loss_adv"]] == [1, 2, 3]
    shown = capsys.readouterr().err
    assert "Training" in shown
    assert "D=" in shown


def test_loss_terms_of_nothing_are_none():
    assert loss_terms(None) == {}
    assert loss_terms([]) == {}

"""A training that is killed and resumed through the shipped configuration."""

import hashlib

import pytest
from ignite.engine import Events


class Killed(Exception):  # noqa: N818
    """The machine's end, seen from inside."""


def kill(engine):
    raise Killed


def test_killed_after_an_epoch_and_resumed_it_publishes_the_same_bytes(shipped, phantom, tmp_path):
    def train(name, **more):
        folders = {"output_dir": str(tmp_path / name), "ckpt_dir": str(tmp_path / name / "models")}
        size = {"network_def#widths": [4, 4, 8, 8], "slices_per_study": 2, "epochs": 2}
        overrides = {**shipped.small_training, "dataset_dir": str(phantom), **folders, **size, **more}
        return shipped.build(["train.json"], run_id="training", **overrides)

    def published(name):
        return hashlib.sha256((tmp_path / name / "models" / "model.pt").read_bytes()).hexdigest()

    shipped.run_logged(train("at once"))
    killed = train("in two")
    killed.parser.get_parsed_content("train#trainer").add_event_handler(Events.EPOCH_STARTED(once=2), kill)
    with pytest.raises(Exception) as error:  # noqa: PT011 (MONAI wraps what happens inside an expression)
        killed.run()
    assert isinstance(error.value.__cause__, Killed)
    assert not (tmp_path / "in two" / "models" / "model.pt").exists()
    said = shipped.run_logged(train("in two", resume=True))
    assert "1 epochs are done" in said
    assert published("in two") == published("at once")

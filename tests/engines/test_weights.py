"""Weights from anywhere: what cannot be used says why, what could run code does not, and good ones arrive exactly."""

from __future__ import annotations

import json
import os

import pytest
import torch
from ignite.engine import Engine, Events
from torch import nn

from custom.engines import BestWeights, ResumeCheckpoint, WeightsLoader, load_weights, made_for
from custom.engines.best_weights import publish, sha256_of
from custom.engines.description import check_made_for
from custom.types import InputError


def save(tmp_path, content, name="model.pt"):
    torch.save(content, tmp_path / name)
    return tmp_path / name


def test_weights_arrive_bare_nested_and_wrapped(tmp_path, toys):
    source = toys.Network().state_dict()
    wrapped = {f"module.{name}": value for name, value in source.items()}
    for content in (source, {"model": source}, {"state_dict": source, "epoch": 3}, wrapped):
        network = toys.Network()
        load_weights(network, save(tmp_path, content))
        assert all(torch.equal(network.state_dict()[name], value) for name, value in source.items())


def test_loader_acts_when_the_engine_starts(tmp_path, toys):
    source = toys.Network()
    engine = Engine(lambda engine, batch: None)
    engine.network = toys.Network()
    WeightsLoader(path=save(tmp_path, source.state_dict())).attach(engine)
    engine.run([0])
    assert torch.equal(engine.network.seg.weight, source.seg.weight)


def test_missing_file(tmp_path, toys):
    with pytest.raises(InputError, match=r"absent\.pt: found no such file"):
        load_weights(toys.Network(), tmp_path / "absent.pt")


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.98])
def test_truncated_file(tmp_path, toys, keep):
    path = save(tmp_path, toys.Network().state_dict())
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(len(content) * keep)])
    with pytest.raises(InputError, match=r"truncated|run code"):
        load_weights(toys.Network(), path)


def test_git_lfs_pointer(tmp_path, toys):
    path = tmp_path / "model.pt"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 1\n")
    with pytest.raises(InputError, match="Git LFS pointer"):
        load_weights(toys.Network(), path)


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_malicious_pickle_does_not_execute(tmp_path, toys):
    trap = tmp_path / "executed"
    for content in (Malicious(trap), {"model": {"seg.weight": Malicious(trap)}}):
        path = save(tmp_path, content)
        with pytest.raises(InputError, match="could run code"):
            load_weights(toys.Network(), path)
        assert not trap.exists()


def test_other_architecture_names_keys_and_what_made_it(tmp_path, toys):
    path = save(tmp_path, toys.Network(tasks=("seg", "reg")).state_dict())
    path.with_suffix(".json").write_text(json.dumps({"network_def": {"tasks": ["seg", "reg"]}}))
    with pytest.raises(InputError, match=r"2 missing \(cls\.bias, cls\.weight\).*\"tasks\": \[\"seg\", \"reg\"\]"):
        load_weights(toys.Network(), path)


def test_other_widths_name_both_shapes_and_leave_the_network_alone(tmp_path, toys):
    network = toys.Network()
    before = network.seg.weight.clone()
    state = {**toys.Network().state_dict(), "seg.bias": torch.zeros(3)}
    with pytest.raises(InputError, match=r"1 misshapen \(seg\.bias \(3,\) instead of \(1,\)\)"):
        load_weights(network, save(tmp_path, state))
    assert torch.equal(network.seg.weight, before)


def test_what_is_not_a_state_dict(tmp_path, toys):
    with pytest.raises(InputError, match="found a list"):
        load_weights(toys.Network(), save(tmp_path, [1, 2]))
    with pytest.raises(InputError, match=r"not a tensor \(seg\.bias\)"):
        load_weights(toys.Network(), save(tmp_path, {**toys.Network().state_dict(), "seg.bias": [0.0]}))


def validated(epochs_and_scores):
    """An evaluator whose metric takes given values at given epochs."""
    validator = Engine(lambda engine, batch: None)
    validator.state.epoch, validator.state.metrics = 0, {}
    return validator, dict(epochs_and_scores)


def train_with_scores(make_trainer, tmp_path, scores, epochs=4, **best):
    validator, values = validated(scores)
    states = {}

    class Validate:
        def attach(self, engine):
            @engine.on(Events.EPOCH_COMPLETED)
            def run(engine):
                states[engine.state.epoch] = {k: v.clone() for k, v in engine.network.state_dict().items()}
                if engine.state.epoch in values:
                    validator.state.epoch = engine.state.epoch
                    validator.state.metrics["score"] = values[engine.state.epoch]

    handler = BestWeights(ckpt_dir=tmp_path, validator=validator, **best)
    make_trainer(max_epochs=epochs, train_handlers=[Validate(), handler]).run()
    return states


def test_the_best_epoch_is_published_with_what_it_expects(make_trainer, tmp_path):
    (tmp_path / "curves").mkdir()
    (tmp_path / "curves" / "training_curves.json").write_text("{}")
    states = train_with_scores(
        make_trainer, tmp_path, {1: 0.2, 2: 0.7, 3: 0.7, 4: float("nan")},
        describe={"classes": ["a", "b"]}, beside=[tmp_path / "curves" / "training_curves.json"],
    )  # fmt: skip
    published = torch.load(tmp_path / "model.pt", weights_only=True)
    assert all(torch.equal(published[name], value) for name, value in states[2].items())
    description = json.loads((tmp_path / "model.json").read_text())
    assert description["sha256"] == sha256_of(tmp_path / "model.pt")
    assert description["classes"] == ["a", "b"]
    assert description["network"]["type"] == "ToyNetwork"
    assert description["network"]["parameters"] == 271
    assert description["training"] == {"epoch": 2, "metric": "score", "value": 0.7}
    assert (tmp_path / "training_curves.json").exists()


def test_without_a_metric_the_last_epoch_is_published_whatever_the_scores(make_trainer, tmp_path):
    states = train_with_scores(make_trainer, tmp_path, {1: 0.9, 3: 0.2}, epochs=3, metric=None)
    published = torch.load(tmp_path / "model.pt", weights_only=True)
    assert torch.equal(published["seg.weight"], states[3]["seg.weight"])
    description = json.loads((tmp_path / "model.json").read_text())
    assert description["training"] == {"epoch": 3, "metric": None, "value": None}


def test_without_a_validation_the_last_epoch_is_published(make_trainer, tmp_path, caplog):
    states = train_with_scores(make_trainer, tmp_path, {}, epochs=2)
    published = torch.load(tmp_path / "model.pt", weights_only=True)
    assert torch.equal(published["seg.weight"], states[2]["seg.weight"])
    assert "the last epoch's weights are published" in caplog.text


def test_an_earlier_model_of_other_content_is_kept(tmp_path, caplog):
    caplog.set_level("INFO")
    path = tmp_path / "model.pt"
    first = publish({"w": torch.zeros(2)}, path, {"epoch": 1})
    assert publish({"w": torch.zeros(2)}, path, {"epoch": 1}) == first
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", "model.pt"]
    publish({"w": torch.ones(2)}, path, {"epoch": 2})
    kept = tmp_path / f"model_{first[:8]}.pt"
    assert torch.equal(torch.load(kept, weights_only=True)["w"], torch.zeros(2))
    assert json.loads(kept.with_suffix(".json").read_text())["epoch"] == 1
    assert f"kept as model_{first[:8]}.pt" in caplog.text


def test_best_so_far_survives_a_resume(make_trainer, tmp_path):
    validator, _ = validated({})

    def run(epochs, value, resume):
        handler = BestWeights(ckpt_dir=tmp_path, validator=validator)
        checkpoint = ResumeCheckpoint(ckpt_dir=tmp_path, resume=resume)
        trainer = make_trainer(max_epochs=epochs)

        @trainer.on(Events.EPOCH_COMPLETED)
        def validate(engine):
            validator.state.epoch, validator.state.metrics["score"] = engine.state.epoch, value

        handler.attach(trainer)
        checkpoint.attach(trainer)
        trainer.run()

    run(1, 0.9, resume=False)
    best = torch.load(tmp_path / "model.pt", weights_only=True)
    run(2, 0.4, resume=True)
    assert torch.equal(torch.load(tmp_path / "model.pt", weights_only=True)["seg.weight"], best["seg.weight"])
    assert json.loads((tmp_path / "model.json").read_text())["training"]["epoch"] == 1


def test_buffers_travel_with_the_weights(tmp_path, toys):
    network = toys.Network()
    network.set_enhancement_statistics(torch.arange(4.0), torch.ones(4))
    publish(network.state_dict(), tmp_path / "model.pt", {})
    other = toys.Network()
    load_weights(nn.DataParallel(other), tmp_path / "model.pt")
    assert torch.equal(other.enhancement_mean, torch.arange(4.0))


def test_weights_made_for_another_input_are_refused_by_name_of_the_difference(tmp_path, toys):
    path = save(tmp_path, toys.Network().state_dict())
    path.with_suffix(".json").write_text(json.dumps({"spacing_mm": 1.5, "classes": ["a", "b"]}))
    engine = Engine(lambda engine, batch: None)
    engine.network = toys.Network()
    WeightsLoader(path=path, expects={"spacing_mm": 1.5, "reference_phase": "portal_venous"}).started(engine)
    with pytest.raises(InputError, match=r"trained with spacing_mm 1\.5.*--spacing_mm \"1\.5\""):
        WeightsLoader(path=path, expects={"spacing_mm": 2.5}).started(engine)
    described = tmp_path / "other.pt"
    described.with_suffix(".json").write_text(json.dumps({"residual": False}))
    with pytest.raises(InputError, match="trained with residual False"):
        check_made_for(described, {"residual": True})
    with pytest.raises(InputError, match="classes"):
        WeightsLoader(path=path, expects={"classes": ["b", "a"]}).started(engine)


def test_what_weights_were_made_for_comes_from_their_description(tmp_path):
    weights, otherwise = tmp_path / "model.pt", {"spacing_mm": 2.5, "reference_phase": "portal_venous"}
    assert made_for(weights=weights, otherwise=otherwise) == otherwise
    weights.with_suffix(".json").write_text(json.dumps({"spacing_mm": 1.5, "sha256": "0"}))
    assert made_for(weights=weights, otherwise=otherwise) == {**otherwise, "spacing_mm": 1.5}
    assert made_for(weights=weights, otherwise={"residual": True}) == {"residual": False}  # of before it was written
    weights.with_suffix(".json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        made_for(weights=weights, otherwise=otherwise)

"""The script that NVFlare starts, against a stand-in of its documented Client API, and under NVFlare itself."""

from __future__ import annotations

from enum import Enum
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from custom.federated import nvflare_client
from custom.federated.nvflare_client import main, take_part
from custom.types import InputError


class FLModel:
    """The fields of NVFlare's FLModel."""

    def __init__(self, params_type=None, params=None, metrics=None, current_round=None, total_rounds=None, meta=None):
        self.params_type, self.params, self.metrics, self.meta = params_type, params, metrics, meta or {}
        self.current_round, self.total_rounds = current_round, total_rounds


class ClientAPI:
    """What ``nvflare.client`` documents, for one site and the models that a server would send."""

    FLModel = FLModel
    ParamsType = Enum("ParamsType", {"FULL": "FULL", "DIFF": "DIFF"})

    def __init__(self, *tasks):
        self.tasks, self.task, self.sent, self.started = list(tasks), None, [], False

    def init(self):
        self.started = True

    def is_running(self):
        assert self.started
        return True

    def receive(self):
        self.task, model = self.tasks.pop(0) if self.tasks else (None, None)
        return model

    def is_evaluate(self):
        return self.task == "validate"

    def get_site_name(self):
        return "site-7"

    def send(self, model):
        self.sent.append(model)


@pytest.fixture
def made(monkeypatch):
    """Stand-ins of ``Site`` that add one to what they are given; those that were made."""
    made = []

    class Adder(SimpleNamespace):
        training_studies = 12

        def evaluate(self, weights):
            return {"score": float(weights["w"].sum())}

        def train(self, weights):
            return {name: value + 1 for name, value in weights.items()}

        def close(self):
            self.closed = True

    def make(**arguments):
        made.append(Adder(**arguments))
        return made[-1]

    monkeypatch.setattr(nvflare_client, "Site", make)
    return made


def test_every_model_is_evaluated_as_it_came_trained_and_sent_back_with_the_number_of_studies(made, tmp_path):
    arrays = ({"w": np.zeros(2, np.float32)}, {"w": np.full(2, 2.0, np.float32)})
    tasks = [("train", FLModel(params=array, current_round=i, total_rounds=2)) for i, array in enumerate(arrays)]
    flare = ClientAPI(*tasks, ("validate", FLModel(params=arrays[1])))
    take_part(flare, datalist=tmp_path / "list.json", output_dir=tmp_path, local_epochs=3)
    (site,) = made
    assert (site.name, site.rounds, site.local_epochs, site.closed) == ("site-7", 2, 3, True)
    assert [model.metrics for model in flare.sent] == [{"score": 0.0}, {"score": 4.0}, {"score": 4.0}]
    assert [model.meta for model in flare.sent] == [{"NUM_STEPS_CURRENT_ROUND": 12}] * 2 + [{}]
    assert [model.params_type for model in flare.sent] == [ClientAPI.ParamsType.FULL] * 2 + [None]
    assert torch.equal(flare.sent[1].params["w"], torch.tensor([3.0, 3.0]))
    assert flare.sent[2].params is None


def test_a_job_that_ends_before_it_begins(made, tmp_path):
    flare = ClientAPI()
    take_part(flare, datalist=tmp_path / "list.json", output_dir=tmp_path, local_epochs=1)
    assert made == flare.sent == []


def test_what_is_wrong_is_said_before_nvflare_is_needed(sites, tmp_path):
    with pytest.raises(InputError, match="found no datalist"):
        main([str(tmp_path / "nowhere"), "--output", str(tmp_path)])
    with pytest.raises(InputError, match="learning_rat"):
        main([str(sites[0]), "--output", str(tmp_path), "--set", "learning_rat=0.1"])


def test_without_nvflare_it_says_what_to_install(sites, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nvflare", None)
    with pytest.raises(InputError, match=r"nvflare.*pip install nvflare==2\.9\.0"):
        main([str(sites[0]), "--output", str(tmp_path)])

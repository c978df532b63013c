"""One site of a federation: MONAI's ``MonaiAlgo`` with the bundle's configurations and the site's own studies."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems, WeightType
from monai.fl.utils.exchange_object import ExchangeObject

from ..config_check import check_config, read_config
from ..data import load_datalist
from ..engines import ResumeCheckpoint
from ..package.source import find_source
from .average import Weights

CONFIGS = ["configs/train.json", "configs/federated.yaml"]
"""For training and evaluation alike: evaluate.json is not needed, it reads a weights file and the test section."""


class Site:
    """Trains and evaluates weights that it is given, on its own studies.

    The discriminator, both optimizers and the learning-rate schedule stay here from round to round; what leaves the
    site are the network's parameters and buffers, and figures of merit.

    Args:
        name: what the site is called in tables and folders.
        datalist: JSON file of its studies.
        output_dir: folder of its cache and its training's history.
        rounds: rounds of the whole federation, over which the learning rate runs once.
        local_epochs: epochs a round.
        filters: configuration file with MonaiAlgo's ``pre_filters``, ``post_weight_filters``,
            ``post_evaluate_filters``; or None.
        overrides: further configuration values.
    """

    def __init__(
        self,
        *,
        name: str,
        datalist: str | os.PathLike,
        output_dir: str | os.PathLike,
        rounds: int,
        local_epochs: int,
        filters: str | os.PathLike | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        settings = {**(overrides or {}), "rounds": rounds, "local_epochs": local_epochs}
        settings |= {"datalist": str(datalist), "output_dir": str(output_dir)}
        self.algo = MonaiAlgo(
            bundle_root=str(find_source().bundle),
            local_epochs=local_epochs,
            send_weight_diff=False,
            config_train_filename=CONFIGS,
            config_evaluate_filename=CONFIGS,
            config_filters_filename=os.path.abspath(filters) if filters else None,
            train_kwargs=dict(settings),  # a dict each: MonaiAlgo writes into them
            eval_kwargs=dict(settings),
        )
        with warnings.catch_warnings():
            # MonaiAlgo warns that a server could have sent the bundle; this one is the caller's own
            warnings.filterwarnings("ignore", message="executing the bundle config")
            self.algo.initialize(extra={ExtraItems.CLIENT_NAME: name})
        self.training_studies = len(self.algo.train_workflow.train_dataset_data)
        self.validation_studies = len(self.algo.eval_workflow.val_dataset_data)
        self.algo.trainer.state.max_epochs = rounds * local_epochs  # MonaiAlgo has set it to those of one round
        scheduler = self.algo.train_workflow.parser.get_parsed_content("lr_scheduler")
        self._checkpoint = ResumeCheckpoint(ckpt_dir=output_dir, schedulers=[scheduler])

    def weights(self) -> dict[str, torch.Tensor]:
        """The network's state as it leaves the site.

        Copies: on a CPU ``MonaiAlgo.get_weights`` hands out the network's own tensors, and the next round's training
        would change them in the receiver's hands.
        """
        return {name: tensor.clone() for name, tensor in self.algo.get_weights().weights.items()}

    def train(self, weights: Weights) -> dict[str, torch.Tensor]:
        """One round's local epochs, starting from ``weights``; returns the trained ones."""
        self.algo.train(_message(weights))
        return self.weights()

    def evaluate(self, weights: Weights) -> dict[str, float]:
        """Headline figures of ``weights`` on the site's validation studies; an undefined one is left out."""
        metrics = self.algo.evaluate(_message(weights)).metrics
        return {name: float(metrics[name]) for name in sorted(metrics)}

    def state(self) -> dict[str, Any]:
        """What the site needs to go on after this round: the state of its trainer, discriminator included."""
        return self._checkpoint.state_of(self.algo.trainer)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        self._checkpoint.restore(self.algo.trainer, state)

    def close(self) -> None:
        """End MonaiAlgo's workflows."""
        self.algo.finalize()


def check_site(datalist: str | os.PathLike, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Find what is wrong with a site's list or with the settings before anything is built.

    Returns:
        The merged configuration.

    Raises:
        InputError: misspelt settings; no training or no validation studies; other classes than the configuration's.
    """
    config = read_config([str(find_source().bundle / file) for file in CONFIGS], overrides)
    check_config(config)
    for section in ("training", "validation"):
        load_datalist(section=section, datalist=datalist, classes=config["classes"])
    return config


def datalist_of(site: str | os.PathLike) -> Path:
    """The list of a site that is named by its folder or by the list itself."""
    path = Path(site)
    return path / "datalist.json" if path.is_dir() else path


def name_of(site: str | os.PathLike) -> str:
    """A site is called like its folder, or like its list if that has a name of its own."""
    path = datalist_of(site).resolve()
    return path.parent.name if path.name == "datalist.json" else path.stem


def _message(weights: Weights) -> ExchangeObject:
    return ExchangeObject(weights=dict(weights), weight_type=WeightType.WEIGHTS)

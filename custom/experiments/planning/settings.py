"""The training configuration that every run of an experiment overlays: its files, its hash, its budget of steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import torch
from monai.bundle import ConfigParser

from ...config_check import check_config, read_config
from ...types import PHASES, InputError
from ...user_errors import find_input_error

PROJECT = Path(__file__).resolve().parents[3]
CONFIGS = PROJECT / "bundle" / "configs" if (PROJECT / "bundle").is_dir() else PROJECT / "configs"
"""Folder of the configurations, in the project or in a bundle that was made from it."""

EXPERIMENTS = CONFIGS / "experiments"
PLACES = (
    *("dataset_dir", "datalist", "phantom", "phantom_dir", "output_dir", "ckpt_dir", "cache_dir", "device"),
    "pretrained",  # what lies there decides, and is told by its checksum
)
"""Keys that say where things lie on one machine and decide nothing of the result."""

PROBE = (64, 64)
"""Pixels of the slice that a network is tried on."""


@dataclass(frozen=True)
class Settings:
    """Configuration files and overrides, merged but not built.

    Args:
        files: training configuration first, then overlays.
        overrides: configuration key (``a#b``) → value.
    """

    files: tuple[Path, ...] = (CONFIGS / "train.json",)
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def with_overlay(self, names: Sequence[str], overrides: Mapping[str, Any]) -> Settings:
        """These settings with an arm's overlays, files beside ``train.json``, and its overrides, which come last."""
        files = (*self.files, *(CONFIGS / name for name in names))
        return Settings(files, {**self.overrides, **overrides})

    @cached_property
    def merged(self) -> dict[str, Any]:
        """The configuration as it will run, unresolved and checked."""
        config = read_config([str(file) for file in self.files], self.overrides)
        check_config(config)
        return config

    def value(self, key: str) -> Any:
        """One value, with its references resolved."""
        parser = ConfigParser()
        parser.update(self.merged)
        return parser.get_parsed_content(key)

    def check_network(self, *, where: str) -> None:
        """Build the network and show it a slice: what cannot work is told before hours of other runs.

        Args:
            where: as the message is to name it.

        Raises:
            InputError: an argument that the network refuses, or a package that it needs and that is not installed.
        """
        try:
            network = self.value("network_def").eval()
            with torch.no_grad():
                network(torch.zeros(1, len(PHASES), *PROBE))
        except (RuntimeError, ImportError) as error:  # MONAI's, around what building raised; a package that is missing
            if find_input_error(error) is not None:
                raise
            raise InputError(
                found=f"a network that does not work: {_first_cause(error)}",
                expected="a network for slices of four phases",
                where=where,
                remedy="Install what it needs (requirements-dev.txt), or correct network_def.",
            ) from error

    @property
    def places(self) -> dict[str, Any]:
        """Those overrides that say where things lie on this machine."""
        return {key: value for key, value in self.overrides.items() if _is_place(key, value)}

    def pretrained(self) -> dict[str, str] | None:
        """Checksum of the weights that training starts from, None where it starts from none."""
        if not self.merged.get("pretrained"):
            return None
        path = Path(self.value("pretrained"))
        if not path.is_file():
            raise InputError(
                found=f"no weights {path.name}",
                expected="the file that training starts from",
                where="pretrained",
                remedy="Correct the path.",
            )
        return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}

    def description(self) -> dict[str, Any]:
        """Files and overrides with hashes, the same on every machine."""
        config = {key: value for key, value in self.merged.items() if key not in PLACES}
        files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in self.files}
        overrides = {key: value for key, value in self.overrides.items() if key not in self.places}
        return {"files": files, "overrides": overrides, "sha256": digest(config)}


@dataclass(frozen=True)
class Budget:
    """Optimiser steps of one training, in epochs of equal length whatever the number of studies.

    The epochs are the configuration's own, so that what is told in epochs (the adversarial warm-up) keeps its share.
    """

    epochs: int
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    @classmethod
    def of(cls, settings: Settings, *, steps: int | None, studies: int) -> Budget:
        """``steps``, rounded up to whole epochs; None: what the configuration spends on so many studies."""
        if steps is not None and steps < 1:
            raise InputError(
                found=f"{steps} steps", expected="at least 1", where="experiment --steps", remedy="Correct it."
            )
        epochs = settings.value("epochs")
        if steps is None:
            return cls(epochs, -(-studies // settings.value("studies_per_batch")))
        epochs = min(epochs, steps)
        return cls(epochs, -(-steps // epochs))


def _first_cause(error: BaseException) -> str:
    """First line of what the innermost exception says."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).partition("\n")[0]


def _is_place(key: str, value: Any) -> bool:
    absolute = isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute())
    return key.split("#")[-1] in PLACES or absolute


def digest(content: Any) -> str:
    """SHA-256 of plain values, however they are written down."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

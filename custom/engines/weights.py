"""Reading weights that may be anything: missing, truncated, of another network, or made to run code when opened.

A file is only ever read with ``weights_only=True``: what it could execute is refused, with no fallback.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import nn

from ..types import InputError
from .description import check_made_for, read_description
from .trainer import unwrap

logger = logging.getLogger(__name__)

NESTED_KEYS = ("model", "network", "state_dict")
NAMED_KEYS = 3  # how many differing keys an error names


def read_checkpoint(path: str | os.PathLike) -> dict[str, Any]:
    """Read a checkpoint's tensors and plain containers; execute nothing.

    Raises:
        InputError: no such file, unreadable or truncated, or holding objects other than tensors and plain containers.
    """
    path = Path(path)
    if not path.is_file():
        raise _unreadable(path, "no such file", "Check the path, or train first to make it.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if _is_text(path):
            raise _unreadable(path, "a text file (perhaps a Git LFS pointer)", "Fetch the file itself.") from error
        found = "objects other than tensors and plain containers, which could run code when opened"
        remedy = "Do not open it by other means unless you trust its author; save a plain state_dict instead."
        raise _unreadable(path, found, remedy) from error
    except (RuntimeError, EOFError, ValueError, OSError, KeyError) as error:
        found = f"a truncated or damaged file ({path.stat().st_size} bytes)"
        raise _unreadable(path, found, "Copy or download it again, or train anew.") from error
    if not isinstance(checkpoint, dict):
        raise _unreadable(path, f"a {type(checkpoint).__name__}", "Save the network's state_dict.")
    return checkpoint


def load_weights(network: nn.Module, path: str | os.PathLike) -> None:
    """Load a state_dict, bare or nested under ``model``, ``network`` or ``state_dict``, into ``network``.

    Raises:
        InputError: as ``read_checkpoint``; or other keys or shapes than the network's.
    """
    checkpoint = read_checkpoint(path)
    for key in NESTED_KEYS:
        if isinstance(checkpoint.get(key), dict):
            checkpoint = checkpoint[key]
            break
    load_into(network, checkpoint, where=str(path), made_by=_network_beside(Path(path)))


def load_into(network: nn.Module, state: Mapping[str, Any], *, where: str, made_by: str = "") -> None:
    """Load ``state`` strictly; on any difference leave the network as it is and say what differs."""
    state = {name.removeprefix("module."): value for name, value in state.items()}
    own = unwrap(network).state_dict()
    strangers = sorted(name for name, value in state.items() if not isinstance(value, torch.Tensor))
    missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    tensors = sorted(own.keys() & state.keys() - set(strangers))
    shapes = [(name, tuple(state[name].shape), tuple(own[name].shape)) for name in tensors]
    misshapen = [f"{name} {found} instead of {expected}" for name, found, expected in shapes if found != expected]
    findings = {"missing": missing, "unexpected": unexpected, "not a tensor": strangers, "misshapen": misshapen}
    if any(findings.values()):
        found = "; ".join(_few(title, keys) for title, keys in findings.items() if keys)
        raise InputError(
            found=f"weights of another network: {found}",
            expected=f"the {len(own)} tensors of this configuration's network",
            where=where,
            remedy="Use the `network_def` that the weights were made with" + (f": {made_by}." if made_by else "."),
        )
    unwrap(network).load_state_dict(state)


class WeightsLoader:
    """Handler: loads weights into the engine's network when it starts.

    Args:
        path: the weights file.
        expects: what the configuration prepares, ``classes``, ``spacing_mm``, ...; weights that were made for another
            input, as ``model.json`` beside them says, are refused.
    """

    def __init__(self, *, path: str | os.PathLike, expects: Mapping[str, Any] | None = None) -> None:
        self.path, self.expects = Path(path), dict(expects or {})

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.started)

    def started(self, engine: Engine) -> None:
        check_made_for(self.path, self.expects)
        load_weights(engine.network, self.path)
        logger.info("Loaded the weights %s.", self.path.name)


class CheckpointLoader(WeightsLoader):
    """The same under the name by which MonaiAlgo finds handlers to disable (any with ``CheckpointLoader`` in it).

    Otherwise a federated evaluation would report on the weights of the file instead of those that it was sent.
    """


def _few(title: str, keys: list[str]) -> str:
    more = f" and {len(keys) - NAMED_KEYS} more" if len(keys) > NAMED_KEYS else ""
    return f"{len(keys)} {title} ({', '.join(keys[:NAMED_KEYS])}{more})"


def _network_beside(path: Path) -> str:
    """What ``model.json`` beside the weights says of their network, or nothing."""
    description = read_description(path)
    network = description.get("network_def") or description.get("network")
    return json.dumps(network) if network else ""


def _is_text(path: Path) -> bool:
    with open(path, "rb") as file:
        return all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in file.read(256))


def _unreadable(path: Path, found: str, remedy: str) -> InputError:
    return InputError(found=found, expected="a file of network weights", where=str(path), remedy=remedy)

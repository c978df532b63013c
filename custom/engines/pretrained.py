"""Fine-tuning: a training that starts from weights of another one, with other classes and parts held still if asked."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from ..types import InputError
from .description import read_description
from .weights import NESTED_KEYS, load_into, read_checkpoint

logger = logging.getLogger(__name__)

CLASS_HEAD = "classification."
"""Beginning of the names of the one part that depends on the classes."""


def start_from(
    *, network: nn.Module, path: str | os.PathLike, describe: Mapping[str, Any], freeze: Sequence[str] = ()
) -> None:
    """Load weights into a network before it is trained; call it when the optimizer is not yet built.

    The class head stays as it was made, and a message says so, where the weights have another number of classes or,
    according to the ``.json`` beside them, other names. Everything else has to fit.

    Args:
        network: the network, not wrapped.
        path: a state_dict, bare or nested as ``load_weights`` takes it.
        describe: what this training expects of its input: ``classes``, ``spacing_mm``, ...; a difference from what
            the weights were made for is a warning.
        freeze: parts that stay as loaded, e.g. ``["encoder"]``: no gradient, and fixed batch statistics.

    Raises:
        InputError: as ``load_weights``; or a part that the network does not have.
    """
    path = Path(path)
    state: Mapping[str, Any] = read_checkpoint(path)
    state = next((state[key] for key in NESTED_KEYS if isinstance(state.get(key), dict)), state)
    made_for = read_description(path)
    own = network.state_dict()
    new_head = _new_head(own, state, made_for.get("classes"), describe.get("classes"))
    load_into(network, {**state, **new_head}, where=str(path))
    for key in sorted(set(made_for) & set(describe) - {"classes"}):
        if made_for[key] != describe[key]:
            logger.warning(
                "%s was trained with %s %s; this training has %s.", path.name, key, made_for[key], describe[key]
            )
    for name in freeze:
        _freeze(network, name)
    logger.info("Training starts from %s%s.", path.name, f"; held still: {', '.join(freeze)}" if freeze else "")


def _new_head(
    own: Mapping[str, Any], state: Mapping[str, Any], before: Sequence[str] | None, now: Sequence[str] | None
) -> dict[str, Any]:
    """The network's own class head where that of the weights is of other classes; else nothing."""
    head = {name: value for name, value in own.items() if name.startswith(CLASS_HEAD)}
    sizes = [len(values[f"{CLASS_HEAD}linear.bias"]) for values in (state, own) if f"{CLASS_HEAD}linear.bias" in values]
    renamed = before is not None and now is not None and list(before) != list(now)
    if len(set(sizes)) < 2 and not renamed:
        return {}
    classes = ", ".join(before) if before else f"{sizes[0]} classes"
    logger.info(
        "The class head starts anew: the weights' is for %s, this training's for %s.", classes, ", ".join(now or [])
    )
    return head


def _freeze(network: nn.Module, name: str) -> None:
    parts = dict(network.named_children())
    if name not in parts:
        raise InputError(
            found=f"no part {name!r}",
            expected=f"parts among {', '.join(parts)}",
            where="freeze",
            remedy="Correct the name in the configuration.",
        )
    parts[name].requires_grad_(False)
    parts[name].register_forward_pre_hook(_in_evaluation_mode)  # each step puts the whole network into training mode


def _in_evaluation_mode(module: nn.Module, _: tuple) -> None:
    module.eval()

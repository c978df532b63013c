"""Out of memory, said in the words of the configuration: which key to lower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from ignite.engine import Engine, Events

from ..types import InputError

ALLOCATOR_MESSAGES = ("can't allocate memory", "not enough memory", "out of memory", "alloc_cpu")
TRAINING_KEYS = ("batch_size", "slices_per_study")
INFERENCE_KEYS = ("slice_batch_size",)


def is_out_of_memory(error: BaseException) -> bool:
    """True for CUDA's error, Python's, and the plain RuntimeError of torch's CPU allocator."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in ALLOCATOR_MESSAGES)


def out_of_memory_error(*, keys: tuple[str, ...], where: str) -> InputError:
    names = " or ".join(f"`{key}`" for key in keys)
    return InputError(
        found="more data in one step than the memory holds",
        expected="a step that fits",
        where=where,
        remedy=f"Lower {names} in the configuration (for example --{keys[0]} 1), or use a device with more memory.",
    )


@contextmanager
def explain_out_of_memory(*, keys: tuple[str, ...], where: str) -> Iterator[None]:
    """Turn an out-of-memory error of the enclosed step into an InputError that names ``keys``."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise out_of_memory_error(keys=keys, where=where) from error
        raise


class ExplainOutOfMemory:
    """Handler for an evaluator: an out-of-memory error becomes an InputError that names the key to lower.

    Put it before handlers that log exceptions (StatsHandler): the first one to raise decides the message.

    Args:
        keys: configuration keys to lower.
    """

    def __init__(self, *, keys: tuple[str, ...] | list[str] = INFERENCE_KEYS) -> None:
        self.keys = tuple(keys)

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EXCEPTION_RAISED, self.exception_raised)

    def exception_raised(self, engine: Engine, error: BaseException) -> None:
        if is_out_of_memory(error):
            raise out_of_memory_error(keys=self.keys, where=f"study {engine.state.iteration}") from error
        raise error

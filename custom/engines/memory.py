"""Out of memory, said in the words of the configuration: which key to lower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..types import InputError

ALLOCATOR_MESSAGES = ("can't allocate memory", "not enough memory", "out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """True for CUDA's error, Python's, and the plain RuntimeError of torch's CPU allocator."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in ALLOCATOR_MESSAGES)


@contextmanager
def explain_out_of_memory(*, keys: tuple[str, ...], where: str) -> Iterator[None]:
    """Turn an out-of-memory error of the enclosed step into an InputError that names ``keys``."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        names = " or ".join(f"`{key}`" for key in keys)
        raise InputError(
            found="more data in one step than the memory holds",
            expected="a step that fits",
            where=where,
            remedy=f"Lower {names} in the configuration (for example --{keys[0]} 1), or use a larger device.",
        ) from error

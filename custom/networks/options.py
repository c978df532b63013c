"""Checks of constructor arguments: a setting that cannot be is refused by name, before any weight is made."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import InputError


def one_of(where: str, value: str, options: Sequence[str]) -> str:
    """Return ``value`` if it is one of ``options``, else raise an :class:`InputError` that lists them."""
    if value not in options:
        raise InputError(
            found=repr(value),
            expected=f"one of {', '.join(map(repr, options))}",
            where=where,
            remedy="Correct the spelling in the network's configuration.",
        )
    return value


def within(where: str, value: float, low: float, high: float) -> float:
    """Return ``value`` if ``low <= value <= high``, else raise an :class:`InputError`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InputError(
            found=repr(value),
            expected=f"a number from {low:g} to {high:g}",
            where=where,
            remedy="Correct the number in the network's configuration.",
        )
    return value


def positive_ints(where: str, values: Sequence[int], length: int) -> tuple[int, ...]:
    """Return ``values`` as a tuple if they are ``length`` positive integers, else raise an :class:`InputError`."""
    is_list = isinstance(values, Sequence) and not isinstance(values, str)
    if not is_list or len(values) != length or not all(type(v) is int and v > 0 for v in values):
        raise InputError(
            found=repr(values),
            expected=f"a list of {length} positive integers",
            where=where,
            remedy="Correct the list in the network's configuration.",
        )
    return tuple(values)


def positive_int(where: str, value: int) -> int:
    """Return ``value`` if it is a positive integer, else raise an :class:`InputError`."""
    if type(value) is not int or value < 1:
        raise InputError(
            found=repr(value),
            expected="a positive integer",
            where=where,
            remedy="Correct the number in the network's configuration.",
        )
    return value


def check_head_dim(head_dim: int, dim: int) -> int:
    """Return ``head_dim`` if it divides the embedding length ``dim``, else raise an :class:`InputError`."""
    if dim % positive_int("head_dim", head_dim):
        raise InputError(
            found=f"{head_dim} for an embedding length of {dim} (of a token grid: the product of its sides)",
            expected="a divisor of the embedding length",
            where="head_dim",
            remedy="Choose another head_dim, or a token grid such as [8, 8] or [16, 16].",
        )
    return head_dim

"""What the modules of all data sets say alike: which classes were asked for, and why a study is not used."""

from __future__ import annotations

from collections.abc import Sequence

from ...types import InputError


def wanted_classes(asked: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The classes that were asked for.

    Raises:
        InputError: a class that the data set does not have.
    """
    if strangers := [name for name in asked if name not in known]:
        raise InputError(
            found=f"the class {strangers[0]!r}",
            expected=f"classes among {', '.join(known)}",
            where="--classes",
            remedy="Use these names, in the order in which the network's head shall have them.",
        )
    return tuple(asked)


def set_aside(entry: dict, reason: str) -> dict:
    """The entry as one that is listed, with its reason, and not used."""
    return {**entry, "set_aside": reason}


def of_other_classes(count: int) -> list[str]:
    """A remark on studies that were passed over, if there are any."""
    return [f"{count} studies of other classes were left out (--classes chooses)."] if count else []

"""A user's error ends a command with its message alone, not with the traceback of what called the code that saw it."""

from __future__ import annotations

import sys
from types import TracebackType

from .types import InputError


def find_input_error(error: BaseException | None) -> InputError | None:
    """The first ``InputError`` among an exception and its causes (MONAI wraps what its configurations raise)."""
    while error is not None:
        if isinstance(error, InputError):
            return error
        error = error.__cause__ or error.__context__
    return None


def show_user_errors_plainly() -> None:
    """From now on an uncaught ``InputError`` shows one message; every other exception keeps its traceback."""
    sys.excepthook = _show


def _show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    mistake = find_input_error(error)
    if mistake is None:
        sys.__excepthook__(kind, error, traceback)
    else:
        sys.stderr.write(f"\nerror: {mistake}\n")

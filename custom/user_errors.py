"""A user's error ends a command with its message alone, not with the traceback of what called the code that saw it."""

from __future__ import annotations

import re
import sys
from types import TracebackType

from .types import InputError

_IN_TRACEBACK = re.compile(
    rf"^(?:{re.escape(InputError.__module__)}\.)?{InputError.__name__}: (.*?)(?=\n\n\S.* exception|\Z)", re.M | re.S
)


def find_input_error(error: BaseException | None) -> str | None:
    """Message of the first ``InputError`` among an exception and its causes (MONAI wraps what its configurations raise).

    From a worker process torch carries an exception's traceback as text only: it is then looked up there.
    """
    while error is not None:
        if isinstance(error, InputError):
            return str(error)
        if found := _IN_TRACEBACK.search(str(error)):
            return found[1].strip()
        error = error.__cause__ or error.__context__
    return None


def show_user_errors_plainly() -> None:
    """From now on an uncaught ``InputError`` shows one message; every other exception keeps its traceback."""
    sys.excepthook = _show


def _show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    message = find_input_error(error)
    if message is None:
        sys.__excepthook__(kind, error, traceback)
    else:
        sys.stderr.write(f"\nerror: {message}\n")

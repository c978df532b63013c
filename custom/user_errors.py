"""A user's error ends a command with its message alone, not with the traceback of what called the code that saw it."""

from __future__ import annotations

import logging
import re
import sys
from types import TracebackType

from .types import InputError

_IN_TRACEBACK = re.compile(
    rf"^(?:{re.escape(InputError.__module__)}\.)?{InputError.__name__}: (.*?)(?=\n\n\S.* exception|\Z)", re.M | re.S
)


def find_input_error(error: BaseException | None) -> str | None:
    """Message of the first ``InputError`` among an exception and its causes (MONAI wraps what configurations raise).

    From a worker process torch carries an exception's traceback as text only: it is then looked up there.
    """
    while error is not None:
        if isinstance(error, InputError):
            return str(error)
        if (message := _message_in(str(error))) is not None:
            return message
        error = error.__cause__ or error.__context__
    return None


def show_user_errors_plainly() -> None:
    """From now on an uncaught ``InputError`` shows one message; every other exception keeps its traceback.

    So do log records: the engine logs what it dies of, and with worker processes that is a whole traceback.
    """
    sys.excepthook = _show
    for handler in logging.getLogger().handlers:
        handler.addFilter(_plain_record)


def _message_in(text: str) -> str | None:
    found = _IN_TRACEBACK.search(text)
    return found[1].strip() if found else None


def _plain_record(record: logging.LogRecord) -> bool:
    if (message := _message_in(record.getMessage())) is not None:
        record.msg, record.args = message, ()
    return True


def _show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    message = find_input_error(error)
    if message is None:
        sys.__excepthook__(kind, error, traceback)
    else:
        sys.stderr.write(f"\nerror: {message}\n")

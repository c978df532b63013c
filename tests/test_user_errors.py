"""A user's error is found wherever MONAI and torch have wrapped it."""

import io
import logging
import sys

import pytest
from torch._utils import ExceptionWrapper  # what torch's loader carries an exception out of its worker with

from custom.types import InputError
from custom.user_errors import find_input_error, show_user_errors_plainly

MISTAKE = InputError(found="x,\n  also: y", expected="z", where="case 1/a.nii", remedy="Copy it again.")


def raised(*, wrapped: bool) -> Exception:
    try:
        if not wrapped:
            raise MISTAKE
        try:
            raise MISTAKE
        except InputError as error:
            raise RuntimeError("applying transform") from error
    except Exception as error:
        return error


@pytest.mark.parametrize("wrapped", [False, True])
def test_in_this_process_and_out_of_a_worker(wrapped):
    error = raised(wrapped=wrapped)
    assert find_input_error(error) == str(MISTAKE)
    carried = ExceptionWrapper((type(error), error, error.__traceback__), where="in DataLoader worker process 0")
    with pytest.raises(RuntimeError, match="in DataLoader worker process 0") as arrived:
        carried.reraise()
    assert find_input_error(arrived.value) == str(MISTAKE)


def test_other_errors_keep_their_traceback(monkeypatch, capsys):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    show_user_errors_plainly()
    error = ValueError("a slip of the programmer; InputError: no line of a traceback")
    sys.excepthook(ValueError, error, None)
    assert "a slip of the programmer" in capsys.readouterr().err
    assert find_input_error(error) is None
    sys.excepthook(RuntimeError, raised(wrapped=True), None)
    assert capsys.readouterr().err == f"\nerror: {MISTAKE}\n"


def test_what_the_engine_logs_is_the_message_too(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logging.getLogger().addHandler(handler)
    try:
        show_user_errors_plainly()
        error = raised(wrapped=True)
        carried = ExceptionWrapper((type(error), error, error.__traceback__), where="in DataLoader worker process 0")
        logging.getLogger("ignite").error(f"Engine run is terminating due to exception: {carried.exc_msg}")
        logging.getLogger("ignite").error("Something else: %s", 7)
    finally:
        logging.getLogger().removeHandler(handler)
    assert said.getvalue() == f"{MISTAKE}\nSomething else: 7\n"

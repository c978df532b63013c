"""What is wrong with a study, said to the client: MONAI Label answers any other exception with a bare status 500."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..inference.study_dataset import explain_failure


@contextmanager
def readable_refusals(case: str) -> Iterator[None]:
    """Whatever a user can do something about becomes the answer to the request, with status 422.

    An error of the program stays what it is: its traceback belongs in the server's log.

    Args:
        case: the study, for the message.

    Raises:
        HTTPException: a study that cannot be used.
    """
    try:
        yield
    except Exception as error:
        failure = explain_failure(case, error)
        if failure.details is not None:
            raise
        raise refusal(422, failure.message) from error


def refusal(status: int, message: str) -> Exception:
    """The exception that the server turns into a status and ``{"detail": message}``; it brings FastAPI along."""
    from fastapi import HTTPException

    return HTTPException(status, message)

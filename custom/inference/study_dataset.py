"""Studies one by one, so that a bad one becomes a record of what is wrong with it instead of the end of the run."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from zlib import error as ZlibError

from monai.data import DataLoader, Dataset
from nibabel.filebasedimages import ImageFileError
from pydicom.errors import InvalidDicomError

from ..data.study import check_case
from ..engines.memory import is_out_of_memory
from ..types import InputError

DECODING_ERRORS = (EOFError, ImageFileError, InvalidDicomError, OSError, UnicodeDecodeError, ZlibError)
"""What readers raise on truncated, damaged or foreign files."""


@dataclass(frozen=True)
class StudyFailure:
    """Why a study has no result.

    Args:
        case: the study.
        message: what is wrong, for the user.
        details: the traceback when it is an error of the program, else None.
    """

    case: str
    message: str
    details: str | None = None


def explain_failure(case: str, error: BaseException) -> StudyFailure:
    """What a failed study's summary line says.

    MONAI wraps the errors of transforms in RuntimeErrors, so the whole chain of causes is searched for the user's
    error, then for what a damaged file or too little memory raises.  Anything else is an error of this program and
    keeps its traceback.
    """
    chain = _causes(error)
    for cause in chain:
        if isinstance(cause, InputError):
            return StudyFailure(case, str(cause))
    for cause in chain:
        if is_out_of_memory(cause):
            return StudyFailure(case, str(_out_of_memory(case)))
        if isinstance(cause, DECODING_ERRORS):
            return StudyFailure(case, str(_undecodable(case, cause)))
    return StudyFailure(
        case,
        f"error in the program ({type(chain[-1]).__name__}: {chain[-1]}); see the traceback in the log",
        "".join(traceback.format_exception(error)),
    )


class StudyDataset(Dataset):
    """Applies the preprocessing to one study at a time.

    Args:
        data: datalist items (each with a ``case``) or paths, as ``find_studies`` and ``load_study`` know them.
        transform: the preprocessing.

    Items: the preprocessed dict with ``case`` and ``seconds`` (of loading and preprocessing) added, or a
    ``StudyFailure``.

    Raises:
        InputError: no study at all; a case that two studies have, or that cannot name a folder.
    """

    def __init__(self, data: Sequence[Mapping[str, Any] | str | os.PathLike], transform: Callable) -> None:
        items = [dict(item) if isinstance(item, Mapping) else _item_of(item) for item in data]
        _check_cases(items)
        super().__init__(items, transform)

    def __getitem__(self, index: int) -> dict[str, Any] | StudyFailure:
        item, start = self.data[index], perf_counter()
        try:
            prepared = self.transform(dict(item))
        except Exception as error:  # one study's error, of whatever kind, must not cost the others their results
            return explain_failure(item["case"], error)
        return {**prepared, "case": item["case"], "seconds": perf_counter() - start}


class StudyLoader(DataLoader):
    """Hands over one study at a time as it is: stacking a batch of one would copy the largest array of the run.

    Args:
        dataset: a ``StudyDataset``.
        num_workers: 0 loads in the main process, 1 or more load ahead at the price of memory (one study a worker).
    """

    def __init__(self, dataset: StudyDataset, *, num_workers: int = 0) -> None:
        super().__init__(dataset, batch_size=1, shuffle=False, num_workers=num_workers, collate_fn=only_item)


def only_item(items: list[Any]) -> Any:
    """Collation of a batch of one: the item itself."""
    (item,) = items
    return item


def _item_of(path: str | os.PathLike) -> dict[str, Any]:
    return {"case": Path(path).name.split(".")[0], "image": str(path)}


def _check_cases(items: list[dict[str, Any]]) -> None:
    if not items:
        raise InputError(
            found="no study",
            expected="at least one",
            where="dataset_dir",
            remedy="Name a folder that holds one sub-folder for each study (--dataset_dir).",
        )
    seen: set[str] = set()
    for item in items:
        check_case(item.get("case"))
        name = item["case"].casefold()  # Windows and macOS do not tell "A" from "a"
        if name in seen:
            raise InputError(
                found=f"two studies with the case {item['case']!r}",
                expected="a case of its own for each study",
                where="case",
                remedy="Rename one of them: the case names the folder of its results.",
            )
        seen.add(name)


def _causes(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    return chain


def _out_of_memory(case: str) -> InputError:
    return InputError(
        found="a study that needs more memory than there is",
        expected="a study that fits",
        where=case,
        remedy="Lower `slice_batch_size`, or use a machine or device with more memory.",
    )


def _undecodable(case: str, error: BaseException) -> InputError:
    return InputError(
        found=f"a file that cannot be read ({type(error).__name__})",
        expected="complete NIfTI or DICOM files",
        where=case,
        remedy="Copy or export the study again.",
    )

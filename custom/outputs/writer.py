"""A study's three files, all or nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.engines import Evaluator
from monai.engines.utils import IterationEvents

from ..types import InputError
from .nifti import write_label_map
from .overview import draw_overview

LABEL_MAP, REPORT, OVERVIEW = "tumour.nii.gz", "study.json", "overview.png"
FILES = (LABEL_MAP, REPORT, OVERVIEW)


class StudyWriter:
    """Handler that writes ``<output_dir>/<case>/`` after a study's postprocessing.

    Args:
        output_dir: folder of the results; made when it is not there.
        classes: class names in head order.
    """

    def __init__(self, *, output_dir: str, classes: Sequence[str]) -> None:
        self.output_dir, self.classes = Path(output_dir), tuple(classes)

    def attach(self, engine: Evaluator) -> None:
        """Registers with the engine."""
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

    def __call__(self, engine: Evaluator) -> None:
        data = {**engine.state.batch, **engine.state.output}
        write_study(data, self.output_dir / data["result"]["case"], self.classes)


def write_study(data: Mapping[str, Any], folder: Path, classes: Sequence[str]) -> None:
    """Writes label map, report and overview into ``folder``, replacing an earlier result of the same case.

    Everything is written to a folder beside it first, then the folders change places: whoever looks sees the earlier
    result or the new one, never a mixture.

    Args:
        data: the study after postprocessing: ``pred``, ``native``, ``native_instances``, ``phase_mask``, ``result``.
        folder: ``<output_dir>/<case>``.
        classes: class names in head order.

    Raises:
        InputError: the folder holds files that are no result of ours, or cannot be written.
    """
    _check_replaceable(folder)
    unfinished = folder.with_name(f".unfinished-{folder.name}")
    earlier = folder.with_name(f".earlier-{folder.name}")
    try:
        for left_over in (unfinished, earlier):  # of a run that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        unfinished.mkdir(parents=True)
        write_label_map(data["pred"], unfinished / LABEL_MAP)
        report = json.dumps(data["result"], indent=2, ensure_ascii=False, allow_nan=False)
        (unfinished / REPORT).write_text(report + "\n", encoding="utf-8")
        draw_overview(data, classes, unfinished / OVERVIEW)
        _change_places(unfinished, folder, earlier)
    except OSError as error:
        raise InputError(
            found=f"a folder that cannot be written ({type(error).__name__}: {error.strerror})",
            expected="room and the right to write",
            where=str(folder),
            remedy="Free space, close programs that show an earlier result, or choose another --output_dir.",
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _change_places(unfinished: Path, folder: Path, earlier: Path) -> None:
    if not folder.exists():
        os.replace(unfinished, folder)
        return
    os.replace(folder, earlier)
    try:
        os.replace(unfinished, folder)
    except OSError:
        os.replace(earlier, folder)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def _check_replaceable(folder: Path) -> None:
    strangers = sorted(path.name for path in folder.iterdir() if path.name not in FILES) if folder.is_dir() else []
    if strangers or (folder.exists() and not folder.is_dir()):
        raise InputError(
            found="files that are no earlier result" if strangers else "a file of that name",
            expected="a new folder, or one that holds only an earlier result",
            where=str(folder),
            remedy="Choose another --output_dir; it must not be the folder that the studies are read from.",
        )

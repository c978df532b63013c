"""``python -m custom check``: every problem of a data set in one table, before anything is done with it."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from ...types import DEFAULT_CLASSES, REFERENCE_PHASE, TRAINING, quoted
from .report import Report
from .run import check_dataset

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``."""
    parser.add_argument("data", metavar="DIR|DATALIST", help="folder of studies, or the JSON file that lists them")
    parser.add_argument("--json", metavar="FILE", help="write the same as JSON")
    parser.add_argument(
        "--headers-only", "--headers_only", action="store_true", help="leave the voxels out: minutes become seconds"
    )
    parser.add_argument("--workers", type=_positive, metavar="N", help="processes (default: one per core)")
    parser.add_argument(
        "--dataset_dir", metavar="DIR", help="where a datalist's paths start (default: at the datalist)"
    )
    parser.add_argument("--phase_map", metavar="FILE", help="which volume is which phase (JSON or CSV)")
    parser.add_argument(
        "--classes", nargs="+", metavar="NAME", help="lesion classes in order (default: the datalist's)"
    )
    parser.add_argument("--reference_phase", default=REFERENCE_PHASE, metavar="PHASE", help="(default: %(default)s)")
    parser.add_argument("--min_volume_ml", type=float, default=0.5, metavar="ML", help="smallest lesion that counts")
    parser.add_argument("--memory_budget_gb", type=float, default=8.0, metavar="GB", help="most that a study may take")


def run(args: argparse.Namespace) -> int:
    """Check, print the table and a summary, say what to do next; 1 when there are errors, else 0."""
    report = check_dataset(
        args.data,
        headers_only=args.headers_only,
        workers=args.workers,
        dataset_dir=args.dataset_dir,
        phase_map=args.phase_map,
        classes=args.classes,
        reference_phase=args.reference_phase,
        min_volume_ml=args.min_volume_ml,
        memory_budget_gb=args.memory_budget_gb,
    )
    if args.json:
        report.write_json(args.json)
    sys.stdout.write(f"{report.table()}\n\n{report.summary()}\n".lstrip("\n"))
    if step := _next(args, report):
        logger.info("Next: %s", step)
    return 1 if report.errors else 0


def _next(args: argparse.Namespace, report: Report) -> str:
    """The command that follows, or what stands in its way; empty where no datalist was checked."""
    if report.errors:
        return "correct the errors, or take these studies out, and check again."
    if args.headers_only:
        return "the same without --headers-only, which looks at the voxels, too."
    if not Path(args.data).is_file():
        return ""
    options = [f"--datalist {quoted(args.data)}"]
    options += [f"--dataset_dir {quoted(args.dataset_dir)}"] if args.dataset_dir else []
    options += [f"--phase_map {quoted(args.phase_map)}"] if args.phase_map else []
    options += [f'--classes "{list(report.classes)}"'] if report.classes != DEFAULT_CLASSES else []
    apart = "--output_dir my_training --ckpt_dir my_models"  # the shipped weights stay where they are
    return f"{TRAINING} {' '.join(options)} {apart}"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number

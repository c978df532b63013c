"""``python -m custom prepare``: a folder of exams → a datalist to train and evaluate on."""

from __future__ import annotations

import argparse
import logging

from ...types import COMMAND, DEFAULT_CLASSES, InputError, quoted
from ..datasets import add_dataset_arguments, read_dataset
from ..discovery import SALT
from ..fingerprint import add_fingerprint_arguments, run_fingerprint
from .found import folder_entries
from .show import format_table, summary
from .write import check_output, write_datalist

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``."""
    parser.add_argument("folder", metavar="DIR", help="folder of studies, however nested; it is only read")
    parser.add_argument("--output", required=True, metavar="FILE", help="the datalist to write, such as my.json")
    parser.add_argument("--labels", metavar="CSV", help="table with the columns case, lesion_class and more")
    parser.add_argument("--classes", nargs="+", default=list(DEFAULT_CLASSES), help="in the order of label values")
    parser.add_argument("--folds", type=int, default=5, help="folds for cross-validation, 0 for none (default: 5)")
    parser.add_argument("--validation", type=float, default=0.2, help="share of the patients (default: 0.2)")
    parser.add_argument("--test", type=float, default=0.0, help="share of the patients (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same split (default: 0)")
    parser.add_argument("--phase_map", metavar="FILE", help="which series is which phase, JSON or CSV")
    parser.add_argument("--keep_names", action="store_true", help="folder names are pseudonyms: never replace them")
    parser.add_argument("--salt", default=SALT, help="secret for the names that replace identifiers")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    add_fingerprint_arguments(parser)
    add_dataset_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Find, join, split and write; log what was found, used and set aside, and what to do next."""
    check_output(args.output, force=args.force)
    entries, classes = _entries(args)
    content = write_datalist(
        entries,
        args.output,
        classes=classes,
        folds=args.folds,
        validation=args.validation,
        test=args.test,
        seed=args.seed,
        force=args.force,
    )
    logger.info("%s\n%s", format_table(entries, content), summary(entries, content))
    run_fingerprint(args)
    logger.info("Written: %s\nNext: %s check %s", args.output, COMMAND, quoted(args.output))


def _entries(args: argparse.Namespace) -> tuple[list[dict], list[str]]:
    """The entries of a public data set or of the user's own folder, and the classes."""
    if args.dataset:
        if args.labels or args.phase_map:
            raise InputError(
                found=f"--{'labels' if args.labels else 'phase_map'} for {args.dataset}",
                expected="the data set's own classes and phases",
                where="prepare",
                remedy="Leave it out, or leave out --dataset.",
            )
        return read_dataset(args, root=args.folder, classes=args.classes)
    entries = folder_entries(
        args.folder,
        labels=args.labels,
        classes=args.classes,
        phase_map=args.phase_map,
        salt=args.salt,
        keep_names=args.keep_names,
    )
    return entries, args.classes

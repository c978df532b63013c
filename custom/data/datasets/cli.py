"""Options of ``prepare`` for public data sets."""

from __future__ import annotations

import argparse
import logging

from .known import KNOWN_SETS, known_entries

logger = logging.getLogger(__name__)

ALL_CLASSES = "all"


def add_dataset_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to ``parser``."""
    group = parser.add_argument_group("public data sets")
    group.add_argument("--dataset", choices=list(KNOWN_SETS), help="DIR holds this data set as it is distributed")
    group.add_argument("--rater", type=int, metavar="N", help="liverhccseg: whose masks, 1 or 2 (default: 1)")
    group.add_argument(
        "--registered",
        action="store_true",
        default=None,
        help="liverhccseg: the phases that the set registered to the arterial one",
    )


def read_dataset(args: argparse.Namespace, *, root: str, classes: list[str]) -> tuple[list[dict], list[str]]:
    """The studies of the public data set that ``args`` names; logs its licence and what to know of it.

    Args:
        args: with ``dataset``, ``rater``, ``registered``.
        root: its folder.
        classes: class names in head order, or ``all`` alone for every class of the set.

    Returns:
        Datalist entries with absolute paths (``set_aside`` in those that cannot be used), and the classes.
    """
    known = KNOWN_SETS[args.dataset]
    if classes == [ALL_CLASSES]:
        classes = list(known.all_classes)
    entries, remarks = known_entries(args.dataset, root, classes=classes, rater=args.rater, registered=args.registered)
    for text in (known.licence, *remarks):
        logger.info("%s: %s", args.dataset, text)
    return entries, classes

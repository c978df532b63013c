"""``python -m custom phantom``: write a phantom data set and say how well its classes can be told at all."""

from __future__ import annotations

import argparse
import json
import logging

from .dataset import MANIFEST, write_phantom
from .dicom import DIALECTS
from .presets import PRESETS
from .sites import SITES

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``."""
    parser.add_argument("--output", required=True, metavar="DIR", help="new folder (missing or empty)")
    parser.add_argument("--preset", default="demo", choices=sorted(PRESETS), help="size (default: demo)")
    parser.add_argument("--studies", type=int, metavar="N", help="number of studies in all (default: the preset's)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same bits (default: 0)")
    parser.add_argument("--format", default="nifti", choices=("nifti", "dicom"), help="file format (default: nifti)")
    parser.add_argument("--layout", default="series", choices=list(DIALECTS), help=_layouts())
    parser.add_argument("--site", default="any", choices=list(SITES), help="times, noise and gain of one hospital")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")


def _layouts() -> str:
    rows = "; ".join(f"{name}: {dialect.summary}" for name, dialect in DIALECTS.items())
    return f"dialect of the DICOM form (default: series). {rows}"


def run(args: argparse.Namespace) -> None:
    """Write the data set that ``args`` describes, then log where it is and its references."""
    datalist = write_phantom(
        args.output,
        preset=args.preset,
        studies=args.studies,
        seed=args.seed,
        format=args.format,
        layout=args.layout,
        site=args.site,
        workers=args.workers,
    )
    manifest = json.loads((datalist.parent / MANIFEST).read_text(encoding="utf-8"))
    logger.info("Wrote %d studies of a digital phantom (not patients): %s", len(manifest["studies"]), datalist)
    for name in ("curve_reference", "pre_contrast_reference"):
        for part in ("cross_validated", "test"):
            result = manifest[name][part]
            if result:
                logger.info(
                    "%s, %s: accuracy %.3f, AUC %.3f over %d studies (%s)",
                    *(name, part, result["accuracy"], result["auc"], result["studies"], manifest[name]["computed_on"]),
                )

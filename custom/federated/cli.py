"""``python -m custom federate``: federated averaging over several sites' studies on one machine."""

from __future__ import annotations

import argparse
import logging

import yaml
from monai.fl.client import monai_algo

from .federation import Federation

CHATTY = (monai_algo.logger.name, "monai.bundle.workflows", "monai.networks.utils", "ignite")
"""Loggers that report every step of every site."""

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``."""
    parser.add_argument(
        "sites", nargs="+", metavar="SITE", help="two or more folders with a datalist.json, or datalists"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="exchanges of weights (default: 5)")
    parser.add_argument("--local_epochs", type=int, default=1, metavar="K", help="epochs a round (default: 1)")
    parser.add_argument("--output", default="outputs/federated", metavar="DIR", help="default: outputs/federated")
    parser.add_argument("--start", metavar="FILE", help="weights to start from (default: fresh ones)")
    parser.add_argument(
        "--resume", action="store_true", help="go on after the last finished round in the output folder"
    )
    parser.add_argument("--filters", metavar="FILE", help="configuration of MonaiAlgo's filters")
    values = "configuration values for all sites"
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=values)


def run(arguments: argparse.Namespace) -> None:
    """Run the rounds and say where the results lie."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    federation = Federation(
        sites=arguments.sites,
        output=arguments.output,
        rounds=arguments.rounds,
        local_epochs=arguments.local_epochs,
        start=arguments.start,
        resume=arguments.resume,
        filters=arguments.filters,
        overrides={key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in arguments.set)},
    )
    weights = federation.run()
    logger.info("Global weights  %s", weights)
    logger.info("Figures         %s, %s", federation.output / "metrics.json", federation.output / "metrics.csv")

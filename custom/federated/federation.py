"""The server's part: send the weights to every site, average what comes back, evaluate, keep; round after round."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engines import load_weights, save_atomically
from ..engines.best_weights import describe_network, publish
from ..engines.description import check_made_for
from ..engines.weights import read_checkpoint
from ..types import InputError
from .average import Weights, federated_average
from .report import ALL, Round, describe_round, format_round, write_report
from .site import Site, check_site, datalist_of, name_of

logger = logging.getLogger(__name__)


class Federation:
    """Federated averaging over sites whose studies lie on one machine, one site after the other.

    After every round ``resume.pt`` holds all that the next one needs; a run that is killed loses the round in progress
    only. At the end ``model.pt`` and ``model.json`` are the global network's.

    Args:
        sites: at least two: folders with a ``datalist.json``, or datalist files.
        output: folder for all results.
        rounds: how often weights are exchanged.
        local_epochs: epochs that each site trains in between.
        start: weights file to start from; None: fresh weights, by the configuration's seed.
        resume: go on after the last finished round that ``output`` holds.
        filters: configuration file of MonaiAlgo's filters, or None.
        overrides: configuration values, the same for all sites.

    Raises:
        InputError: fewer than two sites or two of one name; a site without studies or with other classes; misspelt
            settings; ``output`` holds another federation's results.
    """

    def __init__(
        self,
        *,
        sites: Sequence[str | os.PathLike],
        output: str | os.PathLike,
        rounds: int,
        local_epochs: int = 1,
        start: str | os.PathLike | None = None,
        resume: bool = False,
        filters: str | os.PathLike | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self.output, self.rounds, self.start = Path(output), rounds, start
        self.checkpoint = self.output / "resume.pt"
        datalists = _named(sites)
        for value, option in ((rounds, "--rounds"), (local_epochs, "--local_epochs")):
            _check(value >= 1, found=str(value), expected="a whole number of at least 1", where=option)
        for datalist in datalists.values():
            check_site(datalist, overrides)
        self.settings = {"sites": list(datalists), "rounds": rounds, "local_epochs": local_epochs, **(overrides or {})}
        self.finished = self._read(resume)
        shared = {"rounds": rounds, "local_epochs": local_epochs, "filters": filters, "overrides": overrides}
        self.sites = [
            Site(name=name, datalist=datalist, output_dir=self.output / "sites" / name, **shared)
            for name, datalist in datalists.items()
        ]

    def run(self) -> Path:
        """All rounds that are still to do; returns the path of the global weights."""
        weights, history = self._begin()
        for number in range(len(history) + 1, self.rounds + 1):
            weights = federated_average([(site.train(weights), site.training_studies) for site in self.sites])
            history.append(describe_round(number, {site.name: _evaluated(site, weights) for site in self.sites}))
            self._keep(weights, history)
            write_report(history, self.output)
            logger.info("\n%s\n", format_round(history[-1], self.rounds))
        for site in self.sites:
            site.close()
        return self._publish(weights, history)

    def _begin(self) -> tuple[Weights, list[Round]]:
        """Weights and records of the rounds that are done, with every site as it was after them."""
        if self.finished is not None:
            for site in self.sites:
                site.restore(self.finished["sites"][site.name])
            logger.info("Going on after round %d.", len(self.finished["history"]))
            return self.finished["model"], self.finished["history"]
        first = self.sites[0]  # all sites start alike: the seed is the configuration's
        if self.start is not None:
            check_made_for(self.start, self._expected_input())
            load_weights(first.algo.trainer.network, self.start)
        return first.weights(), []

    def _read(self, resume: bool) -> dict[str, Any] | None:
        """What ``resume.pt`` holds; None where a federation begins."""
        _check(
            resume or not self.checkpoint.exists(),
            found="the results of a federation",
            expected="a folder without",
            where=str(self.output),
            remedy="Name another folder (--output), or go on with it (--resume).",
        )
        if not self.checkpoint.exists():
            return None
        finished = read_checkpoint(self.checkpoint)
        before = finished.get("settings") or {}
        other = [key for key in {**before, **self.settings} if before.get(key) != self.settings.get(key)]
        _check(
            not other,
            found=f"a federation with {_listed(other, before)}",
            expected=_listed(other, self.settings),
            where=str(self.checkpoint),
            remedy="Repeat the command that began it, or name another folder (--output).",
        )
        return finished

    def _keep(self, weights: Weights, history: list[Round]) -> None:
        local = {site.name: site.state() for site in self.sites}
        save_atomically(
            {"settings": self.settings, "model": weights, "sites": local, "history": history}, self.checkpoint
        )

    def _expected_input(self) -> dict[str, Any]:
        return self.sites[0].algo.train_workflow.parser.get_parsed_content("expected_input")

    def _publish(self, weights: Weights, history: list[Round]) -> Path:
        first, path = self.sites[0], self.output / "model.pt"
        network = describe_network(first.algo.trainer.network)
        studies = {name: site["training_studies"] for name, site in history[-1]["sites"].items()}
        exchanges = {key: self.settings[key] for key in ("rounds", "local_epochs")}
        training = {**exchanges, "sites": studies, "metrics": history[-1]["global"]["metrics"]}
        publish(dict(weights), path, {"network": network, **self._expected_input(), "training": training})
        return path


def _evaluated(site: Site, weights: Weights) -> dict[str, Any]:
    counts = {"training_studies": site.training_studies, "validation_studies": site.validation_studies}
    return {**counts, "metrics": site.evaluate(weights)}


def _named(sites: Sequence[str | os.PathLike]) -> dict[str, Path]:
    """Name → datalist."""
    names = [name_of(site) for site in sites]
    _check(len(names) > 1, found=f"{len(names)} site", expected="two or more", where="federate")
    _check(
        len({*names, ALL}) == len(names) + 1,
        found=f"sites called {', '.join(names)}",
        expected=f"different names, none of them '{ALL}'",
        where="federate",
        remedy="Rename folders: a site is called like the folder of its datalist.json.",
    )
    return dict(zip(names, map(datalist_of, sites), strict=True))


def _listed(keys: Sequence[str], settings: Mapping[str, Any]) -> str:
    return "; ".join(f"{key} {settings[key]}" if key in settings else f"no {key}" for key in keys)


def _check(ok: bool, *, found: str, expected: str, where: str, remedy: str = "Correct the command.") -> None:
    if not ok:
        raise InputError(found=found, expected=expected, where=where, remedy=remedy)

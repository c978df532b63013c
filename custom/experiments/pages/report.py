"""The page of results: what several experiments show, by rule and from their manifests alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...data.phantom.presets import PRESETS
from ...types import COMMAND
from ..planning.settings import CONFIGS, EXPERIMENTS, PROJECT, Settings
from ..tables.figures import FIGURES, Figure
from ..tables.lines import Manifest
from ..tables.markdown import figure_table, number, title_with_arrow, unfinished, what_was_run
from ..tables.table import Cell, build_table, means_of
from ..tables.verdict import LEVEL, sentence
from .panels import PANELS

SAID = ("dsc", "curve_mae_raw", "accuracy", "auc")
"""Figures with a table and a verdict each."""

BESIDE = ("iou", "hd95_mm", "curve_mae_pct", "agreement_mae_pct", "ece", "risk_coverage_to_random", "fp_healthy")
"""Figures whose means are shown."""

PICTURES = {
    "figures.png": "All figures with their 95 % intervals",
    "confusion_matrices.png": "Confusion matrix of each arm",
    "calibration.png": "Reliability of the class, and what the disagreement of the curves says of the mask",
}


def as_page(results: Sequence[Sequence[Manifest]], images: Mapping[str, Sequence[str]]) -> str:
    """The generated part of the page.

    Args:
        results: manifests of each experiment, in the order of the page.
        images: experiment → paths of its pictures, relative to the page.
    """
    parts = [_head(results)]
    for manifests in results:
        parts += _experiment(manifests, images.get(manifests[0]["experiment"]["name"], []))
    return "\n\n".join([*parts, *_not_run(results)]) + "\n"


def _head(results: Sequence[Sequence[Manifest]]) -> str:
    manifests = [manifest for one in results for manifest in one]
    text = ""
    if all(map(_is_phantom, manifests)):
        text = "Every figure is of the digital phantom, none of patients. "
        text += f"{_share_of_demo(manifests)}\n\n"
    return (
        f"## Experiments\n{text}"
        f"**Helps**, **harms**, **better** and **worse** are said by rule: where the 95 % interval of the difference "
        f"is on one side of 0 and the paired test has p < {LEVEL} after Holm's correction over the arms of a figure. "
        "*No difference shown* is not *no difference*: the interval says how large it may be. Intervals are over "
        "patients and know nothing of how trainings differ by chance; with one seed a fold, a difference that is shown "
        "may be one of trainings as well as one of methods."
    )


def _is_phantom(manifest: Manifest) -> bool:
    """Whether a true curve is known, as it is of a phantom alone."""
    return any(record["curves"]["true"] for records in manifest["evaluations"].values() for record in records)


def _share_of_demo(manifests: Sequence[Manifest]) -> str:
    settings = Settings()
    studies = sum(PRESETS[settings.value("phantom")].counts["training"].values())
    whole = settings.value("epochs") * -(-studies // settings.value("studies_per_batch"))
    steps = sorted({manifest["budget"]["steps"] for manifest in manifests if manifest.get("budget")})
    shares = [f"{count:,} optimiser steps, {100 * count / whole:.0f} %" for count in steps]
    return f"Budget of a training: {'; '.join(shares)} of the {whole:,} that `train.json` spends on the demo."


def _experiment(manifests: Sequence[Manifest], images: Sequence[str]) -> list[str]:
    experiment, missing = manifests[0]["experiment"], unfinished(manifests)
    cells = build_table(manifests, _figures(SAID))
    parts = [f"### {experiment['title']}\n{what_was_run(manifests)}"]
    parts += [f"**Not finished:** {'; '.join(missing)}."] if missing else []
    parts += _said(cells)
    parts += [figure_table(figure, found) for figure in _figures(SAID) if (found := _of(cells, figure))]
    parts += _beside(means_of(manifests, _figures(BESIDE)))
    parts += [f"![{_caption(Path(image).name)}]({image})" for image in images]
    return [*parts, f"{_to_repeat(manifests)}\n```\n{_command(manifests)}\n```"]


def _figures(keys: Sequence[str]) -> list[Figure]:
    return [figure for figure in FIGURES if figure.key in keys]


def _of(cells: Sequence[Cell], figure: Figure) -> list[Cell]:
    return [cell for cell in cells if cell.figure == figure.key]


def _said(cells: Sequence[Cell]) -> list[str]:
    compared: dict[str, list[tuple[Cell, Figure]]] = {}
    for figure in _figures(SAID):
        for cell in _of(cells, figure):
            if cell.difference is not None:
                compared.setdefault(cell.arm, []).append((cell, figure))
    return ["\n".join(sentence(arm, found) for arm, found in compared.items())] if compared else []


def _beside(means: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Further figures, an arm a line, means alone."""
    figures = [figure for figure in _figures(BESIDE) if any(figure.key in values for values in means.values())]
    if not figures:
        return []
    rows = [f"| means | {' | '.join(map(title_with_arrow, figures))} |", "|---" * (len(figures) + 1) + "|"]
    for arm, values in means.items():
        rows.append(f"| {arm} | {' | '.join(number(values.get(figure.key), figure.digits) for figure in figures)} |")
    return ["\n".join(rows)]


def _caption(name: str) -> str:
    if name in PICTURES:
        return PICTURES[name]
    percentile = name.removeprefix(PANELS.partition("{")[0]).partition(".")[0]
    return f"Held-out study at percentile {percentile} of the compared arm's DSC"


def _to_repeat(manifests: Sequence[Manifest]) -> str:
    """Whether the command under it does what was done then."""
    changed = {
        (name, checksum[:8])
        for manifest in manifests
        for name, checksum in manifest.get("config", {}).get("files", {}).items()
        if (CONFIGS / name).is_file() and sha256((CONFIGS / name).read_bytes()).hexdigest() != checksum
    }
    if not changed:
        return "To repeat it:"
    files = ", ".join(f"`{name}` ({checksum}…)" for name, checksum in sorted(changed))
    return f"To do it again with the settings of now (these runs had earlier ones, of {files}):"


def _command(manifests: Sequence[Manifest]) -> str:
    """The call of the experiment, as far as the manifests tell: where the studies lay is not among it."""
    experiment = manifests[0]["experiment"]
    trained = [manifest for manifest in manifests if manifest.get("budget")]
    file = f"{experiment['name']}.yaml"
    name = experiment["name"] if (EXPERIMENTS / file).is_file() else file
    folds = experiment["folds"] if experiment["folds"] > 1 else 0
    seeds = max(manifest["experiment"]["seeds"] for manifest in manifests)
    parts = [f"{COMMAND} experiment {name} --folds {folds} --seeds {seeds}"]
    parts += [f"--steps {trained[0]['budget']['steps']}"] if trained else []
    parts += [] if all(map(_is_phantom, manifests)) else ["--datalist DATALIST"]
    files = list(_common([manifest.get("config", {}).get("files", {}) for manifest in trained]))
    if files not in ([], ["train.json"]):
        parts += ["--config_file", *(_typed(file) for file in files)]
    if overrides := _common([manifest.get("config", {}).get("overrides", {}) for manifest in trained]):
        parts += ["--set", *(f"'{key}={json.dumps(value)}'" for key, value in overrides.items())]
    return " ".join(parts)


def _typed(file: str) -> str:
    """A shipped configuration from the project's folder; of others only the name is known."""
    return str((CONFIGS / file).relative_to(PROJECT)) if (CONFIGS / file).is_file() else file


def _common(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all arms share was said once, for the whole experiment."""
    first = settings[0] if settings else {}
    return {key: value for key, value in first.items() if all(key in s and s[key] == value for s in settings)}


def _not_run(results: Sequence[Sequence[Manifest]]) -> list[str]:
    run = {manifests[0]["experiment"]["name"] for manifests in results}
    missing = [f"`{path.stem}`" for path in sorted(EXPERIMENTS.glob("*.yaml")) if path.stem not in run]
    return [f"### Not run\n{', '.join(missing)}."] if missing else []

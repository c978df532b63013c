"""The fingerprint on one page: curves, lesion volumes, sections, spacings, phases that are missing, intensities."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...types import PHASES
from .summary import HEALTHY, SEVERAL, UNKNOWN, class_name, relative_enhancement, study_kind

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31")
"""Of the classes in head order: told apart by colour-blind readers."""

GREY, INK, QUIET, WARNING = "#9aa0a6", "#1b1f24", "#6b7280", "#b42318"
MARGINS = {"left": 0.05, "right": 0.985, "bottom": 0.07, "top": 0.88, "wspace": 0.26, "hspace": 0.36}
PHASE_LABELS = ("pre", "arterial", "portal\nvenous", "delayed")


def draw_fingerprint(fingerprint: Mapping, path: str | os.PathLike) -> Path:
    """Draw what ``write_fingerprint`` returns.

    Args:
        fingerprint: the summary with its ``studies``.
        path: PNG file, replaced in one step.
    """
    figure = Figure(figsize=(15, 8.6))
    axes = figure.subplots(2, 3, gridspec_kw=MARGINS)
    colours = _colours(fingerprint)
    panels: tuple[tuple[Callable, str], ...] = (
        (_curves, "Enhancement of the tumour, mean ± sd"),
        (_volumes, "Volumes of the lesions"),
        (_sections, "Studies in each section"),
        (_spacings, "Voxels of the reference phase"),
        (_missing, "Missing phases"),
        (_intensities, "Brightness of the body"),
    )
    for axis, (draw, title) in zip(axes.flat, panels, strict=True):
        draw(axis, fingerprint, colours)
        axis.set_title(title, loc="left", fontsize=11.5, fontweight="bold", color=INK)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(colors=QUIET, labelsize=9)
    figure.suptitle(_headline(fingerprint), x=0.012, y=0.97, ha="left", fontsize=14, color=INK)
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.tmp")
    figure.savefig(unfinished, dpi=110, format="png", metadata={"Software": "MTI-Net"})
    os.replace(unfinished, path)
    return path


def _headline(fingerprint: Mapping) -> str:
    sections = fingerprint["sections"].values()
    unreadable, findings = sum(section["unreadable"] for section in sections), len(fingerprint["findings"])
    parts = [f"{sum(section['studies'] for section in sections)} studies"]
    parts += [f"{unreadable} left out: they cannot be read"] if unreadable else []
    parts += [f"{findings} findings"] if findings else []
    return f"{fingerprint['name']}:  " + ",  ".join(parts)


def _colours(fingerprint: Mapping) -> dict[str, str]:
    names = [name for name in fingerprint["classes"] if name != UNKNOWN]
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)} | {
        SEVERAL: "#5f6368",
        UNKNOWN: GREY,
        HEALTHY: "#d3d7db",
    }


def _read(fingerprint: Mapping) -> list[Mapping]:
    return [record for record in fingerprint["studies"] if "error" not in record]


def _curves(axis: Axes, fingerprint: Mapping, colours: Mapping[str, str]) -> None:
    """Mean relative enhancement of each class with a band of one sd, each study as a thin line."""
    shown = [name for name, part in fingerprint["classes"].items() if part["relative_enhancement_percent"]["pre"]["n"]]
    curves = [curve for record in _read(fingerprint) for curve in record["curves"]]
    relative = [relative_enhancement(curve["signal"]) for curve in curves]
    lines = [[(PHASES.index(phase), value) for phase, value in values.items()] for values in relative]
    tints = [colours[class_name(curve["class"])] for curve in curves]
    axis.add_collection(LineCollection(lines, colors=tints, lw=0.5, alpha=0.15))
    for name in shown:
        spread = fingerprint["classes"][name]["relative_enhancement_percent"]
        points = [(k, spread[phase]) for k, phase in enumerate(PHASES) if spread[phase]["n"]]
        x, mean, sd = (np.array(v) for v in zip(*((k, s["mean"], s["sd"]) for k, s in points), strict=True))
        axis.fill_between(x, mean - sd, mean + sd, color=colours[name], alpha=0.15, lw=0)
        label = f"{name} ({fingerprint['classes'][name]['studies']} studies)"
        axis.plot(x, mean, "o-", color=colours[name], lw=2.2, label=label)
    axis.set_xticks(range(len(PHASES)), PHASE_LABELS)
    axis.set_ylabel("(S − S_pre) / S_pre, %", fontsize=9.5, color=QUIET)
    axis.axhline(0, color=GREY, lw=0.8, zorder=0)
    _legend_or_note(axis, bool(shown), "no masks with a pre-contrast phase, no curves", "lower right")
    if shown:  # a few wild curves must not squeeze the others
        spreads = [s for name in shown for s in fingerprint["classes"][name]["relative_enhancement_percent"].values()]
        ends = [s["mean"] + sign * 2.5 * s["sd"] for s in spreads if s["n"] for sign in (-1, 1)]
        axis.set_ylim(min(-10.0, min(ends)), max(10.0, max(ends)))


def _volumes(axis: Axes, fingerprint: Mapping, colours: Mapping[str, str]) -> None:
    """Histogram over logarithmic bins, classes on top of each other."""
    volumes: dict[str, list[float]] = {name: [] for name in fingerprint["classes"]}
    for record in _read(fingerprint):
        for lesion in record["lesions"]:
            volumes[class_name(lesion["class"])].append(lesion["volume_ml"])
    shown = {name: values for name, values in volumes.items() if values}
    if shown:
        every = np.concatenate(list(shown.values()))
        bins = np.geomspace(every.min() * 0.9, every.max() * 1.1, 25)
        labels = [f"{name} ({len(values)} lesions)" for name, values in shown.items()]
        axis.hist(list(shown.values()), bins, stacked=True, color=[colours[name] for name in shown], label=labels)
        axis.set_xscale("log")
        ticks = [t for t in (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000) if bins[0] <= t <= bins[-1]]
        axis.set_xticks(ticks, [f"{t:g}" for t in ticks], minor=False)
        axis.minorticks_off()
    axis.set_xlabel("volume, ml", fontsize=9.5, color=QUIET)
    axis.set_ylabel("lesions", fontsize=9.5, color=QUIET)
    _legend_or_note(axis, bool(shown), "no masks, no lesions", "upper left")


def _sections(axis: Axes, fingerprint: Mapping, colours: Mapping[str, str]) -> None:
    """A bar for each section, its classes on top of each other."""
    sections = {name: part for name, part in fingerprint["sections"].items() if part["studies"] + part["unreadable"]}
    tallest = max((part["studies"] for part in sections.values()), default=0)
    bottom = np.zeros(len(sections))
    for name, colour in colours.items():
        counts = np.array([part["classes"].get(name, 0) for part in sections.values()])
        if counts.any():
            axis.bar(range(len(sections)), counts, 0.6, bottom=bottom, color=colour, label=name)
            ink = INK if name == HEALTHY else "white"
            for x, (low, count) in enumerate(zip(bottom, counts, strict=True)):
                if count > 0.04 * tallest:
                    axis.text(x, low + count / 2, str(count), ha="center", va="center", fontsize=9, color=ink)
            bottom = bottom + counts
    axis.set_xticks(range(len(sections)), list(sections))
    axis.set_ylabel("studies", fontsize=9.5, color=QUIET)
    axis.set_ylim(0, max(1.0, 1.3 * tallest))
    _legend_or_note(axis, bool(bottom.any()), "no study could be read", "upper right")


def _spacings(axis: Axes, fingerprint: Mapping, colours: Mapping[str, str]) -> None:
    """In-plane against slice spacing, a dot for each study, spread a little so that equal ones show as a cloud."""
    read = _read(fingerprint)
    spacings = np.array([record["phases"][fingerprint["reference_phase"]]["spacing_mm"] for record in read])  # (N, 3)
    if len(read):
        spread = np.random.default_rng(0).normal(0, 0.008, (len(read), 2)) * spacings[:, [0, 2]].max(axis=0)
        x, y = np.sqrt(spacings[:, 0] * spacings[:, 1]) + spread[:, 0], spacings[:, 2] + spread[:, 1]
        colour = [colours[study_kind(record)] for record in read]
        axis.scatter(x, y, s=16, c=colour, alpha=0.6, lw=0)
        several = fingerprint["grids"]["studies_with_several_grids"]
        note = f"phases on different grids in {several} of {len(read)} studies"
        axis.text(0.98, 0.03, note, transform=axis.transAxes, ha="right", fontsize=9, color=QUIET)
        axis.set_xlim(0, 1.15 * x.max())
        axis.set_ylim(0, 1.15 * y.max())
    axis.set_xlabel("pixel, mm", fontsize=9.5, color=QUIET)
    axis.set_ylabel("distance of slices, mm", fontsize=9.5, color=QUIET)


def _missing(axis: Axes, fingerprint: Mapping, colours: Mapping[str, str]) -> None:
    """How many studies lack each phase."""
    total = len(_read(fingerprint))
    counts = [fingerprint["missing_phases"][phase] for phase in PHASES]
    axis.barh(range(len(PHASES)), counts, 0.6, color=WARNING)
    for y, count in enumerate(counts):
        text = f" {count} ({count / total:.0%})" if count else " none"
        axis.text(count, y, text, va="center", fontsize=9.5, color=INK if count else QUIET)
    axis.set_yticks(range(len(PHASES)), [phase.replace("_", " ") for phase in PHASES])
    axis.invert_yaxis()
    axis.set_xlim(0, max(1.0, 1.25 * max(counts)))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("studies", fontsize=9.5, color=QUIET)


def _intensities(axis: Axes, fingerprint: Mapping, colours: Mapping[str, str]) -> None:
    """Median of the body in each phase over the study's joint 99.5th percentile: pre must be the darkest."""
    rows = [
        [
            record["phases"][phase]["median"] / record["scale"]
            for record in _read(fingerprint)
            if phase in record["phases"] and record["scale"]
        ]
        for phase in PHASES
    ]
    style = {"color": COLOURS[0], "linewidth": 1.2}
    axis.boxplot(
        rows, positions=range(len(PHASES)), widths=0.5, medianprops=style | {"linewidth": 2}, flierprops={"ms": 3}
    )
    axis.set_xticks(range(len(PHASES)), PHASE_LABELS)
    axis.set_ylabel("median of the body over the study's scale", fontsize=9.5, color=QUIET)
    axis.set_ylim(bottom=0)


def _legend_or_note(axis: Axes, shown: bool, note: str, place: str) -> None:
    if shown:  # at a stated place: looking for the emptiest one takes longer than all the rest
        axis.legend(fontsize=9, frameon=False, labelcolor=INK, loc=place)
    else:
        axis.text(0.5, 0.5, note, transform=axis.transAxes, ha="center", va="center", color=QUIET)

"""One picture of a study's result: the four phases at the largest section, the curves, the lesions."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from ..inference.phase_table import shift_in_words
from ..types import PHASES
from .section import LOOKING_AT, Section, largest_section

CLASS_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00", "#0072B2")
"""Okabe and Ito's palette, which colour-blind readers tell apart; classes beyond seven start again."""

INK, QUIET, PAPER = "#1b1f24", "#6b7280", "#ffffff"
PHASE_TITLES = {"pre": "Pre-contrast", "arterial": "Arterial", "portal_venous": "Portal venous", "delayed": "Delayed"}
LISTED_LESIONS = 6
HALO = withStroke(linewidth=2, foreground="black")


def draw_overview(data: Mapping[Hashable, Any], classes: Sequence[str], path: str | os.PathLike) -> None:
    """Draws and writes ``overview.png``.

    Args:
        data: the study after postprocessing: ``pred``, ``native``, ``native_instances``, ``result``.
        classes: class names in head order.
        path: the PNG file.
    """
    result = data["result"]
    figure = Figure(figsize=(13.6, 7.4), facecolor=PAPER)
    grid = figure.add_gridspec(
        2, 4, height_ratios=(1.0, 0.82), left=0.055, right=0.985, top=0.885, bottom=0.085, hspace=0.16, wspace=0.04
    )
    _draw_title(figure, result)
    label_map = torch.as_tensor(data["pred"])[0].numpy()  # (X, Y, Z)
    affine = np.asarray(data["native"].affine, dtype=np.float64)
    section = largest_section(label_map, affine)
    image = torch.as_tensor(data["native"]).numpy()  # (4, X, Y, Z)
    _draw_phases([figure.add_subplot(grid[0, k]) for k in range(4)], image, label_map, section, result, len(classes))
    _draw_curves(figure.add_subplot(grid[1, :2]), result)
    _draw_lesions(figure.add_subplot(grid[1, 2:]), result)
    figure.savefig(Path(path), dpi=110, facecolor=PAPER, metadata={"Software": "MTI-Net"})


def _draw_title(figure: Figure, result: Mapping[str, Any]) -> None:
    label = result["class"]["label"]
    if label is not None:
        finding = f"{label}, probability {result['class']['probabilities'][label]:.2f}"
    else:
        finding = "no lesion found" if not result["lesions"] else "lesion found, class not asked for"
    figure.text(0.02, 0.955, result["case"], fontsize=17, fontweight="bold", color=INK, va="center")
    figure.text(0.5, 0.955, finding, fontsize=16, color=INK, ha="center", va="center")
    figure.text(
        0.98, 0.955, "RESEARCH USE ONLY", fontsize=10.5, fontweight="bold", color="#b42318", ha="right", va="center"
    )


def _draw_phases(
    axes: list[Axes],
    image: np.ndarray,
    label_map: np.ndarray,
    section: Section,
    result: Mapping[str, Any],
    class_count: int,
) -> None:
    pictures = [section.of(phase) for phase in image]  # 4 x (rows, columns)
    present = [result["phases"][phase] is not None for phase in PHASES]
    shown = np.stack([picture for picture, there in zip(pictures, present, strict=True) if there])
    brightest = max(float(np.percentile(shown, 99.7)), 1e-6)  # one window for all phases: brightness is comparable
    rows, columns = _body(shown.mean(0), section.of(label_map) > 0)
    mask = section.of(label_map)[rows, columns]
    height_mm, width_mm = mask.shape[0] * section.row_mm, mask.shape[1] * section.column_mm
    left, top = LOOKING_AT[section.plane]
    for axis, phase, picture, there in zip(axes, PHASES, pictures, present, strict=True):
        axis.set_facecolor("black")
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_title(_phase_title(phase, result), fontsize=11, color=INK, pad=5)
        extent = (0.0, width_mm, height_mm, 0.0)
        shown_picture = picture[rows, columns] if there else np.zeros_like(mask, dtype=np.float32)
        axis.imshow(shown_picture, cmap="gray", vmin=0, vmax=brightest, extent=extent, interpolation="bilinear")
        if not there:
            axis.text(0.5, 0.5, "not acquired", transform=axis.transAxes, color="#c9ced6", ha="center", va="center")
            continue
        for value in range(1, class_count + 1):
            _outline(axis, mask == value, section, CLASS_COLOURS[(value - 1) % len(CLASS_COLOURS)])
        letters = {"transform": axis.transAxes, "color": "white", "fontsize": 9, "path_effects": [HALO]}
        axis.text(0.02, 0.5, left, va="center", **letters)
        axis.text(0.5, 0.975, top, ha="center", va="top", **letters)
        moved = shift_in_words(result["phases"][phase].get("alignment"))
        axis.text(0.5, 0.025, moved, ha="center", va="bottom", **letters)
    axes[0].set_ylabel(f"{section.plane}, slice {section.index + 1}", fontsize=9.5, color=QUIET)


def _outline(axis: Axes, mask: np.ndarray, section: Section, colour: str) -> None:
    if not mask.any():
        return
    around = np.pad(mask.astype(np.float32), 1)  # a lesion at the border of the picture is closed, too
    x = (np.arange(around.shape[1]) - 0.5) * section.column_mm
    y = (np.arange(around.shape[0]) - 0.5) * section.row_mm
    axis.contour(x, y, around, levels=[0.5], colors=[colour], linewidths=1.5)


def _body(mean: np.ndarray, tumour: np.ndarray) -> tuple[slice, slice]:
    """The part of the section that shows the body, so that air takes no room."""
    body = (mean > 0.08 * np.percentile(mean, 99)) | tumour
    spans = []
    for axis in (1, 0):
        inside = np.flatnonzero(body.mean(axis=axis) > 0.02)
        first, last = (inside[0], inside[-1]) if inside.size else (0, body.shape[1 - axis] - 1)
        spans.append(slice(max(0, int(first) - 3), int(last) + 4))
    return spans[0], spans[1]


def _phase_title(phase: str, result: Mapping[str, Any]) -> str:
    record = result["phases"][phase]
    time_s = record.get("time_s") if record else None
    return PHASE_TITLES[phase] if time_s is None else f"{PHASE_TITLES[phase]}  {time_s:.0f} s"


def _draw_curves(axis: Axes, result: Mapping[str, Any]) -> None:
    present = [phase for phase in PHASES if result["phases"][phase] is not None]
    times_s = [result["phases"][phase].get("time_s") for phase in present]
    by_time = None not in times_s and all(b > a for a, b in pairwise(times_s))
    where = times_s if by_time else [PHASES.index(phase) for phase in present]
    axis.set_title("Signal of the tumour", loc="left", fontsize=11, color=INK)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.tick_params(colors=QUIET, labelsize=9)
    axis.grid(axis="y", color="#e5e7eb", linewidth=0.8)
    axis.set_ylabel("signal, scanner units", fontsize=9.5, color=QUIET)
    if by_time:
        axis.set_xlabel("time, s", fontsize=9.5, color=QUIET)
    else:
        axis.set_xticks(where, [PHASE_TITLES[phase] for phase in present])
    for lesion in result["lesions"] if len(result["lesions"]) > 1 else []:
        raw = lesion["enhancement"]["measured"]["raw"]
        colour = CLASS_COLOURS[(lesion["label_value"] - 1) % len(CLASS_COLOURS)]
        axis.plot(where, _points(raw, present), color=colour, linewidth=1.1, alpha=0.8, zorder=2)
    styles = {"measured": ("-", "o", "measured under the mask"), "regressed": ("--", "D", "regressed by the network")}
    handles = []
    for name, (line, marker, text) in styles.items():
        raw = result["enhancement"][name]["raw"]
        points = _points(raw, present)
        if np.isfinite(points).any():
            handles += axis.plot(where, points, line, marker=marker, color=INK, markersize=6, label=text, zorder=3)
    if len(result["lesions"]) > 1:
        handles.append(Line2D([], [], color=QUIET, linewidth=1.1, label="single lesions, measured"))
    if not handles:
        axis.set_axis_off()
        axis.text(0.5, 0.5, "no lesion, no curve", transform=axis.transAxes, ha="center", color=QUIET, fontsize=11)
        return
    axis.set_ylim(bottom=0)
    axis.margins(y=0.12)
    axis.legend(handles=handles, fontsize=9, frameon=False, loc="lower right", labelcolor=INK)


def _points(raw: Mapping[str, float | None], present: Sequence[str]) -> list[float]:
    """Gaps where a phase does not cover the lesion."""
    return [np.nan if raw[phase] is None else raw[phase] for phase in present]


def _draw_lesions(axis: Axes, result: Mapping[str, Any]) -> None:
    axis.set_axis_off()
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    if result["flags"]:
        shown = ", ".join(flag.replace("_", " ").replace(":", ": ") for flag in result["flags"])
        axis.text(0.05, 0.02, fill(f"Flags: {shown}", 96), fontsize=9, color=QUIET, va="bottom")
    if not result["lesions"]:
        axis.text(0.5, 0.5, "no lesion", fontsize=11, color=QUIET, ha="center")
        return
    columns = (0.08, 0.15, 0.44, 0.60, 0.80)
    heads = ("", "class", "volume", "arterial hyper-\nenhancement", "washout")
    for x, head in zip(columns, heads, strict=True):
        axis.text(x, 0.97, head, fontsize=9.5, color=QUIET, va="top")
    for row, lesion in enumerate(result["lesions"][:LISTED_LESIONS]):
        y = 0.76 - 0.1 * row
        label = lesion["class"]["label"]
        colour = CLASS_COLOURS[(lesion["label_value"] - 1) % len(CLASS_COLOURS)]
        axis.scatter([columns[0] + 0.02], [y], s=60, color=colour, clip_on=False)
        texts = (
            str(lesion["id"]),
            "lesion" if label is None else f"{label}  {lesion['class']['probabilities'][label]:.2f}",
            f"{lesion['volume_ml']:.1f} ml",
            lesion["arterial_phase_hyperenhancement"] or "–",
            lesion["washout"] or "–",
        )
        for x, text in zip((columns[0] - 0.03, *columns[1:]), texts, strict=True):
            axis.text(x, y, text, fontsize=10.5, color=INK, va="center")
    if len(result["lesions"]) > LISTED_LESIONS:
        axis.text(columns[1], 0.15, f"and {len(result['lesions']) - LISTED_LESIONS} more", fontsize=9.5, color=QUIET)

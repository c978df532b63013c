"""Pictures of an evaluation: the confusion matrix, and the worst, median and best segmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...types import PHASES, REFERENCE_PHASE
from .study_record import Record


@dataclass(frozen=True)
class Section:
    """The slice of a study with the largest true section: ``image (H, W)`` uint8, ``true`` and ``predicted`` bool."""

    image: np.ndarray
    true: np.ndarray
    predicted: np.ndarray


def largest_section(data: Mapping[str, Any]) -> Section | None:
    """Cut the section out of a post-processed study; None without a true tumour."""
    label = torch.as_tensor(data["label"])[0].cpu().numpy() > 0  # (H, W, D)
    if not label.any():
        return None
    d = int(label.sum(axis=(0, 1)).argmax())
    image = torch.as_tensor(data["image"])[PHASES.index(REFERENCE_PHASE), ..., d].cpu().numpy()  # (H, W)
    top = max(float(np.percentile(image, 99.5)), 1e-6)
    predicted = torch.as_tensor(data["pred"])[0, ..., d].cpu().numpy() > 0
    return Section((image.clip(0, top) / top * 255).astype(np.uint8), label[..., d], predicted)


def draw_confusion_matrix(matrix: Mapping[str, Any], path: Path) -> Path:
    """Draw ``{"rows", "columns", "counts"}`` of a report."""
    counts = np.array(matrix["counts"])
    figure = Figure(figsize=(1.6 * counts.shape[1] + 2, 1.2 * counts.shape[0] + 1.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues", vmin=0)
    for (row, column), count in np.ndenumerate(counts):
        dark = count > counts.max() / 2
        axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    axes.set_xticks(range(counts.shape[1]), matrix["columns"], rotation=20)
    axes.set_yticks(range(counts.shape[0]), matrix["rows"])
    return save_figure(figure, path)


def draw_overlays(records: Sequence[Record], sections: Mapping[str, Section], path: Path) -> Path | None:
    """Worst, median and best DSC in a row: truth in green, prediction in red. None when no study has a DSC."""
    ranked = [record for record in records if record["dsc"] is not None and record["case"] in sections]
    ranked.sort(key=lambda record: record["dsc"])
    if not ranked:
        return None
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    for axes, title, index in zip(
        figure.subplots(1, 3), ("worst", "median", "best"), (0, len(ranked) // 2, -1), strict=True
    ):
        section = sections[ranked[index]["case"]]
        axes.imshow(section.image.T, cmap="gray")  # grid axes L and P: patient left to the right, anterior up
        for mask, colour in ((section.true, "lime"), (section.predicted, "red")):
            if mask.any():
                axes.contour(mask.T, levels=[0.5], colors=colour, linewidths=1)
        axes.set_title(f"{title}: {ranked[index]['case']}, DSC {ranked[index]['dsc']:.3f}", fontsize=10)
        axes.set_axis_off()
    figure.supxlabel("green: truth, red: prediction; section with the largest tumour area", fontsize=9)
    return save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a PNG through Agg, without pyplot's global state."""
    FigureCanvasAgg(figure).print_png(path)
    return path

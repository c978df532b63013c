"""Studies of a phantom data set examined once more at other times: the same patients, breath-holds, noise and gain.

What an image would have shown at another moment cannot be told from the image; the phantom's truth can tell it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .dataset import MANIFEST, write_study
from .plan import PlannedStudy
from .sites import Site, get_site


def phantom_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a phantom data set; None for a folder that is none."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "phantom" in str(content.get("what")) else None


def later(site: Site, delays_s: Mapping[str, float]) -> Site:
    """A site that scans phases later, or earlier.

    Args:
        site: as it is.
        delays_s: phase after contrast → seconds that are added to its times.
    """
    spans = {phase: getattr(site, f"{phase}_s") for phase in delays_s}
    return replace(site, **{f"{phase}_s": tuple(t + delays_s[phase] for t in span) for phase, span in spans.items()})


def write_retimed(folder: Path, items: Sequence[Mapping], *, delays_s: Mapping[str, float], output: Path) -> list[dict]:
    """Examine studies anew, each phase so much later than it was.

    Args:
        folder: a phantom data set.
        items: entries of its datalist.
        delays_s: as in `later`.
        output: folder of the new studies, in the data set's format.

    Returns:
        The entries of the new studies, with paths relative to ``output`` and the true curves of the other times.
    """
    manifest = phantom_manifest(folder)
    assert manifest is not None, "no phantom data set"
    entries = {entry["case"]: entry for entry in manifest["studies"]}
    how = {"preset": manifest["preset"], "format": manifest["format"], "layout": manifest["layout"] or "series"}
    site = later(get_site(manifest.get("site", "any")), delays_s)
    output.mkdir(parents=True, exist_ok=True)
    return [
        {**item, **write_study(_planned(item, entries[item["case"]]), folder=output, site=site, **how)[0]}
        for item in items
    ]


def _planned(item: Mapping, entry: Mapping) -> PlannedStudy:
    return PlannedStudy(
        case=item["case"],
        patient=item["patient"],
        section=entry["section"],
        lesions=tuple(lesion["class"] or lesion["kind"] for lesion in entry["lesions"]),
        seed=entry["seeds"]["patient"],
        acquisition_seed=entry["seeds"]["acquisition"],
        fold=item.get("fold"),
    )

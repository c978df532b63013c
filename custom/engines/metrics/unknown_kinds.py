"""How sure the network is of a class where none is right: lesions of kinds that it was never trained on.

A class head always answers with one of its classes. All that can warn of a kind which it never saw is a low probability
of the class that it gives; a class given surely is then always wrong. Studies of such kinds state their ``kind`` in the
datalist. Figures of each group of studies, the classes' own kinds together (``known``) and each other kind:

- ``found``: share of the true lesions that the prediction touches.
- ``probability``: mean probability of the class given, over the studies with a found lesion.
- ``sure``: share of these studies in which it is at least ``sure_from``; ``wrongly_sure``: surely another class.

``auroc``: how well that probability tells known from other kinds, 0.5 for not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from .bootstrap import bootstrap_intervals
from .study_record import Record
from .summary import Figures, binary_auc, known, mean_of

KNOWN = "known"


def unknown_kinds(records: Sequence[Record], *, sure_from: float, seed: int = 0) -> dict[str, Any] | None:
    """All of it as plain JSON values; None without a study of such a kind.

    Args:
        records: one a study.
        sure_from: probability of the given class from which it is given surely, 0..1.
        seed: of the bootstrap.

    Returns:
        ``sure_from``, ``groups`` (name → studies), ``figures`` and ``intervals_95`` under ``<group> <figure>`` and
        ``auroc``; a figure of which nothing is known is None.
    """
    kinds = sorted({record["kind"] for record in records if record.get("kind") and record["has_tumour"]})
    if not kinds:
        return None
    records = [record for kind in (KNOWN, *kinds) for record in _group(records, kind)]
    figures_of = partial(certainty, kinds=kinds, sure_from=sure_from)
    return {
        "sure_from": sure_from,
        "groups": {name: len(_group(records, name)) for name in (KNOWN, *kinds)},
        "figures": figures_of(records),
        "intervals_95": bootstrap_intervals(records, seed=seed, figures_of=figures_of),
    }


def certainty(records: Sequence[Record], *, kinds: Sequence[str], sure_from: float) -> Figures:
    """The figures of the known kinds, of each of ``kinds``, and of both against each other."""
    figures: Figures = {}
    for name in (KNOWN, *kinds):
        studies = _group(records, name)
        answered = [record for record in studies if _given(record) is not None]
        figures[f"{name} found"] = mean_of([part for record in studies for part in record["lesions"]], _is_found)
        figures[f"{name} probability"] = mean_of(answered, _given)
        sure = {record["case"]: _given(record) >= sure_from for record in answered}
        figures[f"{name} sure"] = mean_of(answered, lambda record, sure=sure: sure[record["case"]])
        figures[f"{name} wrongly_sure"] = mean_of(
            answered, lambda r, sure=sure: sure[r["case"]] and r["predicted_class"] != r["lesion_class"]
        )
    both = [record for record in records if _given(record) is not None]
    is_known = np.array([not record.get("kind") for record in both], dtype=bool)
    figures["auroc"] = binary_auc(np.array([_given(record) for record in both]), is_known)
    return figures


def _group(records: Sequence[Record], name: str) -> list[Record]:
    if name == KNOWN:
        return known(records)
    return [record for record in records if record["has_tumour"] and record.get("kind") == name]


def _given(record: Record) -> float | None:
    """Probability of the class that is given to a study of which a lesion is found."""
    found = any(map(_is_found, record["lesions"]))
    return max(record["class_probabilities"]) if found and record["class_probabilities"] else None


def _is_found(lesion: Record) -> bool:
    return lesion["found"]

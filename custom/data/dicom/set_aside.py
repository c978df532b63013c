"""Volumes that are no phase of a dynamic examination, and why: reference images, derived images, other contrasts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .records import TimePoint

_BY_IMAGE_TYPE = (
    ("localiser", {"LOCALIZER", "LOCALISER", "SCOUT", "SURVEY"}),
    ("subtraction", {"SUBTRACT", "SUBTRACTION", "SUB"}),
    ("projection (MIP)", {"MIP", "MAX_IP", "MINIP", "MIN_IP", "PROJECTION IMAGE", "PROJECTION", "VOLREN"}),
    ("reformatted (MPR)", {"MPR", "REFORMATTED", "RESAMPLED", "CPR"}),
    ("diffusion or its map", {"ADC", "DIFFUSION", "TRACEW", "FA", "DWI", "EADC"}),
    ("parameter map", {"T1 MAP", "T2 MAP", "R2_STAR", "T2_STAR", "FF", "FAT_FRACTION", "MAP"}),
)
_BY_DESCRIPTION = tuple(
    (reason, re.compile(pattern))
    for reason, pattern in (
        (
            "localiser",
            r"\bloc(?:ali[sz]er)?\b|scout|survey|\b3.?plane?\b|plan scan|\bcalib|\basset\b|ref(?:erence)? scan",
        ),
        ("bolus timing", r"care ?bolus|smart ?prep|bolus ?tra[ck]|test ?bolus|bolus ?detect|fluoro|timing bolus"),
        ("subtraction", r"\bsub(?:s|tr\w*)?\b"),
        ("projection (MIP)", r"\bmip\b|\bminip\b|\bvrt?\b"),
        ("reformatted (MPR)", r"\bmpr\b|reformat\w*"),
        ("diffusion or its map", r"\badc\b|\bdwi\b|diff\w*|\btrace\w*|\bb ?\d{2,4}\b"),
        (
            "another contrast than T1",
            r"(?:^|[^a-z0-9])t2(?![a-z]*[ _-]?star)|haste|ssfse|trufi|fiesta|b?ssfp|mrcp|flair",
        ),
        ("parameter map", r"\b(?:t1|t2|r2|ff|pdff?)[ _]?(?:map|star|\*)|fat ?frac\w*|\bsynt\w*"),
    )
)
_DIXON = (
    ("Dixon fat image", {"F", "FAT"}, r" f$|\bfat(?: only)?(?:$|:)|\bdixon f\b"),
    ("Dixon opposed-phase image", {"OP", "OUT_PHASE", "OPP_PHASE", "OUT", "OPPOSED"}, r"\bopp\w*|\bout ?ph\w*"),
    ("Dixon in-phase image", {"IP", "IN_PHASE", "IN"}, r" in$|\bin ?ph\w*"),
)


def sort_out(volumes: Sequence[TimePoint]) -> tuple[list[TimePoint], list[tuple[TimePoint, str]]]:
    """Split volumes into candidates for a phase and those set aside.

    Returns:
        Candidates, and (volume, reason) of the others. Dixon's fat, in- and opposed-phase images are candidates only
        where nothing better is there.
    """
    candidates, aside = [], []
    for volume in volumes:
        reason = _reason(volume)
        if reason:
            aside.append((volume, reason))
        else:
            candidates.append(volume)
    lesser = [(volume, reason) for volume in candidates if (reason := _dixon_reason(volume))]
    if len(lesser) < len(candidates):
        unwanted = {id(volume) for volume, _ in lesser}
        candidates = [volume for volume in candidates if id(volume) not in unwanted]
        aside += lesser
    return candidates, aside


def _reason(volume: TimePoint) -> str | None:
    frame, text = volume.frames[0], volume.file.description.casefold().replace("_", " ")
    words = set(frame.image_type)
    for reason, kinds in _BY_IMAGE_TYPE:
        if words & kinds:
            return reason
    for reason, pattern in _BY_DESCRIPTION:
        if pattern.search(text):
            return reason
    if frame.component in ("P", "R", "I"):
        return "phase, real or imaginary image"
    if (frame.b_value or 0) > 0:
        return "diffusion or its map"
    if any(word in ("EP", "EPI") for word in frame.file.sequence):
        return "echo-planar sequence, no T1 dynamic"
    return None


def _dixon_reason(volume: TimePoint) -> str | None:
    words, text = set(volume.frames[0].image_type[2:]), re.sub(r"[_\-]+", " ", volume.file.description.casefold())
    for reason, kinds, pattern in _DIXON:
        if words & kinds or re.search(pattern, text):
            return reason
    return None

"""Whatever else an exam's folder holds: series that are no phase, made of the study's own images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from .series import Moment, Series

SPIN_ECHO, DIFFUSION = ("SE", ("SK", "SP")), ("EP", ("SK",))


def _localiser(main: Sequence[Series]) -> list[Series]:
    """Three coarse slices from before the examination."""
    first, series = main[0].moments[0], main[0]
    chosen = np.arange(3) * ((first.image.shape[2] - 1) // 2)
    affine = series.affine @ np.diag([2.0, 2.0, chosen[1], 1.0])
    image_type = ("ORIGINAL", "PRIMARY", "LOCALIZER")
    return [_single(series, 1, "localizer", first.image[::2, ::2, chosen], affine=affine, image_type=image_type)]


def _t2(main: Sequence[Series]) -> list[Series]:
    """Bright where T1 is dark."""
    image = main[0].moments[0].image
    inverted = np.where(image > 0.15 * image.max(), image.max() - image, image)
    return [_single(main[0], 2, "t2_haste_tra_mbh", inverted, sequence=SPIN_ECHO, repetition_ms=1400.0, echo_ms=92.0)]


def _diffusion(main: Sequence[Series]) -> list[Series]:
    """Two b-values in one series, and the map that the scanner computes of them."""
    series, image = main[0], main[0].moments[0].image[::2, ::2]
    affine = series.affine @ np.diag([2.0, 2.0, 1.0, 1.0])
    timing = {"sequence": DIFFUSION, "repetition_ms": 5600.0, "echo_ms": 62.0, "affine": affine}
    b50 = _single(series, 3, "ep2d_diff_b50_800_tra", image, image_type=("ORIGINAL", "PRIMARY", "DIFFUSION"), **timing)
    b800 = replace(b50, b_value=800.0, moments=(replace(b50.moments[0], image=image // 3),))
    image_type = ("DERIVED", "PRIMARY", "DIFFUSION", "ADC")
    return [
        replace(b50, b_value=50.0),
        b800,
        _single(series, 4, "ep2d_diff_ADC", image, image_type=image_type, **timing),
    ]


def _dual_echo(main: Sequence[Series]) -> list[Series]:
    """In- and opposed-phase images from before the injection: T1-weighted, yet no phase of the dynamic."""
    series, image = main[0], main[0].moments[0].image
    opposed = _single(series, 12, "t1_fl2d_opp-in_tra", image * 4 // 5, repetition_ms=120.0, echo_ms=1.23)
    inside = _single(series, 12, "t1_fl2d_opp-in_tra", image, repetition_ms=120.0, echo_ms=2.46)
    return [opposed, inside]


def _bolus_timing(main: Sequence[Series]) -> list[Series]:
    """One thick slice, over and over, to catch the bolus."""
    series, moment = main[0], main[0].moments[-1]
    middle = moment.image[:, :, moment.image.shape[2] // 2][:, :, None]
    moments = tuple(Moment("timing", -20.0 + 2 * k, middle) for k in range(5))
    return [replace(series, number=13, description="care_bolus_cor", moments=moments, contrast_agent="")]


def _subtraction(main: Sequence[Series]) -> list[Series]:
    """Enhanced minus first, which scanners compute on their own."""
    moments = [moment for series in main for moment in series.moments]
    if len(moments) < 2:
        return []
    image = np.maximum(moments[1].image.astype(int) - moments[0].image, 0)
    base = replace(main[-1], moments=(moments[1],))
    return [_derived(base, 30, "_SUB", image, "SUBTRACT")]


def _projection(main: Sequence[Series]) -> list[Series]:
    """Maximum of neighbouring slices."""
    moment = main[-1].moments[-1]
    image = np.maximum(moment.image, np.roll(moment.image, 1, axis=2))
    return [_derived(replace(main[-1], moments=(moment,)), 31, "_MIP_THIN", image, "MIP")]


def _reformatted(main: Sequence[Series]) -> list[Series]:
    """The last moment cut the other way."""
    moment, affine = main[-1].moments[-1], main[-1].affine
    image, affine = moment.image.transpose(0, 2, 1), affine[:, [0, 2, 1, 3]]
    return [_derived(replace(main[-1], moments=(moment,), affine=affine), 32, "_MPR_cor", image, "MPR")]


def _dixon(main: Sequence[Series]) -> list[Series]:
    """Fat and opposed-phase images of every moment: in the same series where one holds them all, else beside it."""
    same = len(main) == 1
    parts = []
    for series in main:
        for k, (word, suffix, echo_ms) in enumerate((("FAT", "_F", 1.4), ("OPP_PHASE", "_opp", 1.2)), start=1):
            moments = tuple(replace(m, image=_other_contrast(m.image, word)) for m in series.moments)
            text = series.description if same or series.description is None else series.description + suffix
            kind = ("DERIVED", "PRIMARY", "DIXON", word)
            number = series.number if same else 40 + 2 * series.number + k
            parts.append(
                replace(series, number=number, description=text, moments=moments, image_type=kind, echo_ms=echo_ms)
            )
    return parts


def _other_contrast(image: np.ndarray, word: str) -> np.ndarray:
    return image * 9 // 10 if word == "OPP_PHASE" else np.where(image < 0.25 * image.max(), 2 * image, image // 10)


def _single(series: Series, number: int, description: str, image: np.ndarray, **different) -> Series:
    """A series from before the examination that shares only its place with the dynamic."""
    moment = Moment(description, -600.0 + 10 * number, image)
    settings = {"number": number, "description": description, "moments": (moment,), "contrast_agent": ""}
    return replace(series, **settings, **different)


def _derived(series: Series, number: int, suffix: str, image: np.ndarray, word: str) -> Series:
    """Computed from acquired images: has their times."""
    moments = (replace(series.moments[0], image=image),)
    text = None if series.description is None else series.description + suffix
    kind = ("DERIVED", "SECONDARY", word)
    return replace(series, number=number, description=text, moments=moments, image_type=kind)


DISTRACTORS: Final[dict[str, Callable[[Sequence[Series]], list[Series]]]] = {
    "localiser": _localiser,
    "t2": _t2,
    "diffusion": _diffusion,
    "dual echo": _dual_echo,
    "bolus timing": _bolus_timing,
    "subtraction": _subtraction,
    "projection": _projection,
    "reformatted": _reformatted,
    "dixon": _dixon,
}
"""Name → the series that are written beside those of the dynamic."""

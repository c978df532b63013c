"""Hospitals of the phantom: what the examinations of one have in common, as in studies with several sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...types import InputError

Span = tuple[float, float]


@dataclass(frozen=True)
class Site:
    """The ranges that a site's examinations are drawn from.

    Args:
        arterial_s, portal_venous_s, delayed_s: times after the start of injection.
        snr: pre-contrast liver signal over the standard deviation of the noise.
        gain: raw units per signal unit.
    """

    arterial_s: Span = (28.0, 42.0)
    portal_venous_s: Span = (60.0, 85.0)
    delayed_s: Span = (120.0, 300.0)
    snr: Span = (12.0, 30.0)
    gain: Span = (2.0, 12.0)


SITES: Final[dict[str, Site]] = {
    "any": Site(),
    "early": Site(
        arterial_s=(28.0, 34.0),
        portal_venous_s=(60.0, 70.0),
        delayed_s=(120.0, 190.0),
        snr=(22.0, 30.0),
        gain=(2.0, 4.0),
    ),
    "late": Site(
        arterial_s=(35.0, 42.0),
        portal_venous_s=(74.0, 85.0),
        delayed_s=(210.0, 300.0),
        snr=(12.0, 17.0),
        gain=(6.0, 12.0),
    ),
}
"""``any`` varies as much as all sites together; ``early`` scans soon, with little noise and gain; ``late`` does not."""


def get_site(name: str | Site) -> Site:
    """The site called ``name``, or an `InputError` that lists those there are; a site of one's own as it is."""
    if isinstance(name, Site):
        return name
    if name not in SITES:
        raise InputError(
            found=repr(name),
            expected=f"one of {', '.join(SITES)}",
            where="phantom --site",
            remedy="Choose one of them.",
        )
    return SITES[name]

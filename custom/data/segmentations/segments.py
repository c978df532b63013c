"""The segments of a file: what they are called, and which of them are tumour or liver."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...types import InputError

LESION_CODES = frozenset(
    {
        *("SCT:108369006", "SCT:4147007", "SRT:M-03000", "SCT:52988006", "SRT:M-01100"),  # neoplasm, mass, lesion
        *("SCT:86049000", "SRT:M-80003", "SCT:14799000", "SRT:M-80006"),  # primary, secondary
        *("SCT:25370001", "SCT:109841003", "SCT:400210000"),  # hepatocellular carcinoma, hemangioma
    }
)
LIVER_CODES = frozenset({"SCT:10200004", "SRT:T-62000"})

_LESION_WORDS = re.compile(
    r"tumou?r|lesion|mass(?![a-z])|neoplas|carcinom|cancer|metasta|(?<![a-z])(?:hcc|fnh|icc|met)(?![a-z])|h(?:a|ä)?emangiom"
    r"|adenom|cyst|läsion|lésion|肿瘤|病灶|腫瘍|病変|종양"
)
_LIVER_WORDS = re.compile(r"(?<![a-z])(?:liver|leber|foie|h[ií]gado|fegato|hepar)|肝")
_NAMELESS = re.compile(r"(?:segment|label|roi|mask|segmentation)?[ _-]*\d*")


@dataclass(frozen=True)
class Segment:
    """One segment of a file.

    Args:
        number: SegmentNumber of a DICOM SEG, place (from 1) in a NRRD file, value of a plain label map.
        label: its name, empty where the format has none.
        codes: ``"SCT:10200004"``, coded category and type: what it is, not where.
        layer, value: where a NRRD file keeps it.
    """

    number: int
    label: str = ""
    codes: tuple[str, ...] = ()
    layer: int = 0
    value: int = 1

    @property
    def is_lesion(self) -> bool:
        """Whether its name or code says tumour; "liver tumour" does."""
        return bool(_LESION_WORDS.search(self.label.casefold())) or not LESION_CODES.isdisjoint(self.codes)

    @property
    def is_liver(self) -> bool:
        """Whether its name or code says liver, and not a tumour of it."""
        said = bool(_LIVER_WORDS.search(self.label.casefold())) or not LIVER_CODES.isdisjoint(self.codes)
        return said and not self.is_lesion

    @property
    def is_nameless(self) -> bool:
        """Whether its name says nothing, such as Slicer's "Segment_1"."""
        return _NAMELESS.fullmatch(self.label.casefold().strip()) is not None

    def __str__(self) -> str:
        return f"{self.number} {self.label!r}" if self.label else str(self.number)


def parse_reference(text: str) -> tuple[str, dict[str, int]]:
    """A mask as a datalist names it → path, and the chosen segments with the label value of each.

    ``"seg.dcm"``, ``"seg.dcm@Tumour"``, ``"seg.dcm@1,3"``, ``"seg.nrrd@hemangioma=1,HCC=2"``, ``"mask.nii.gz@2"``.

    Raises:
        InputError: a value that is no whole number from 1 to 255.
    """
    path, mark, chosen = text.rpartition("@")
    if not mark or "/" in chosen or not chosen.strip():
        return text, {}
    values = {}
    for part in chosen.split(","):
        name, equals, value = part.rpartition("=")
        if equals and not (value.strip().isdecimal() and 1 <= int(value) <= 255):
            raise InputError(
                found=f"the label value {value.strip()!r}",
                expected="a whole number from 1 to 255 behind each segment, such as @HCC=2",
                where=text.replace("\\", "/").rpartition("/")[2],
                remedy="Correct the entry.",
            )
        values[(name if equals else part).strip()] = int(value) if equals else 1
    return path, values


def choose_segments(
    segments: Sequence[Segment], wanted: Mapping[str, int], *, purpose: str, where: str
) -> list[tuple[Segment, int]]:
    """The segments to read, each with its label value, in the order in which they count.

    Args:
        segments: of the file.
        wanted: ``{number or label: value}``; empty to go by names and codes.
        purpose: ``"label"`` (tumour) or ``"liver"``.
        where: the file, for messages.

    Raises:
        InputError: a segment that is not there, or none that says what is asked for.
    """
    if wanted:
        return [(segment, value) for name, value in wanted.items() for segment in _named(name, segments, where)]
    if purpose == "liver":
        chosen = [segment for segment in segments if segment.is_liver]
    else:
        chosen = [segment for segment in segments if segment.is_lesion]
    if not chosen and len(segments) == 1 and segments[0].is_nameless:
        chosen = list(segments)
    if not chosen:
        raise InputError(
            found=f"segments {', '.join(map(str, segments)) or 'none'}",
            expected=f"one that its name or code calls {'liver' if purpose == 'liver' else 'tumour or lesion'}",
            where=where,
            remedy="Name it behind the path: file@2, file@2,3 or file@Name.",
        )
    return [(segment, 1) for segment in chosen]


def _named(name: str, segments: Sequence[Segment], where: str) -> list[Segment]:
    matches = [s for s in segments if s.label.strip().casefold() == name.casefold()] if name else []
    matches = matches or [s for s in segments if name.isdecimal() and s.number == int(name)]
    if not matches:
        raise InputError(
            found=f"no segment {name!r}; there are {', '.join(map(str, segments)) or 'none'}",
            expected="the number or the name of a segment",
            where=where,
            remedy="Correct what stands behind the @.",
        )
    return matches

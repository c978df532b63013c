"""Which phase a file name or a series description speaks of, in several languages.

A name is evidence, not proof: headers are often wrong, so for DICOM it is weighed against times and image.
"""

from __future__ import annotations

import re

OTHER = "other"
"""What a name says that speaks of a further phase: hepatobiliary, transitional, subtraction and the like."""

# Word ends: letters and digits end a word only where another kind of character follows; CJK has no word ends.
_START, _END = r"(?<![a-z0-9+])", r"(?![a-z0-9])"

# Longer phrases come first and are cut out of the text, so that "late arterial" does not also read as "late".
_PATTERNS: tuple[tuple[str, str], ...] = (
    (OTHER, r"hepatobil\w*|hbp|hepatospez\w*|transition\w*|hepatocyt\w*|(?:10|15|20|30) ?min\w*|肝胆\w*|肝細胞\w*"),
    ("arterial", r"(?:late|early|fr(?:ü|ue)h|sp(?:ä|ae)t|tardive?|pr[ée]coce)[ \-]?(?:hepatic )?art\w*"),
    ("arterial", r"art\w* (?:tard\w*|pr[ée]c\w*|temprana|precoce)"),
    ("portal_venous", r"porto?[ \-]?v\w*|portal\w*|porta|pvp?|p[ \-]?ven\w*|(?:late|early|sp(?:ä|ae)t) ?ven\w*|c\+v"),
    ("arterial", r"arter\w*|art\d?|hap|c\+a"),
    ("delayed", r"delay\w*|del\d?|c\+del\w*|equil\w*|[äa]quil\w*|[ée]quil\w*|late|sp(?:ä|ae)t\w*|tard\w*|ritard\w*"),
    ("portal_venous", r"ven|venous|ven(?:ö|oe)s\w*|veineu\w*|venos\w*"),
    ("pre", r"pre(?:[ \-]?(?:c|con\w*|gd|gad\w*|km|kontrast\w*|inj\w*|iv))?|c[ \-]?pre|nativ\w*|natif|plain|unenh\w*"),
    ("pre", r"non?[ \-]?con\w*|without|w/?o|sans|sin|senza|ohne|basal\w*|unenhanced|mask phase"),
    ("arterial", r"early|fr(?:ü|ue)h\w*"),
)
_CJK: tuple[tuple[str, str], ...] = (
    ("portal_venous", r"门静?脉期?|門脈相?|靜脈期|静脉期|문맥기?"),
    ("arterial", r"(?:早期|晚期)?动脉(?:早|晚)?期?|動脈相?|동맥기?"),
    ("delayed", r"延迟期?|平衡期|平衡相|遅延相|지연기?"),
    ("pre", r"平扫|造影前|単純|조영전"),
)
_COMPILED = tuple((phase, re.compile(_START + f"(?:{pattern})" + _END)) for phase, pattern in _PATTERNS)
_COMPILED += tuple((phase, re.compile(pattern)) for phase, pattern in _CJK)
_MINUS = re.compile(r"(?<![a-z0-9])c-(?![a-z0-9])")  # "C-", without contrast
_SECONDS = re.compile(r"(?<![a-z0-9])(\d{1,3}) ?s(?:ec\w*|ek\w*)?(?![a-z0-9])")
_MINUTES = re.compile(r"(?<![a-z0-9])(\d{1,2}) ?min\w*(?![a-z0-9])")

MASK_WORD = re.compile(r"(?:tumou?r|label|mask|seg|lesion|liver)")
"""How a word begins that names a mask."""


def phases_in_text(text: str) -> set[str]:
    """Phases that a name speaks of.

    Args:
        text: file stem or SeriesDescription.

    Returns:
        Names from ``PHASES``, and ``OTHER`` for a further phase; empty when it says nothing.
    """
    rest = re.sub(r"[_.,;:()\[\]/]+", " ", text.casefold().replace("w/o", "without"))
    found = {"pre"} if _MINUS.search(rest) else set()
    for phase, pattern in _COMPILED:
        rest, count = pattern.subn(" ", rest)
        if count:
            found.add(phase)
    return found or _phases_by_stated_time(rest)


def _phases_by_stated_time(text: str) -> set[str]:
    """Phases by a time after injection in the name, e.g. ``70 s`` or ``3 min`` (LI-RADS windows)."""
    times_s = [int(t) for t in _SECONDS.findall(text)] + [60 * int(t) for t in _MINUTES.findall(text)]
    windows = (("arterial", 15, 45), ("portal_venous", 55, 90), ("delayed", 120, 330))
    return {phase for time_s in times_s for phase, first, last in windows if first <= time_s <= last}


def is_mask_name(stem: str) -> bool:
    """Whether a NIfTI file's stem names a mask (``tumour*``, ``rater1_tumor1``, ``c01_mask``), never a phase."""
    words = [word for word in re.split(r"[^0-9a-z]+", stem.casefold()) if word]
    return any(MASK_WORD.match(word) for word in (words[:1] + words[-1:]))


def distinct_stems(stems: list[str]) -> list[str]:
    """The parts in which file stems of one study differ: words that all share (case, study number) are cut off."""
    words = [re.split(r"[_\s.]+", stem) for stem in stems]
    if len(words) < 2:
        return [" ".join(word) for word in words]
    head = _shared(words)
    tail = _shared([word[head:][::-1] for word in words])
    parts = [" ".join(word[head : len(word) - tail]) for word in words]
    return parts if all(parts) else [" ".join(word) for word in words]


def _shared(words: list[list[str]]) -> int:
    """Number of first words that are the same in all lists."""
    count = 0
    for column in zip(*words, strict=False):
        if len(set(column)) > 1:
            break
        count += 1
    return count

"""Which phase a file name or a series description speaks of, in several languages.

A name is evidence, not proof: headers are often wrong, so for DICOM it is weighed against times and image.
"""

from __future__ import annotations

import re
import unicodedata

OTHER = "other"
"""What a name says that speaks of a further phase: hepatobiliary, transitional, subtraction and the like."""

# Word ends: letters and digits end a word only where another kind of character follows; CJK has no word ends.
_START, _END = r"(?<![a-z0-9+])", r"(?![a-z0-9])"

# Longer phrases come first and are cut out of the text, so that "late arterial" does not also read as "late".
_ARTERIAL = r"(?:art|arter\w*|art[ée]r\w*|t[ęe]tnicz\w*|артериальн\w*)"
_EARLY = r"(?:early|fr(?:ü|ue)h\w*|vroeg\w*|wczesn\w*|erken|ранн\w*|pr[ée]co[czs]\w*|tempran\w*)"
_LATE = r"(?:late|sp(?:ä|ae)t\w*|tard\w*|ritard\w*|laat\w*|p[óo][źz]n\w*|ge[çc]|поздн\w*)"
_PATTERNS: tuple[tuple[str, str], ...] = (
    (OTHER, r"h?epatob[iy]l\w*|hbp|(?:hepato|leber)spez\w*|transition\w*|hepatocyt\w*|гепатобил\w*"),
    (OTHER, r"(?:10|15|20|30) ?min\w*"),
    ("arterial", rf"(?:{_EARLY}|{_LATE})[ \-]?(?:hepatic )?{_ARTERIAL}|{_ARTERIAL}[ \-]?(?:{_EARLY}|{_LATE})"),
    ("portal_venous", rf"(?:{_EARLY}|{_LATE}) ?ven\w*|p[ \-]?ven\w*|c\+v"),
    ("portal_venous", r"porto?[ \-]?v\w*|portal\w*|porta|pvp?|wrotn\w*|портальн\w*|воротн\w*"),
    ("arterial", rf"{_ARTERIAL}|art\d|hap|c\+a"),
    ("delayed", rf"{_LATE}|delay\w*|del\d?|c\+del\w*|[eéä]quil\w*|отсроч\w*|равновес\w*|opó[źz]n\w*"),
    ("portal_venous", r"ven|venous|ven(?:ö|oe)s\w*|veineu\w*|venos\w*|veneu\w*|[żz]yln\w*|венозн\w*"),
    ("pre", r"pre(?:[ \-]?(?:c|con\w*|gd|gad\w*|km|kontrast\w*|inj\w*|iv))?|c[ \-]?pre|non?[ \-]?con\w*|mask phase"),
    ("pre", r"nativ\w*|natif|plain|unenh\w*|basal\w*|blanco|without|w/?o|sans|sin|sem|senza|ohne|zonder|bez|без"),
    ("pre", r"kontrasts[ıi]z|натив\w*"),
    ("arterial", _EARLY),
)
_CJK: tuple[tuple[str, str], ...] = (
    (OTHER, r"肝胆\w*|肝細胞\w*|간담도기?|移行期|이행기"),
    ("portal_venous", r"门静?脉期?|門脈相?|靜脈期|静脉期|문맥기?"),
    ("arterial", r"(?:早期|晚期|後期|조기|후기)?(?:动脉|動脈|동맥)(?:早|晚)?[期相기]*"),
    ("delayed", r"延迟期?|平衡[期相]|[遅後]延?[期相]|지연기?"),
    ("pre", r"平扫|造影前|增强前|単純|조영전"),
)
_COMPILED = tuple((phase, re.compile(_START + f"(?:{pattern})" + _END)) for phase, pattern in _PATTERNS)
_COMPILED += tuple((phase, re.compile(pattern)) for phase, pattern in _CJK)
_EARLY_ARTERIAL = re.compile(
    rf"{_EARLY}[ \-]?(?:hepatic )?{_ARTERIAL}|{_ARTERIAL}[ \-]?{_EARLY}|(?:早期|조기)(?:动脉|動脈|동맥)|动脉早"
)
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
    rest = _plain(text)
    found = {"pre"} if _MINUS.search(rest) else set()
    for phase, pattern in _COMPILED:
        rest, count = pattern.subn(" ", rest)
        if count:
            found.add(phase)
    return found or _phases_by_stated_time(rest)


def speaks_of_early(text: str) -> bool:
    """Whether a name says that it is an early arterial phase, of which the late one is the better."""
    return bool(_EARLY_ARTERIAL.search(_plain(text)))


def _plain(text: str) -> str:
    """Lower case, composed letters, blanks for what separates words."""
    folded = unicodedata.normalize("NFC", text).casefold().replace("w/o", "without")
    return re.sub(r"[_.,;:()\[\]/]+", " ", folded)


def _phases_by_stated_time(text: str) -> set[str]:
    """Phases by a time after injection in the name, e.g. ``70 s`` or ``3 min`` (LI-RADS windows)."""
    times_s = [int(t) for t in _SECONDS.findall(text)] + [60 * int(t) for t in _MINUTES.findall(text)]
    windows = (("arterial", 15, 45), ("portal_venous", 55, 90), ("delayed", 120, 330), (OTHER, 360, 6000))
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

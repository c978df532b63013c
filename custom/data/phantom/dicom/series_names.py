"""What technologists write into SeriesDescription: in several languages, by seconds, by number, or nothing at all."""

from __future__ import annotations

from typing import Final

_TABLE = """
 | pre | arterial | portal_venous | delayed | early arterial | late delayed | hepatobiliary
english | pre | arterial | portal venous | delayed | early arterial | delayed 8min | HBP 20min
english short | PRE CON | ART | PV | DEL 3MIN | ART EARLY | DEL 7MIN | HEPATOBIL
german | nativ | art | pv | 3min | frueh_art | 8min | leberspez_20min
german long | ohne KM | arteriell | portalvenös | Spätphase | früharteriell | spät 2 | hepatobiliär
french | SANS INJ | ART | PORTAL | TARDIF | ART PRECOCE | TARDIF 8MN | HEPATOBILIAIRE
spanish | SIN CONTRASTE | ARTERIAL | PORTAL | TARDIA | ART PRECOZ | TARDIA 2 | HEPATOBILIAR
italian | basale | arteriosa | portale | tardiva | arteriosa precoce | tardiva 2 | epatobiliare
portuguese | sem contraste | arterial | portal | equilibrio | arterial precoce | tardio | hepatobiliar
dutch | blanco | arterieel | portoveneus | laat | vroeg arterieel | laat 2 | hepatobiliair
polish | bez kontrastu | tetnicza | wrotna | pozna | wczesna tetnicza | pozna 2 | hepatobil
turkish | kontrastsız | arteriyel | portal | geç | erken arteriyel | geç 2 | hepatobiliyer
russian | нативная | артериальная | портальная | отсроченная | ранняя артериальная | поздняя | гепатобилиарная
chinese | 平扫 | 动脉期 | 门脉期 | 延迟期 | 动脉早期 | 延迟期2 | 肝胆期
japanese | 造影前 | 動脈相 | 門脈相 | 平衡相 | 早期動脈相 | 後期相 | 肝細胞相
korean | 조영전 | 동맥기 | 문맥기 | 지연기 | 조기동맥기 | 지연기2 | 간담도기
"""
_HEAD, *_ROWS = ([cell.strip() for cell in line.split("|")] for line in _TABLE.strip("\n").splitlines())
_WORDS: Final = {language: dict(zip(_HEAD[1:], words, strict=True)) for language, *words in _ROWS}
LANGUAGES: Final = tuple(_WORDS)
SECONDS, NUMBERED, IDENTICAL, MISSING = "seconds", "numbered", "identical", "missing"


def series_description(naming: str, sequence: str, *, moment: str, time_s: float, number: int) -> str | None:
    """SeriesDescription of one moment in a series of its own.

    Args:
        naming: one of `LANGUAGES`, or `SECONDS` after injection, `NUMBERED`, `IDENTICAL`, `MISSING`.
        sequence: the vendor's word for the sequence.
        moment: a phase's name, or a further moment's.
        time_s: after the injection.
        number: which moment it is, from 1.

    Returns:
        The text, or ``None`` for an empty attribute.
    """
    if naming == MISSING:
        return None
    if naming == NUMBERED:
        return f"{sequence} {number}"
    if naming == SECONDS:
        return f"{sequence} {_rounded(time_s)}"
    word = _WORDS.get(naming, {}).get("pre" if moment == "second pre" else moment)
    return sequence if word is None else f"{sequence}_{word}"


def _rounded(time_s: float) -> str:
    """As people say it: ``pre``, ``35s``, ``3min``."""
    if time_s < 0:
        return "pre"
    return f"{5 * round(time_s / 5)}s" if time_s < 100 else f"{max(2, round(time_s / 60))}min"

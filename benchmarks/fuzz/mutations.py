"""Damage of every kind that a file meets: bits, bytes, blocks, ends, and header fields changed on purpose."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .nrrd_damage import NRRD_CHANGES

_LONG_VR = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UR", b"UT", b"UN", b"SV", b"UV")
_TEXT_VALUES = (
    *(
        b"",
        b"0",
        b"-1",
        b"1",
        b"7",
        b"1e308",
        b"-1e308",
        b"nan",
        b"inf",
        b"abc",
        b"9" * 16,
        b"1\\2\\3",
        b"0.0",
        b"1e-300",
    ),
    *(
        b"../../../../etc/passwd",
        b"C:\\..\\x",
        b"%n%s%x",
        b"\x1b]0;x\x07",
        b"\xff\xfe\xfd",
        b"A" * 5000,
        b"1.2.840." * 40,
    ),
    *(
        b"20250101",
        b"99999999",
        b"246060.99",
        b"-0.5",
        b"3\\3",
        b"1\\0\\0\\0\\1\\0",
        b"0\\0\\0\\0\\0\\0",
        b"nan\\nan\\nan",
    ),
)
_INTEGERS = (0, 1, 2, 7, 8, 15, 16, 255, 256, 32767, 32768, 65534, 65535)
_FLOATS = (0.0, -1.0, 1e-38, 1e38, -1e38, float("nan"), float("inf"), 0.5, 1e6)
_LENGTHS = (0, 1, 2, 7, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_NIFTI_FIELDS = (
    *(("i", 0), ("h", 40), ("h", 42), ("h", 44), ("h", 46), ("h", 48), ("h", 70), ("h", 72), ("f", 76), ("f", 80)),
    *(("f", 84), ("f", 88), ("f", 92), ("f", 108), ("f", 112), ("f", 116), ("b", 123), ("h", 252), ("h", 254)),
    *(("f", 256), ("f", 260), ("f", 264), ("f", 268), ("f", 276), ("f", 280), ("f", 300), ("f", 320), ("f", 324)),
    *(("i", 344), ("i", 348)),
)


@dataclass(frozen=True)
class Element:
    """Where one element of an explicit little-endian data set lies: its length field and its value."""

    tag: tuple[int, int]
    vr: bytes
    start: int
    length_at: int
    length_size: int
    value_at: int
    length: int


def mutate(content: bytes, name: str, rng: np.random.Generator) -> tuple[bytes, str]:
    """Damage one file's content once or, rarely, a few times; returns it and what was done."""
    if name.endswith(".gz") and rng.random() < 0.7:  # behind the compression
        inner, done = mutate(gzip.decompress(content), name.removesuffix(".gz"), rng)
        return gzip.compress(inner, 1, mtime=0), f"inside gzip: {done}"
    kinds = [*_ANY, *(_NIFTI if ".nii" in name else NRRD_CHANGES if name.endswith(".nrrd") else _DICOM)]
    done = []
    for _ in range(1 if rng.random() < 0.85 else int(rng.integers(2, 5))):
        change = kinds[int(rng.integers(len(kinds)))]
        content = change(content, rng)
        done.append(change.__name__.strip("_").replace("_", " "))
    return content, " + ".join(done)


def _place(content: bytes, rng: np.random.Generator) -> int:
    """Anywhere, but half of the time near the beginning, where the header is."""
    last = len(content) if rng.random() < 0.5 else min(len(content), 2500)
    return int(rng.integers(max(1, last)))


def _flip_bits(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        data[_place(content, rng) % len(data)] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _flip_one_bit(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    data[_place(content, rng) % len(data)] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _noise(content: bytes, rng: np.random.Generator) -> bytes:
    start, count = _place(content, rng), int(rng.integers(1, 64))
    return content[:start] + rng.bytes(count) + content[start + count :]


def _truncate(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: _place(content, rng)]


def _zero_block(content: bytes, rng: np.random.Generator) -> bytes:
    start, count = _place(content, rng), int(rng.integers(1, 600))
    return content[:start] + bytes(len(content[start : start + count])) + content[start + count :]


def _remove_block(content: bytes, rng: np.random.Generator) -> bytes:
    start, count = _place(content, rng), int(rng.integers(1, 300))
    return content[:start] + content[start + count :]


def _double_block(content: bytes, rng: np.random.Generator) -> bytes:
    start, count = _place(content, rng), int(rng.integers(1, 300))
    return content[: start + count] + content[start:]


def _append(content: bytes, rng: np.random.Generator) -> bytes:
    return content + rng.bytes(int(rng.integers(1, 5000)))


def _change_value(content: bytes, rng: np.random.Generator) -> bytes:
    """Another value in one element, with a length to match."""
    element = _any_element(content, rng)
    if element is None:
        return _flip_bits(content, rng)
    if element.vr in (b"US", b"SS", b"UL", b"SL", b"FL", b"FD"):
        form = {b"US": "<H", b"SS": "<h", b"UL": "<I", b"SL": "<i", b"FL": "<f", b"FD": "<d"}[element.vr]
        pool = _FLOATS if element.vr in (b"FL", b"FD") else _INTEGERS
        value = pool[int(rng.integers(len(pool)))]
        value = struct.pack(form, value if form != "<h" else min(value, 32767))
    else:
        value = _TEXT_VALUES[int(rng.integers(len(_TEXT_VALUES)))]
        value += b" " * (len(value) % 2)
    limit = 0xFFFF if element.length_size == 2 else 0xFFFFFFFF
    head = content[: element.length_at] + min(len(value), limit).to_bytes(element.length_size, "little")
    return head + value + content[element.value_at + element.length :]


def _change_a_digit(content: bytes, rng: np.random.Generator) -> bytes:
    """One digit of a number written as text."""
    element = _any_element(content, rng, (b"DS", b"IS", b"TM", b"DT", b"DA", b"UI", b"SH", b"LO", b"CS"))
    digits = (
        [i for i in range(element.value_at, element.value_at + element.length) if content[i : i + 1].isdigit()]
        if element
        else []
    )
    if not digits:
        return _change_value(content, rng)
    data = bytearray(content)
    data[digits[int(rng.integers(len(digits)))]] = 48 + int(rng.integers(10))
    return bytes(data)


def _remove_element(content: bytes, rng: np.random.Generator) -> bytes:
    element = _any_element(content, rng)
    return content if element is None else content[: element.start] + content[element.value_at + element.length :]


def _swap_values(content: bytes, rng: np.random.Generator) -> bytes:
    """One element's bytes in another one's place."""
    first, second = _any_element(content, rng), _any_element(content, rng)
    if first is None or second is None:
        return _flip_bits(content, rng)
    value = content[second.value_at : second.value_at + min(second.length, 2000)]
    head = content[: first.length_at] + min(len(value), 0xFFFF).to_bytes(first.length_size, "little")
    return head + value + content[first.value_at + first.length :]


def _change_length(content: bytes, rng: np.random.Generator) -> bytes:
    """A length field that does not fit its value."""
    element = _any_element(content, rng)
    if element is None:
        return _flip_bits(content, rng)
    near = element.length + int(rng.integers(-8, 9))
    length = _LENGTHS[int(rng.integers(len(_LENGTHS)))] if rng.random() < 0.5 else max(0, near)
    length &= 0xFFFF if element.length_size == 2 else 0xFFFFFFFF
    field = length.to_bytes(element.length_size, "little")
    return content[: element.length_at] + field + content[element.length_at + element.length_size :]


def _change_vr(content: bytes, rng: np.random.Generator) -> bytes:
    element = _any_element(content, rng)
    if element is None:
        return _flip_bits(content, rng)
    vrs = (b"UN", b"SQ", b"OB", b"DS", b"US", b"UI", b"XX", b"\0\0", b"LO", b"FL")
    return content[: element.start + 4] + vrs[int(rng.integers(len(vrs)))] + content[element.start + 6 :]


def _change_header_field(content: bytes, rng: np.random.Generator) -> bytes:
    form, at = _NIFTI_FIELDS[int(rng.integers(len(_NIFTI_FIELDS)))]
    data = bytearray(content)
    if at + 4 > len(data):
        return _flip_bits(content, rng)
    if form == "f":
        now = struct.unpack_from("<f", data, at)[0]
        pool = (*_FLOATS, -now, now * 1.1, now * 10, now + 1)
        with np.errstate(over="ignore"):
            struct.pack_into("<f", data, at, np.float32(pool[int(rng.integers(len(pool)))]))
    else:
        pool = (*_INTEGERS[:9], -1, -7, 3, 4, 5, 64, 128, 512, 1024, 2304, 32767, -32768)
        value = pool[int(rng.integers(len(pool)))]
        struct.pack_into("<" + form, data, at, max(-128, min(127, value)) if form == "b" else value)
    return bytes(data)


def _any_element(content: bytes, rng: np.random.Generator, vrs: tuple[bytes, ...] | None = None) -> Element | None:
    elements = [e for e in dicom_elements(content) if vrs is None or e.vr in vrs]
    return elements[int(rng.integers(len(elements)))] if elements else None


def dicom_elements(content: bytes) -> list[Element]:
    """All elements of an explicit little-endian file, those inside sequences too; what cannot be walked is left out."""
    if content[128:132] != b"DICM":
        return []
    found: list[Element] = []
    _walk(content, 132, len(content), found)
    return found


def _walk(content: bytes, at: int, end: int, found: list[Element]) -> int:
    while at + 8 <= end and len(found) < 20_000:
        group, number = struct.unpack_from("<HH", content, at)
        if group == 0xFFFE:
            length = struct.unpack_from("<I", content, at + 4)[0]
            found.append(Element((group, number), b"", at, at + 4, 4, at + 8, 0))
            at += 8
            if number == 0xE0DD:
                return at
            continue  # items are walked through, whatever their length says
        vr = content[at + 4 : at + 6]
        if vr in _LONG_VR:
            length_at, size, value_at = at + 8, 4, at + 12
            length = struct.unpack_from("<I", content, length_at)[0] if length_at + 4 <= end else 0
        else:
            length_at, size, value_at = at + 6, 2, at + 8
            length = struct.unpack_from("<H", content, length_at)[0]
        if not vr.isalpha() or (length != 0xFFFFFFFF and value_at + length > end):
            return end
        inside = vr == b"SQ" or length == 0xFFFFFFFF
        found.append(Element((group, number), vr, at, length_at, size, value_at, 0 if inside else length))
        at = value_at if inside else value_at + length
    return at


_Change = Callable[[bytes, np.random.Generator], bytes]
_ANY: tuple[_Change, ...] = (
    *(_flip_bits, _flip_one_bit, _flip_one_bit, _noise, _truncate, _zero_block, _remove_block, _double_block, _append),
)
_DICOM: tuple[_Change, ...] = (
    *(_change_value, _change_value, _change_value, _change_a_digit, _change_a_digit, _change_a_digit),
    *(_remove_element, _remove_element, _swap_values, _change_length, _change_length, _change_vr),
)
_NIFTI: tuple[_Change, ...] = (_change_header_field,) * 9

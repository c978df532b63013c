"""Changes to the text header of a NRRD file, which a flipped bit seldom makes on its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_VALUES = (
    *(
        b"",
        b"0",
        b"-1",
        b"3",
        b"4",
        b"9" * 9,
        b"1e308",
        b"nan",
        b"65535 65535 65535",
        b"2 2",
        b"raw",
        b"gzip",
        b"bzip2",
    ),
    *(b"none", b"(0,0,0)", b"(nan,1,1)", b"(1,0,0) (1,0,0) (0,0,1)", b"(1,0,0) (0,1,0) (0,0,-4)", b"../../etc/passwd"),
    *(b"right-anterior-superior", b"left-anterior-superior", b"scanner-xyz", b"short", b"double", b"block", b"big"),
)


def _lines(content: bytes) -> tuple[list[bytes], bytes]:
    head, mark, voxels = content.partition(b"\n\n")
    return head.split(b"\n"), mark + voxels


def _change_a_field(content: bytes, rng: np.random.Generator) -> bytes:
    lines, rest = _lines(content)
    k = int(rng.integers(len(lines)))
    name, mark, _ = lines[k].partition(b":=" if b":=" in lines[k] else b": ")
    lines[k] = name + mark + _VALUES[int(rng.integers(len(_VALUES)))]
    return b"\n".join(lines) + rest


def _change_a_header_digit(content: bytes, rng: np.random.Generator) -> bytes:
    lines, rest = _lines(content)
    head = bytearray(b"\n".join(lines))
    digits = [i for i, byte in enumerate(head) if 48 <= byte <= 57]
    if digits:
        head[digits[int(rng.integers(len(digits)))]] = 48 + int(rng.integers(10))
    return bytes(head) + rest


def _remove_a_line(content: bytes, rng: np.random.Generator) -> bytes:
    lines, rest = _lines(content)
    del lines[int(rng.integers(len(lines)))]
    return b"\n".join(lines) + rest


def _swap_lines(content: bytes, rng: np.random.Generator) -> bytes:
    """One field's value under another one's name."""
    lines, rest = _lines(content)
    i, j = (int(k) for k in rng.integers(len(lines), size=2))
    first, second = lines[i].partition(b": "), lines[j].partition(b": ")
    lines[i] = first[0] + first[1] + second[2]
    return b"\n".join(lines) + rest


NRRD_CHANGES: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    *(_change_a_field, _change_a_field, _change_a_header_digit, _change_a_header_digit, _remove_a_line, _swap_lines),
)

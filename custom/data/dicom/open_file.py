"""One file → its DICOM header, within bounds: whatever a file declares, little is read, inflated or built.

What is refused here could otherwise cost any amount of time or memory: deflated data sets, headers of a million items,
and things that are no files at all.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial

from .quick_header import quick_header

NOT_DICOM = "not DICOM"
UNKNOWN, DEFLATED = "not DICOM, of unknown kind", "deflated transfer syntax"

_DEFLATED_SYNTAX = "1.2.840.10008.1.2.1.99"
_HEAD = 4096  # bytes that hold nearly every file's meta group
_LONGEST_META = 2**20  # bytes
_DEFER_BYTES = 4096  # longer values are skipped, and read when somebody asks for them
_MOST_ELEMENTS = 50_000  # on the top level
_SMALL_FILE = 2**21  # bytes; too few for a harmful number of items
_MOST_ITEMS = 500_000
_ITEM = b"\xfe\xff\x00\xe0"
_LONG_VR = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UR", b"UT", b"UN", b"SV", b"UV")


def open_header(path: Path, tags: Collection | None = None) -> tuple[Dataset, int] | str:
    """The header of a file and the file's size, or why it is no DICOM file that can be read.

    Args:
        path: any path, whatever lies there.
        tags: what is read, everything else is skipped; ``None`` for all. Long values are read when asked for.

    Raises:
        OSError, ValueError and what else pydicom raises on a damaged file.
    """
    if not path.is_file():  # a pipe would be waited for, a device never ends
        if path.is_symlink():
            raise FileNotFoundError("a link that leads nowhere")
        return "no regular file"
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        if not looks_like_dicom(head):
            nameless = not path.suffix or path.suffix[1:].isdecimal()  # as exported slices often are
            return UNKNOWN if nameless and (b"\0" in head or not head) else NOT_DICOM
        size = os.fstat(stream.fileno()).st_size
        header = None if tags is None else quick_header(stream, size, tags)
        if header is not None:
            return header, size
        if _transfer_syntax(head, stream) == _DEFLATED_SYNTAX:  # would be inflated whole, without any bound
            return DEFLATED
        _check_item_count(stream, size)
        stream.seek(0)
        bare = head[128:132] != b"DICM"
        return read_partial(stream, _Counter(), defer_size=_DEFER_BYTES, force=bare, specific_tags=tags), size


def looks_like_dicom(head: bytes) -> bool:
    """The marker after the preamble, or a file without preamble that begins with group 2 or 8, little endian."""
    return head[128:132] == b"DICM" or (head[:2] in (b"\x02\x00", b"\x08\x00") and head[3:4] == b"\x00")


def holds_dicom(files: Iterable[Path], most: int = 50) -> bool:
    """Whether one of the first files is DICOM by its first bytes."""
    return any(looks_like_dicom(read_head(path, 132)) for path, _ in zip(files, range(most), strict=False))


def read_head(path: Path, count: int) -> bytes:
    """The first bytes of a file; none where there is no file, or none that may be read."""
    try:
        if path.is_file():  # a pipe would be waited for
            with path.open("rb") as stream:
                return stream.read(count)
    except OSError:  # reported by whoever needs the file
        pass
    return b""


class _Counter:
    """Ends the reading of a header that has more elements than any scanner writes."""

    def __init__(self) -> None:
        self.left = _MOST_ELEMENTS

    def __call__(self, tag: pydicom.tag.BaseTag, vr: str | None, length: int) -> bool:
        self.left -= 1
        if self.left < 0:
            raise ValueError("too many elements")
        return False


def _transfer_syntax(head: bytes, stream: BinaryIO) -> str:
    """TransferSyntaxUID of the meta group, walked element by element; empty where there is none.

    Raises:
        ValueError: a meta group that does not end, or is not explicit little endian.
    """
    syntax, at = "", 132 if head[128:132] == b"DICM" else 0
    while True:
        if at + 12 > len(head) and len(head) == _HEAD:
            stream.seek(0)
            head = stream.read(_LONGEST_META)
        if at + 8 > len(head) or head[at : at + 2] != b"\x02\x00":
            if at >= _LONGEST_META:
                raise ValueError("an endless meta group")
            return syntax
        vr, long_form = head[at + 4 : at + 6], head[at + 4 : at + 6] in _LONG_VR
        if not vr.isalpha():
            raise ValueError("a meta group of an unknown form")
        length = struct.unpack_from("<I", head, at + 8)[0] if long_form else struct.unpack_from("<H", head, at + 6)[0]
        start = at + (12 if long_form else 8)
        if head[at + 2 : at + 4] == b"\x10\x00":
            syntax = head[start : start + length].decode("ascii", "replace").strip(" \0")
        at = start + length


def _check_item_count(stream: BinaryIO, size: int) -> None:
    """Every item of a sequence becomes an object of a kilobyte; a bomb packs one into eight bytes."""
    if size <= _SMALL_FILE:
        return
    stream.seek(0)
    items, tail = 0, b""
    while chunk := stream.read(2**20):
        items += (tail + chunk).count(_ITEM)
        tail = chunk[-3:]
    if items > min(_MOST_ITEMS, max(_MOST_ITEMS // 10, size // 64)):
        raise ValueError("too many items")

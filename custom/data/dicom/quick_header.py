"""The header of an ordinary file without pydicom's parser, which takes most of the time of reading a study.

Ordinary is: uncompressed little endian, a complete meta group, ascending elements, pixels last and inside the file. Of
everything else this says ``None``, and pydicom decides. Values stay raw bytes, which pydicom's data sets convert when
somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from struct import Struct
from typing import BinaryIO

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

_BLOCK = 2**16  # bytes
_LONGEST_HEADER = 2**20
_MOST_ELEMENTS = 2_000
_DEEPEST = 8
_LONGEST_VALUE = 4096
_SHORT_VR = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_VR = frozenset(b"OB OW OF OD OL OV SQ UC UN UR UT SV UV".split())
_NAMES = {vr: vr.decode() for vr in (*_SHORT_VR, *_LONG_VR)}
_UNDEFINED = 0xFFFFFFFF
_PIXEL_DATA, _CHARACTER_SET, _META_SYNTAX, _META_CLASS = 0x7FE00010, 0x00080005, 0x00020010, 0x00020002
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_explicit = Struct("<HH2sH").unpack_from
_implicit = Struct("<HHI").unpack_from
_length = Struct("<I").unpack_from


class _UnusualError(Exception):
    """pydicom had better look at this file."""


def quick_header(stream: BinaryIO, size: int, tags: Collection[int]) -> Dataset | None:
    """The wanted elements of an ordinary file, with its ``file_meta``; the walk ends at the last of them.

    Args:
        stream: the file, opened binary.
        size: of the file, bytes.
        tags: wanted elements as plain numbers; the character set comes with them.

    Returns:
        A data set as ``pydicom.dcmread`` makes it, PixelData not read; ``None`` when the file is not ordinary.
    """
    try:
        return _Walk(stream, size).read(tags)
    except (_UnusualError, IndexError):
        return None


class _Walk:
    """A walk over a file's elements; ``data`` holds what was read of it so far."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream, self.size, self.explicit, self.left = stream, size, True, _MOST_ELEMENTS
        stream.seek(0)
        self.data = stream.read(_BLOCK)

    def read(self, tags: Collection[int]) -> Dataset:
        if self.data[128:132] != b"DICM":
            raise _UnusualError
        meta, at = self._meta_group()
        self.explicit = meta.TransferSyntaxUID == ExplicitVRLittleEndian
        elements, last, last_wanted = {}, 0, max(tags)
        while last < last_wanted:
            tag, vr, length, start = self._element(at)
            if tag <= last or tag > _PIXEL_DATA:
                raise _UnusualError
            at, last = start + length, tag
            if length == _UNDEFINED or at > self.size:
                at = self._end(start, length)
            if tag in tags or tag == _CHARACTER_SET:
                elements[BaseTag(tag)] = self._raw(tag, vr, length, start)
        dataset = Dataset(elements)
        dataset.file_meta = meta
        return dataset

    def _meta_group(self) -> tuple[FileMetaDataset, int]:
        """Group 2, explicit in every file, and where the data set begins."""
        at, found = 132, {_META_SYNTAX: b"", _META_CLASS: b""}
        while self.data[at : at + 2] == b"\x02\x00":
            tag, _, length, start = self._element(at)
            at = self._end(start, length)
            if tag in found:
                found[tag] = self.data[start:at]
        return _meta(found[_META_SYNTAX], found[_META_CLASS]), at

    def _element(self, at: int) -> tuple[int, bytes | None, int, int]:
        """Tag, VR, length and beginning of the value at a place."""
        self.left -= 1
        if at + 12 > len(self.data):
            self._have(at + 12)
        if self.left < 0:
            raise _UnusualError
        if not self.explicit:
            group, element, length = _implicit(self.data, at)
            return group << 16 | element, None, length, at + 8
        group, element, vr, length = _explicit(self.data, at)
        if vr in _SHORT_VR:
            return group << 16 | element, vr, length, at + 8
        length = _length(self.data, at + 8)[0]
        if vr in _LONG_VR and (
            length != _UNDEFINED or vr == b"SQ"
        ):  # pixels in fragments, or a sequence of unknown form
            return group << 16 | element, vr, length, at + 12
        raise _UnusualError

    def _raw(self, tag: int, vr: bytes | None, length: int, start: int) -> RawDataElement:
        """A wanted element as pydicom keeps it before conversion."""
        name, value = None if vr is None else _NAMES[vr], None
        if tag != _PIXEL_DATA:
            if length > _LONGEST_VALUE:  # of undefined length, too
                raise _UnusualError
            self._have(start + length)
            value = self.data[start : start + length]
        return RawDataElement(BaseTag(tag), name, length, value, start, vr is None, True)

    def _end(self, start: int, length: int, depth: int = 0) -> int:
        """Where the next element begins."""
        if length == _UNDEFINED:
            return self._sequence_end(start, depth)
        if start + length > self.size:
            raise _UnusualError
        return start + length

    def _sequence_end(self, at: int, depth: int) -> int:
        """Walk over the items of a sequence of undefined length."""
        if depth > _DEEPEST:
            raise _UnusualError
        while True:
            tag, length, at = self._item(at)
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM:
                raise _UnusualError
            at = self._end(at, length) if length != _UNDEFINED else self._item_end(at, depth)

    def _item_end(self, at: int, depth: int) -> int:
        """Walk over the elements of an item of undefined length."""
        while True:
            tag, _, after = self._item(at)
            if tag == _ITEM_END:
                return after
            _, _, length, start = self._element(at)
            at = self._end(start, length, depth + 1)

    def _item(self, at: int) -> tuple[int, int, int]:
        """Tag and length at a place, as items and delimiters have them in either encoding."""
        self.left -= 1
        if self.left < 0 or at + 8 > self.size:
            raise _UnusualError
        self._have(at + 8)
        group, element, length = _implicit(self.data, at)
        return group << 16 | element, length, at + 8

    def _have(self, end: int) -> None:
        """Read on until ``end`` bytes are there."""
        if end > len(self.data):
            if end > min(self.size, _LONGEST_HEADER):
                raise _UnusualError
            self.data += self.stream.read(max(_BLOCK, end - len(self.data)))
            if end > len(self.data):
                raise _UnusualError


@lru_cache(maxsize=64)
def _meta(syntax: bytes, kind: bytes) -> FileMetaDataset:
    """Meta information that many files share; uncompressed little endian only."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax.rstrip(b"\0 ").decode("ascii", "replace")
    meta.MediaStorageSOPClassUID = kind.rstrip(b"\0 ").decode("ascii", "replace")
    if meta.TransferSyntaxUID not in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        raise _UnusualError
    return meta

"""Compressed pixels → stored values, after each image's own sizes were held against the header's.

A codestream of a few bytes may declare 65535 × 65535 pixels, which its decoder would then make room for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pydicom
from pydicom import encaps
from pydicom.dataset import FileDataset

from ...types import InputError
from ..budget import MemoryBudget
from .records import FileHeader
from .values import READ_ERRORS, quiet_pydicom

_JPEG2000 = b"\xff\x4f\xff\x51"  # start of codestream, image and tile size
_PANIC = "PanicException"  # of decoders written in Rust; no ``Exception``, and importable from nowhere
_NO_LENGTH = (0x01, *range(0xD0, 0xDA))  # JPEG markers that stand alone
_FRAME_HEADERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}


def decode(header: FileHeader, budget: MemoryBudget) -> np.ndarray:
    """All frames of a compressed file ``(frames, rows, columns)``, through pydicom's decoders.

    Raises:
        InputError: too many pixels, another size than declared, or pixels that cannot be decoded.
    """
    shape = (header.frame_count, *header.shape)
    budget.check(shape, header.name)
    try:
        with quiet_pydicom():
            dataset = pydicom.dcmread(header.path, force=True)
            for size in _codestream_sizes(dataset, header.frame_count):
                _check_size(size, header)
            return dataset.pixel_array.reshape(shape)
    except InputError:
        raise
    except BaseException as error:
        if not isinstance(error, READ_ERRORS) and type(error).__name__ != _PANIC:
            raise
        raise InputError(
            found=f"pixels that cannot be decoded ({header.transfer_syntax}: {type(error).__name__})",
            expected="complete pixels in a transfer syntax that pydicom decodes",
            where=header.name,
            remedy="Install the decoders (pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg pylibjpeg-rle), "
            "copy the file again, or export the exam uncompressed.",
        ) from None  # its text may quote header values


def _codestream_sizes(dataset: FileDataset, frame_count: int) -> Iterator[tuple[int, int]]:
    """Rows and columns that each compressed image declares itself; nothing for RLE, which declares none."""
    if "PixelData" not in dataset or not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    if hasattr(encaps, "generate_frames"):
        frames = encaps.generate_frames(dataset.PixelData, number_of_frames=frame_count)
    else:  # pydicom 2
        frames = encaps.generate_pixel_data_frame(dataset.PixelData, frame_count)
    for frame in frames:
        size = codestream_size(frame)
        if size is not None:
            yield size


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns by a JPEG 2000, JPEG or JPEG-LS image's own header; ``None`` when it is none of these.

    Raises:
        struct.error: a header that is cut off.
    """
    start = frame.find(_JPEG2000, 0, 4096)  # boxes may lie before it
    if start >= 0:
        right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
        return bottom - top, right - left
    if frame[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 4 <= len(frame):
        marker = frame[at + 1]
        if frame[at] != 0xFF or marker == 0xFF or marker in _NO_LENGTH:
            at += 2 if frame[at] == 0xFF and marker != 0xFF else 1
        elif marker in _FRAME_HEADERS:
            return struct.unpack_from(">HH", frame, at + 5)
        else:
            at += 2 + struct.unpack_from(">H", frame, at + 2)[0]
    return None


def _check_size(size: tuple[int, int], header: FileHeader) -> None:
    if size != header.shape:
        raise InputError(
            found=f"a compressed image of {size[0]} × {size[1]} pixels",
            expected=f"{header.shape[0]} × {header.shape[1]}, as the header says",
            where=header.name,
            remedy="Copy the exam again, or remove the file when it does not belong to it.",
        )

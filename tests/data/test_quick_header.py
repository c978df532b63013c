"""The quick way to a header reads what pydicom reads, or leaves the file to pydicom."""

import io
import os
import warnings
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from custom.data.dicom.quick_header import quick_header

KEYWORDS = ("SOPClassUID", "PatientID", "SeriesDescription", "EchoTime", "Rows", "ImagePositionPatient", "PixelData")
TAGS = frozenset((*map(Tag, KEYWORDS), Tag(0x2005, 0x100E)))


def nested(levels: int) -> Sequence:
    """A sequence in a sequence in a sequence."""
    item = Dataset()
    item.CodeMeaning = "inside"
    if levels:
        item.ConceptCodeSequence = nested(levels - 1)
    return Sequence([item, Dataset()])


@pytest.fixture
def encoded(dicom):
    """``encoded(implicit=..., undefined=...)``: the bytes of one MR slice with everything that makes walking hard."""

    def encode(*, implicit=False, undefined=False, **changes) -> bytes:
        ds = dicom.dataset()
        ds.SpecificCharacterSet, ds.SeriesDescription, ds.EchoTime = "ISO_IR 192", "portalvenös", "1.4"
        ds.ImagePositionPatient, ds.Rows, ds.Columns = [1.5, -2.25, 3], 4, 6
        ds.PixelData = bytes(range(48))
        ds.ReferencedImageSequence = nested(3)
        if undefined:
            ds["ReferencedImageSequence"].is_undefined_length = True
            for item in ds.ReferencedImageSequence:
                item.is_undefined_length_sequence_item = True
        ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"\xfe\xff\x00\xe0" * 30_000)
        ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 2.5)
        for keyword, value in changes.items():
            setattr(ds, keyword, value)
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        stream = io.BytesIO()
        ds.is_implicit_VR, ds.is_little_endian = implicit, True
        ds.save_as(stream) if pydicom.__version_info__[0] != "2" else pydicom.dcmwrite(stream, ds)
        return stream.getvalue()

    return encode


def quick(data: bytes):
    return quick_header(io.BytesIO(data), len(data), TAGS)


def assert_as_pydicom(header, data: bytes):
    reference = pydicom.dcmread(io.BytesIO(data), force=True, specific_tags=list(TAGS))
    assert header.file_meta.TransferSyntaxUID == reference.file_meta.TransferSyntaxUID
    for tag in TAGS - {Tag("PixelData")}:
        assert (tag in header) == (tag in reference), tag
        if tag in header:
            assert header[tag].value == reference[tag].value, tag
    start = header.get_item(Tag("PixelData"), keep_deferred=True).value_tell
    length = header.get_item(Tag("PixelData"), keep_deferred=True).length
    assert data[start : start + length] == reference.PixelData


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("undefined", [False, True])
def test_an_ordinary_file_is_read_as_pydicom_reads_it(encoded, implicit, undefined):
    data = encoded(implicit=implicit, undefined=undefined)
    header = quick(data)
    assert header.SeriesDescription == "portalvenös"
    assert_as_pydicom(header, data)


def test_what_is_not_ordinary_is_left_to_pydicom(encoded):
    data = encoded()
    assert quick(data[128:]) is None  # no preamble
    assert quick(data[:-1]) is None  # pixels that run out of the file
    assert quick(data[:400]) is None
    assert quick(data.replace(b"1.2.840.10008.1.2.1\0", JPEG2000Lossless[:20].encode())) is None
    assert quick(data.replace(b"LO\x0c\x00portal", b"QQ\x0c\x00portal")) is None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(132, 1200), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_read_as_pydicom_reads_it_or_left_to_it(encoded, changes):
    data = bytearray(encoded(undefined=True))
    for place, value in changes:
        data[place % len(data)] = value
    header = quick(bytes(data))
    if header is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reference = pydicom.dcmread(io.BytesIO(bytes(data)), force=True, specific_tags=list(TAGS))
        except Exception:  # pydicom looks into what is not wanted
            return
        for tag in TAGS - {Tag("PixelData")}:
            raw, expected = header.get_item(tag), reference.get_item(tag)
            assert (raw is None) == (expected is None)
            assert raw is None or raw.value == expected.value


@pytest.mark.realdata
@pytest.mark.skipif("MTINET_REAL_DATA" not in os.environ, reason="MTINET_REAL_DATA does not name real scanner files")
def test_real_files_are_read_as_pydicom_reads_them():
    seen = 0
    for path in sorted(Path(os.environ["MTINET_REAL_DATA"]).rglob("*")):
        if not path.is_file() or "hostile" in path.parts or path.suffix in (".txt", ".gz", ".json"):
            continue
        data = path.read_bytes()
        header = quick(data) if data[128:132] == b"DICM" else None
        if header is not None:
            assert_as_pydicom(header, data)
            seen += 1
    assert seen > 100

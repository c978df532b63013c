"""Files that are broken, hostile, or no MR images: an error or a reason, never anything else."""

import contextlib
import struct

import numpy as np
import pydicom
import pytest

from custom.data import load_study
from custom.types import InputError

ALONE = {"*": {"portal_venous": "5"}}


def test_truncated_pixels_name_the_file(dicom, volumes):
    paths = dicom.series([volumes["pre"]], 5)
    paths[2].write_bytes(paths[2].read_bytes()[:-10])
    with pytest.raises(
        InputError, match=r"case7/series5/0003\.dcm: found a truncated file: 60 bytes of pixels; expected 70"
    ):
        load_study(dicom.root, phase_map=ALONE)


def test_truncated_header_names_the_file(dicom, volumes):
    paths = dicom.series([volumes["pre"]], 5)
    whole = paths[3].read_bytes()  # the last slice, which nothing else would miss
    for length in range(140, len(whole) - 75, 60):
        paths[3].write_bytes(whole[:length])
        with pytest.raises(
            InputError, match=r"0004\.dcm: found an? (unreadable or truncated|MR image without position)"
        ):
            load_study(dicom.root, phase_map=ALONE)


def test_huge_declared_matrix_is_refused_before_reading(dicom, volumes):
    def declare(ds):
        ds.Rows = ds.Columns = 65535

    for path in dicom.series([volumes["pre"]], 5):
        ds = pydicom.dcmread(path)
        declare(ds)
        ds.save_as(path)
    with pytest.raises(InputError, match="a truncated file: 70 bytes of pixels; expected 8589672450 bytes"):
        load_study(dicom.root, phase_map=ALONE)


def test_study_beyond_the_budget(dicom, volumes):
    dicom.series([volumes["pre"]], 5)
    with pytest.raises(InputError, match=r"7 × 5 × 4 voxels in the header.*memory_budget_gb"):
        load_study(dicom.root, phase_map=ALONE, memory_budget_gb=1e-7)


def test_image_without_geometry(dicom, volumes):
    paths = dicom.series([volumes["pre"]], 5)
    ds = pydicom.dcmread(paths[1])
    del ds.ImagePositionPatient
    ds.save_as(paths[1])
    with pytest.raises(
        InputError, match=r"0002\.dcm: found an MR image without position, orientation or pixel spacing"
    ):
        load_study(dicom.root, phase_map=ALONE)


def test_folder_without_mr_images_says_what_is_there(dicom, volumes):
    for path in dicom.series([volumes["pre"]], 5):
        ds = pydicom.dcmread(path)
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        ds.save_as(path)
    (dicom.root / "x.txt").write_text("x")
    with pytest.raises(
        InputError, match=r"no MR image: 4 file\(s\) not an MR image \(CT Image Storage\); 1 file\(s\) not DICOM"
    ):
        load_study(dicom.root)


def test_files_of_other_kinds_are_set_aside(dicom, volumes):
    dicom.series([volumes["pre"]], 5)
    for path, change in zip(
        dicom.series([volumes["pre"]], 6), ("colour", "CT", "MONOCHROME1", "deflated"), strict=True
    ):
        ds = pydicom.dcmread(path)
        if change == "colour":
            ds.SamplesPerPixel = 3
        elif change == "CT":
            ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        elif change == "deflated":
            ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
        else:
            ds.PhotometricInterpretation = change
        ds.save_as(path)
    study = load_study(dicom.root, phase_map=ALONE)
    assert sorted((entry["reason"], entry["files"]) for entry in study.set_aside) == [
        ("a colour or inverted image", 2),
        ("deflated transfer syntax", 1),
        ("not an MR image (CT Image Storage)", 1),
    ]


@pytest.mark.parametrize(
    ("columns", "rows", "match"),
    [
        (7, 5, r"cannot be decoded \(JPEG 2000.*pip install pylibjpeg"),
        (65535, 65535, "a compressed image of 65535 × 65535 pixels; expected 5 × 7, as the header says"),
    ],
)
def test_undecodable_transfer_syntax_names_the_decoders(dicom, volumes, columns, rows, match):
    codestream = b"\xff\x4f\xff\x51\0\x2f\0\0" + struct.pack(">4I", columns, rows, 0, 0) + b"\0" * 40
    for path in dicom.series([volumes["pre"]], 5):
        ds = pydicom.dcmread(path)
        ds.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
        ds.PixelData = pydicom.encaps.encapsulate([codestream])
        ds["PixelData"].is_undefined_length = True
        ds.save_as(path)
    with pytest.raises(InputError, match=match):
        load_study(dicom.root, phase_map=ALONE)


def test_a_decoder_that_panics_is_an_error_like_any_other(dicom, volumes):
    """Runs that unpack to more bytes than a plane of the image holds; one decoder ends in no ordinary exception."""
    for path in dicom.series([volumes["pre"]], 5):
        ds = pydicom.dcmread(path)
        ds.file_meta.TransferSyntaxUID = pydicom.uid.RLELossless
        frame = struct.pack("<16I", 2, 64, 74, *[0] * 13) + b"\x81\x05" * 5 + b"\x05" + b"\x07" * 3
        ds.PixelData = pydicom.encaps.encapsulate([frame + bytes(len(frame) % 2)])
        ds["PixelData"].is_undefined_length = True
        ds.save_as(path)
    with pytest.raises(InputError, match="cannot be decoded"):
        load_study(dicom.root, phase_map=ALONE)


def test_file_without_preamble_is_read(dicom, volumes):
    paths = dicom.series([volumes["pre"]], 5)
    for path in paths:
        ds = pydicom.dcmread(path)
        pixels = ds.PixelData
        bare = pydicom.Dataset()
        bare.update({tag: ds[tag] for tag in ds.keys()})  # noqa: SIM118 (iterating a Dataset gives elements)
        bare.PixelData = pixels
        bare.is_little_endian, bare.is_implicit_VR = True, True
        bare.save_as(path, write_like_original=True)
    assert b"DICM" not in paths[0].read_bytes()[:200]
    study = load_study(dicom.root, phase_map=ALONE)
    np.testing.assert_array_equal(study.phases["portal_venous"].data, volumes["pre"])


@pytest.mark.parametrize("seed", range(12))
def test_random_damage_gives_an_error_or_a_study_but_no_crash(dicom, volumes, seed):
    rng = np.random.default_rng(seed)
    for path in dicom.series([volumes["pre"]], 5):
        data = bytearray(path.read_bytes())
        for place in rng.integers(132, len(data), 6):
            data[place] = rng.integers(256)
        path.write_bytes(data)
    with contextlib.suppress(InputError):  # anything else fails the test
        load_study(dicom.root, phase_map=ALONE)


@pytest.mark.parametrize("signed", [0, 1])
def test_unused_high_bits_are_not_read(dicom, volumes, signed):
    expected = volumes["pre"] - (300 if signed else 0)
    for path in dicom.series([volumes["pre"]], 5):
        ds = pydicom.dcmread(path)
        stored = (dicom.placed[path][1].astype(np.int16) - (300 if signed else 0)) & 0x0FFF
        ds.PixelData = (stored.astype(np.uint16) | 0x7000).tobytes()
        ds.PixelRepresentation = signed
        ds.save_as(path)
    study = load_study(dicom.root, phase_map=ALONE)
    np.testing.assert_array_equal(study.phases["portal_venous"].data, expected)


def test_file_cut_off_inside_its_sop_class_is_no_other_kind(dicom, volumes):
    path = dicom.series([volumes["pre"]], 5, "T1 pre")[0]
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(MR_IMAGE_UID) + 12])
    with pytest.raises(InputError, match=r"unreadable or truncated DICOM file \(no pixel data\)"):
        load_study(dicom.root, reference_phase="pre")


MR_IMAGE_UID = b"1.2.840.10008.5.1.4.1.1.4"

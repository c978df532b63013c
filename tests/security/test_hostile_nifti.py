"""NIfTI files that lie: what a header declares is checked before anything of that size is made or inflated."""

import gzip
import struct
import tracemalloc

import nibabel
import numpy as np
import pytest

from custom.data import load_study
from custom.types import InputError

SHAPE = (7, 5, 4)
AFFINE = np.array([[0.0, -2.0, 0.3, 11.0], [1.5, 0.0, 0.0, -23.0], [0.0, 0.4, 4.0, 35.0], [0, 0, 0, 1]])
FIELDS = {  # offsets of NIfTI-1
    "dim": (40, "8h"),
    "datatype": (70, "h"),
    "bitpix": (72, "h"),
    "pixdim": (76, "8f"),
    "vox_offset": (108, "f"),
    "scl_slope": (112, "f"),
    "scl_inter": (116, "f"),
    "xyzt_units": (123, "B"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "quatern_b": (256, "f"),
    "srow_x": (280, "4f"),
    "magic": (344, "4s"),
}


@pytest.fixture
def nifti(tmp_path):
    """``nifti(suffix, tail, **fields)``: the folder of a good file, some header fields of which are overwritten."""

    def write(suffix=".nii", tail=b"", **fields):
        path = tmp_path / "c" / "portal_venous.nii"
        path.parent.mkdir(exist_ok=True)
        image = nibabel.Nifti1Image(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), AFFINE)
        image.set_qform(AFFINE, code=1)
        nibabel.save(image, path)
        content = bytearray(path.read_bytes())
        for name, value in fields.items():
            offset, form = FIELDS[name]
            struct.pack_into("<" + form, content, offset, *(value if isinstance(value, tuple) else (value,)))
        content += tail
        path.write_bytes(content)
        if suffix == ".nii.gz":
            path.with_suffix(".nii.gz").write_bytes(gzip.compress(content, 1))
            path.unlink()
        return path.parent

    return write


def refused(folder, match, **more):
    """The message is as said, and hardly any memory was taken on the way to it."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=match):
            load_study(folder, **more)
        assert tracemalloc.get_traced_memory()[1] < 8e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("size", [(3, 32767, 32767, 32767), (4, 30000, 30000, 2, 4), (3, 20000, 20000, 20)])
def test_declared_sizes_beyond_the_budget(nifti, suffix, size):
    size = (*size, *(1,) * (8 - len(size)))
    match = "memory_budget_gb" if size[0] == 3 else "4 dimensions|memory_budget_gb"
    refused(nifti(suffix, dim=size), match)


@pytest.mark.parametrize("size", [(3, -7, 5, 4), (3, 0, 5, 4), (3, -7, -5, 4)])
def test_sizes_that_are_no_sizes(nifti, size):
    refused(nifti(dim=(*size, 1, 1, 1, 1)), "at least one voxel along each axis")


@pytest.mark.parametrize("dimensions", [0, 8, -1, 20000])
def test_a_number_of_dimensions_that_cannot_be(nifti, dimensions):
    refused(nifti(dim=(dimensions, 7, 5, 4, 1, 1, 1, 1)), "found|unreadable")


def test_a_compressed_file_is_inflated_no_further_than_its_header_declares(nifti):
    refused(nifti(".nii.gz", tail=bytes(40_000_000)), "more bytes than 7 × 5 × 4 voxels of type int16 take")


def test_voxels_behind_gigabytes_of_header_extensions(nifti):
    refused(nifti(".nii.gz", vox_offset=2e9, tail=bytes(20_000_000)), "unreadable or truncated")


def test_a_header_extension_is_skipped_not_read(nifti):
    """An extension that says it is 2 GB long, and one that says it is XML or DICOM, are nobody's business here."""
    folder = nifti()
    path = folder / "portal_venous.nii"
    content = bytearray(path.read_bytes())
    extension = struct.pack("<4bii", 1, 0, 0, 0, 2**31 - 16, 2) + b"\x08\x00<!DOCTYPE x [<!ENTITY a 'a'>]>".ljust(40)
    struct.pack_into("<f", content, 108, 352 + 48)
    path.write_bytes(content[:348] + extension + content[352:])
    assert load_study(folder).phases["portal_venous"].data[0, 0, 1] == 1


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"scl_slope": -1.0}, "a scaling of -1"),
        ({"scl_slope": np.inf}, "a scaling of inf"),
        ({"scl_slope": 2.0, "scl_inter": np.nan}, r"2 · stored value \+ nan"),
        ({"scl_slope": 3e38}, "NaN or infinite"),
        ({"pixdim": (1, -2, 2, 4, 1, 1, 1, 1), "sform_code": 0}, "an unusable geometry"),
        ({"pixdim": (0.5, 2, 2, 4, 1, 1, 1, 1), "sform_code": 0}, "an unusable geometry"),
        ({"pixdim": (1, np.nan, 2, 4, 1, 1, 1, 1), "sform_code": 0}, "geometry|singular"),
        ({"pixdim": (1, 0, 2, 4, 1, 1, 1, 1), "sform_code": 0}, "geometry|singular"),
        ({"quatern_b": 3.0, "sform_code": 0}, "an unusable geometry"),
        ({"quatern_b": np.nan, "sform_code": 0}, "geometry|singular"),
        ({"srow_x": (np.inf, 0, 0, 0)}, "singular affine"),
        ({"srow_x": (0.0, -2e6, 0, 0)}, r"voxels of .* expected edges from 0\.02 to 200 mm"),
        ({"xyzt_units": 1}, r"voxels of 1500 × .* expected edges"),
        ({"xyzt_units": 7}, "a unit of length"),
        ({"sform_code": 9}, "unreadable"),
        ({"qform_code": -1}, "unreadable"),
        ({"vox_offset": 351.5}, "unreadable"),
        ({"vox_offset": np.nan}, "unreadable"),
        ({"vox_offset": 100.0}, "unreadable"),
        ({"datatype": 128}, "expected numbers"),
        ({"datatype": 32}, "expected numbers"),
        ({"datatype": 77}, "unreadable"),
        ({"datatype": 8}, "unreadable or truncated"),  # four bytes a voxel, where there are two
        ({"datatype": 2}, "more bytes than"),
        ({"dim": (3, 7, 5, 3, 1, 1, 1, 1)}, "more bytes than 7 × 5 × 3 voxels"),
        ({"magic": b"ni1\0"}, "unreadable"),
        ({"magic": b"x+1\0"}, "unreadable"),
    ],
)
def test_a_header_that_cannot_be_true(nifti, fields, match):
    refused(nifti(**fields), match)


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_a_slope_of_zero_or_none_means_unscaled(nifti, slope):
    data = load_study(nifti(scl_slope=slope, scl_inter=5.0)).phases["portal_venous"].data
    np.testing.assert_array_equal(data.ravel()[:4], range(4))


@pytest.mark.parametrize(
    "fields", [{"srow_x": (0.0, -2.5, 0.3, 11.0)}, {"pixdim": (1, 2.0, 2.0, 4.0, 1, 1, 1, 1)}, {"quatern_b": 0.9}]
)
def test_a_header_that_contradicts_itself_is_flagged(nifti, fields):
    assert load_study(nifti()).flags[3:] == ()
    assert load_study(nifti(**fields)).flags[3:] == ("geometry_contradictory:portal_venous",)


@pytest.mark.parametrize("place", range(30, 90, 7))
def test_a_flipped_bit_inside_a_compressed_file_never_passes(nifti, place):
    """The checksum stands at the end of the file: reading must go that far."""
    path = nifti(".nii.gz") / "portal_venous.nii.gz"
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_study(path.parent)


def test_a_compressed_file_under_the_other_suffix_is_read(nifti):
    path = nifti(".nii.gz") / "portal_venous.nii.gz"
    expected = load_study(path.parent).phases["portal_venous"].data
    path.rename(path.with_name("portal_venous.nii"))
    np.testing.assert_array_equal(load_study(path.parent).phases["portal_venous"].data, expected)

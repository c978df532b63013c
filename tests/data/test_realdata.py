"""Real scanner files: geometry, order and intensities against a plain pydicom reading written here, voxel for voxel.

The readings below share no code with the product: they sort by the tags that each file set is known to carry.
"""

import os
import resource
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
import pytest

from custom.data import load_study
from custom.types import PHASES, InputError

ROOT = os.environ.get("MTINET_REAL_DATA")
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not ROOT, reason="MTINET_REAL_DATA does not name the folder of real scanner files"),
]
FLIP = np.array([-1.0, -1.0, 1.0])


def folder(*parts) -> Path:
    return Path(ROOT, *parts)


def by_hand(path, key, real):
    """{key(file): {position: (orientation, spacing, real values (rows, columns))}} of a classic series."""
    points = defaultdict(dict)
    for file in sorted(p for p in path.iterdir() if p.suffix != ".txt"):
        ds = pydicom.dcmread(file)
        position = tuple(float(x) for x in ds.ImagePositionPatient)
        points[key(ds)][position] = (
            np.array(ds.ImageOrientationPatient, float),
            np.array(ds.PixelSpacing, float),
            real(ds, used(ds, ds.pixel_array)),
        )
    return points


def assert_equal_by_hand(volume, slices):
    """Each slice lies where its header says and holds the values computed by hand."""
    assert volume.data.shape[2] == len(slices)
    inverse = np.linalg.inv(volume.affine)
    seen = set()
    for position, (cosines, spacing, values) in slices.items():
        k = round(float((inverse @ np.append(FLIP * position, 1))[2]))
        seen.add(k)
        rows, columns = values.shape
        for r, c in ((0, 0), (0, columns - 1), (rows - 1, 0)):
            world = FLIP * (np.array(position) + cosines[:3] * c * spacing[1] + cosines[3:] * r * spacing[0])
            np.testing.assert_allclose((volume.affine @ (c, r, k, 1))[:3], world, atol=0.02)
        np.testing.assert_allclose(volume.data[:, :, k], values.T, rtol=1e-6)
    assert seen == set(range(len(slices)))


def used(ds, stored):
    """Values of the bits that are stored, others cut off (pydicom 2 does not; no signed file here has any)."""
    return stored.astype(np.int64) & ((1 << ds.BitsStored) - 1) if ds.PixelRepresentation == 0 else stored.astype(float)


def plain(ds, stored):
    return stored * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))


def philips(ds, stored):
    rs, ri, ss = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0)), float(ds[0x2005, 0x100E].value)
    return (stored * rs + ri) / (rs * ss)


SERIES = {
    "GE, constant acquisition time": (
        ("ge_multiphase", "SliceTimingMPh", "2_fMRI_Multiphase_Des"),
        "2",
        plain,
        (1, 3, 6, 10),
    ),
    "GE, delayed": (("ge_multiphase", "SliceTimingMPh", "3_fMRI_Multiphase_Des_0.35Delay"), "3", plain, (2, 4, 5, 9)),
    "GE, variable delays": (
        ("ge_multiphase", "SliceTimingMPh", "5_fMRI_Multiphase_Des_VariableDelays1s"),
        "fMRI Multiphase Des VariableDelays1s",
        plain,
        (1, 2, 3, 10),
    ),
    "Philips 4-D": (("philips_4d", "dicoms"), "401", philips, (1, 4, 5, 8)),
    "Philips temporal": (("philips_temporal", "Magdeburg_2014", "fmri"), "201", philips, (1, 2, 3)),
}


@pytest.mark.parametrize("name", SERIES)
def test_time_points_of_one_series(name):
    parts, series, real, points = SERIES[name]
    expected = by_hand(folder(*parts), lambda ds: int(ds.TemporalPositionIdentifier), real)
    selectors = {phase: f"{series}@{k}" for phase, k in zip(PHASES, points, strict=False)}
    study = load_study({"case": "c", "image": str(folder(*parts))}, phase_map={"c": selectors})
    for phase, k in zip(PHASES, points, strict=False):
        assert study.phases[phase].evidence["split_by"] == "TemporalPositionIdentifier"
        assert_equal_by_hand(study.phases[phase], expected[k])
    times = [study.phases[phase].time_s for phase in selectors]
    assert times == sorted(times)
    assert None not in times


@pytest.mark.parametrize(
    ("parts", "series"),
    [
        (("enhanced_multiframe", "In", "Siemens", "XA10"), "6"),
        (("enhanced_multiframe", "enhanced", "5_Product_EPI_Sag_Ascending"), "5"),
        (("enhanced_multiframe", "enhanced", "6_Product_EPI_Sag_Interleaved"), "6"),
    ],
)
def test_siemens_enhanced_multiframe_one_file_a_time_point(parts, series):
    files = sorted((pydicom.dcmread(p) for p in folder(*parts).iterdir()), key=lambda ds: int(ds.AcquisitionNumber))
    selectors = {phase: f"{series}@{k}" for k, phase in enumerate(PHASES, 1)}
    study = load_study({"case": "c", "image": str(folder(*parts))}, phase_map={"*": selectors})
    for phase, ds in zip(PHASES, files, strict=False):
        shared, slices = ds.SharedFunctionalGroupsSequence[0], {}
        for own, stored in zip(ds.PerFrameFunctionalGroupsSequence, ds.pixel_array, strict=True):
            measures = own if "PixelMeasuresSequence" in own else shared
            plane = own if "PlaneOrientationSequence" in own else shared
            value = own if "PixelValueTransformationSequence" in own else shared
            scale = value.PixelValueTransformationSequence[0]
            slices[tuple(map(float, own.PlanePositionSequence[0].ImagePositionPatient))] = (
                np.array(plane.PlaneOrientationSequence[0].ImageOrientationPatient, float),
                np.array(measures.PixelMeasuresSequence[0].PixelSpacing, float),
                used(ds, stored) * float(scale.RescaleSlope) + float(scale.RescaleIntercept),
            )
        assert_equal_by_hand(study.phases[phase], slices)


@pytest.mark.parametrize("syntax", ["", "_j2k", "_jpeg", "_jpegls", "_rle"])
def test_compressed_syntaxes_equal_pydicom(syntax):
    path = folder("compressed", f"compressed{syntax}", "001")
    expected = by_hand(path, lambda ds: 0, plain)[0]
    study = load_study({"case": "c", "image": str(path)}, phase_map={"*": {"portal_venous": "4"}})
    assert_equal_by_hand(study.phases["portal_venous"], expected)


def test_lossless_syntaxes_hold_one_image():
    """One sagittal MR image in four lossless codings, bit for bit as GDCM's decoders and its publisher's NIfTI have it.

    Slices are ordered along the normal, which points to the right: the publisher's run the other way.
    """
    sitk, nibabel = pytest.importorskip("SimpleITK"), pytest.importorskip("nibabel")
    read = {}
    for syntax in ("", "_j2k", "_jpeg", "_jpegls", "_rle"):
        path = folder("compressed", f"compressed{syntax}", "001")
        study = load_study({"case": "c", "image": str(path)}, phase_map={"*": {"portal_venous": "4"}})
        read[syntax] = study.phases["portal_venous"].data
        names = sorted(path.iterdir(), key=lambda p: -pydicom.dcmread(p).ImagePositionPatient[0])
        by_gdcm = sitk.GetArrayFromImage(sitk.ReadImage([str(name) for name in names])).transpose(2, 1, 0)
        np.testing.assert_array_equal(read[syntax], by_gdcm)
        published = nibabel.load(folder("compressed", f"compressed{syntax}", "001_ground_truth.nii.gz"))
        np.testing.assert_array_equal(read[syntax], np.asarray(published.dataobj)[:, :, ::-1])
    for other in read.values():
        np.testing.assert_array_equal(other, read[""])


GEOMETRY_FAULTS = {
    "gantrytilting/001": r"4 file\(s\) not an MR image \(CT Image Storage\)",
    "notavolume/001": r"4 file\(s\) not an MR image \(CT Image Storage\)",
    "sliceincrement/001": r"4 file\(s\) not an MR image \(CT Image Storage\)",
    "sliceincrement/002": r"4 file\(s\) not an MR image \(CT Image Storage\)",
    "sliceorientation/001": "slices of two or more orientations in one series",
    "slicecount/001": r"no naming of the phases that stands out .* among 1 volume\(s\)",
}


@pytest.mark.parametrize("name", GEOMETRY_FAULTS)
def test_geometry_faults_are_errors(name):
    with pytest.raises(InputError, match=GEOMETRY_FAULTS[name]):
        load_study({"case": "c", "image": str(folder("geometry_faults", *name.split("/")))})


CT_AS_MR = {
    "gantrytilting/001": r"slices stacked 14\.0° off their normal",
    "notavolume/001": "a single slice",
    "sliceincrement/001": r"1 missing slice\(s\) between 28\.11 and 38\.11 mm",
    "sliceincrement/002": r"1 missing slice\(s\) between|an uneven step between",
}


@pytest.mark.parametrize("name", CT_AS_MR)
def test_the_same_faults_in_an_mr_series(name, tmp_path):
    """These file sets are CT; with the MR image class their geometry itself must be refused."""
    for path in folder("geometry_faults", *name.split("/")).iterdir():
        ds = pydicom.dcmread(path)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        ds.save_as(tmp_path / path.name)
    number = pydicom.dcmread(next(tmp_path.iterdir())).SeriesNumber
    selector = f"{number}@1" if name == "notavolume/001" else str(number)
    with pytest.raises(InputError, match=CT_AS_MR[name]):
        load_study({"case": "c", "image": str(tmp_path)}, phase_map={"*": {"portal_venous": selector}})


def test_two_slices_are_a_volume():
    """``slicecount`` holds two slices of a regular MR stack: too few for dicom2nifti, in truth a volume."""
    path = folder("geometry_faults", "slicecount", "001")
    study = load_study({"case": "c", "image": str(path)}, phase_map={"*": {"portal_venous": "4"}})
    assert_equal_by_hand(study.phases["portal_venous"], by_hand(path, lambda ds: 0, plain)[0])


def test_an_unrelated_series_is_not_taken_for_a_dynamic():
    for parts in (("philips_4d", "dicoms"), ("ge_multiphase", "SliceTimingMPh", "2_fMRI_Multiphase_Des")):
        with pytest.raises(InputError, match="--phase_map"):
            load_study({"case": "c", "image": str(folder(*parts))})


@pytest.mark.parametrize("as_mr", [False, True])
def test_hostile_files_give_errors_or_reasons_within_bounds(tmp_path, as_mr):
    """The files say CT; as MR they get past the first check. 10 s of processor time and 1 GB are the limits."""
    files = sorted(folder("hostile").glob("*.dcm"))
    assert len(files) > 100
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for n, path in enumerate(files):
        study = tmp_path / f"h{n}"
        study.mkdir()
        data = path.read_bytes()
        (study / "x.dcm").write_bytes(data.replace(b"10008.5.1.4.1.1.2", b"10008.5.1.4.1.1.4") if as_mr else data)
        for phase_map in (None, {"*": {"portal_venous": "1"}}):
            start = time.process_time()
            with pytest.raises(InputError):
                load_study(study, phase_map=phase_map, memory_budget_gb=0.5)
            assert time.process_time() - start < 10, path.name
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 1e6

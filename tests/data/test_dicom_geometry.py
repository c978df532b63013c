"""Order, place and intensities of DICOM volumes, compared with the written slices and with SimpleITK."""

import struct

import numpy as np
import pydicom
import pytest

from custom.data import load_study
from custom.types import PHASES, InputError

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
ALONE = {"*": {"portal_venous": "5"}}


def assert_slices_in_place(volume, placed, axes, spacing=(1.5, 1.25)):
    """Every written slice lies where the affine says: its first, its last and one inner pixel."""
    inverse = np.linalg.inv(volume.affine)
    for position, pixels in placed:
        rows, columns = pixels.shape
        for r, c in ((0, 0), (rows - 1, columns - 1), (1, 2)):
            world = LPS_TO_RAS @ (
                position + np.multiply(axes[0], c * spacing[1]) + np.multiply(axes[1], r * spacing[0])
            )
            voxel = inverse @ np.append(world, 1)
            index = tuple(np.rint(voxel[:3]).astype(int))
            np.testing.assert_allclose(voxel[:3], index, atol=1e-3)
            assert volume.data[index] == pixels[r, c]


@pytest.mark.parametrize("step_mm", [3.0, -3.0], ids=["along the normal", "against the normal"])
@pytest.mark.parametrize("plane", ["axial", "oblique"])
def test_slices_lie_where_their_headers_say(dicom, volumes, oblique, plane, step_mm):
    axes = oblique if plane == "oblique" else ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    dicom.series([volumes["pre"]], 5, axes=axes, step_mm=step_mm)
    volume = load_study(dicom.root, phase_map=ALONE).phases["portal_venous"]
    assert volume.data.shape == volumes["pre"].shape
    assert volume.data.dtype == np.float32
    assert volume.spacing_mm == pytest.approx((1.25, 1.5, 3.0), abs=1e-6)
    assert_slices_in_place(volume, dicom.placed.values(), axes)


def test_affine_and_voxels_equal_simpleitk(dicom, volumes, oblique):
    sitk = pytest.importorskip("SimpleITK")
    paths = dicom.series([volumes["arterial"]], 5, axes=oblique, step_mm=2.5)
    image = sitk.ReadImage([str(path) for path in paths])  # written along the normal, in order
    direction = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    volume = load_study(dicom.root, phase_map=ALONE).phases["portal_venous"]
    np.testing.assert_allclose(volume.affine[:3, :3], LPS_TO_RAS @ direction, atol=1e-5)
    np.testing.assert_allclose(volume.affine[:3, 3], LPS_TO_RAS @ image.GetOrigin(), atol=1e-5)
    np.testing.assert_array_equal(volume.data, sitk.GetArrayFromImage(image).transpose(2, 1, 0))


LAYOUTS = {
    "TemporalPositionIdentifier": lambda t, k: {"TemporalPositionIdentifier": t + 1, "AcquisitionNumber": 1},
    "AcquisitionNumber": lambda t, k: {"AcquisitionNumber": t + 3, "TriggerTime": 10.0 * k},
    "TriggerTime": lambda t, k: {"TriggerTime": 15000.0 * t, "AcquisitionTime": "101500"},
    "AcquisitionTime": lambda t, k: {"AcquisitionTime": f"1015{15 * t:02d}.5"},
}


@pytest.mark.parametrize("key", LAYOUTS)
def test_time_points_of_one_series_are_told_apart(dicom, volumes, key):
    dicom.series(list(volumes.values()), 5, tags=LAYOUTS[key])
    study = load_study(dicom.root, phase_map={"*": {phase: f"5@{k}" for k, phase in enumerate(PHASES, 1)}})
    for phase in PHASES:
        np.testing.assert_array_equal(study.phases[phase].data, volumes[phase])
        assert study.phases[phase].evidence["split_by"] == key
    known = key in ("TriggerTime", "AcquisitionTime")
    assert [study.phases[phase].time_s for phase in PHASES] == ([0, 15, 30, 45] if known else [None] * 4)


def test_positions_that_only_repeat_are_split_by_instance_number(dicom, volumes):
    paths = dicom.series(list(volumes.values()), 5)
    for n, path in enumerate(paths):
        file = pydicom.dcmread(path)
        file.InstanceNumber = n + 1
        file.save_as(path)
    study = load_study(dicom.root, phase_map={"*": {phase: f"5@{k}" for k, phase in enumerate(PHASES, 1)}})
    for phase in PHASES:
        np.testing.assert_array_equal(study.phases[phase].data, volumes[phase])
    assert "time_points_from_instance_numbers" in study.flags


def test_enhanced_multiframe_with_shuffled_frames_and_slopes(dicom, volumes, oblique):
    slopes = [1.0, 0.5, 2.0, 0.25]
    dicom.multiframe(list(volumes.values()), 5, slopes=slopes)
    study = load_study(dicom.root, phase_map={"*": {phase: f"5@{k}" for k, phase in enumerate(PHASES, 1)}})
    for phase, slope in zip(PHASES, slopes, strict=True):
        np.testing.assert_array_equal(study.phases[phase].data, volumes[phase] * slope - 2)
    expected = np.eye(4)
    expected[:3, 0], expected[:3, 1] = np.multiply(oblique[0], 1.25), np.multiply(oblique[1], 1.5)
    expected[:3, 2], expected[:3, 3] = 2 * np.cross(*oblique), (5, -6, 7)
    np.testing.assert_allclose(study.phases["pre"].affine, np.diag([-1, -1, 1, 1]) @ expected, atol=1e-5)
    assert [study.phases[phase].time_s for phase in PHASES] == [0, 15, 30, 45]


def test_rescale_of_every_slice(dicom, volumes):
    dicom.series([volumes["pre"]], 5, tags=lambda t, k: {"RescaleSlope": 1 + k / 2, "RescaleIntercept": -k})
    volume = load_study(dicom.root, phase_map=ALONE).phases["portal_venous"]
    k = np.arange(volume.data.shape[2])
    np.testing.assert_allclose(volume.data, volumes["pre"] * (1 + k / 2) - k, rtol=1e-6)


@pytest.mark.parametrize("vr", ["FL", "UN"])
def test_philips_scale_slope_makes_dynamics_comparable(dicom, volumes, vr):
    scale = (0.01, 0.02, 0.04, 0.05)
    paths = dicom.series(
        list(volumes.values()), 5, Manufacturer="Philips Medical Systems", RescaleIntercept=-3.0,
        tags=lambda t, k: {"TemporalPositionIdentifier": t + 1, "RescaleSlope": 1.5 + t},
    )  # fmt: skip
    for n, path in enumerate(paths):
        file, value = pydicom.dcmread(path), scale[n // volumes["pre"].shape[2]]
        file.add_new((0x2005, 0x0010), "LO", "Philips MR Imaging DD 001")
        file.add_new((0x2005, 0x100E), vr, value if vr == "FL" else struct.pack("<f", value))
        file.save_as(path)
    study = load_study(dicom.root, phase_map={"*": {phase: f"5@{k}" for k, phase in enumerate(PHASES, 1)}})
    for t, phase in enumerate(PHASES):
        expected = (volumes[phase] * (1.5 + t) - 3.0) / ((1.5 + t) * np.float32(scale[t]))
        np.testing.assert_allclose(study.phases[phase].data, expected, rtol=1e-5)
    assert "scaling_differs" not in study.flags


def test_philips_scaling_that_was_stripped_is_a_flag(dicom, volumes):
    dicom.series(
        list(volumes.values()), 5, Manufacturer="Philips",
        tags=lambda t, k: {"TemporalPositionIdentifier": t + 1, "RescaleSlope": 1.5 + t},
    )  # fmt: skip
    study = load_study(dicom.root, phase_map={"*": {"pre": "5@1", "portal_venous": "5@3"}})
    assert "scaling_differs" in study.flags


def faulty(dicom, volumes, fault):
    """Write series 5 with one fault; returns nothing."""
    paths = dicom.series([volumes["pre"]], 5)
    if fault == "missing":
        paths[1].unlink()
    elif fault == "doubled":
        file = pydicom.dcmread(paths[1])
        file.save_as(paths[1].with_name("copy.dcm"))
    elif fault == "single":
        for path in paths[1:]:
            path.unlink()
    else:
        for k, path in enumerate(paths):
            file = pydicom.dcmread(path)
            x, y, z = file.ImagePositionPatient
            if fault == "sheared":
                file.ImagePositionPatient = [x, y + 0.8 * k, z]
            elif fault == "uneven":
                file.ImagePositionPatient = [x, y, z + 0.4 * (k == 2)]
            elif fault == "off the line":
                file.ImagePositionPatient = [x + 1.0 * (k == 2), y, z]
            elif fault == "two orientations" and k >= 2:
                file.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
            elif fault == "cosines":
                file.ImageOrientationPatient = [1, 0, 0, 0.7, 0.7, 0]
            file.save_as(path)


FAULTS = {
    "missing": r"series 5: found 1 missing slice\(s\) between 7\.00 and 13\.00 mm along the normal",
    "doubled": r"series 5: found 2 slices at 10\.00 mm along the normal",
    "single": r"series 5: found a single slice",
    "sheared": r"series 5: found slices stacked 14\.9° off their normal",
    "uneven": r"series 5: found an uneven step between",
    "off the line": r"series 5: found slices up to 1\.00 mm off the line",
    "two orientations": r"found slices of two or more orientations in one series",
    "cosines": r"found an ImageOrientationPatient that is no pair of perpendicular unit vectors",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_series_is_an_error_that_names_the_place(dicom, volumes, fault):
    faulty(dicom, volumes, fault)
    selector = "5#1" if fault == "two orientations" else "5"
    with pytest.raises(InputError, match=FAULTS[fault]):
        load_study(dicom.root, phase_map={"*": {"portal_venous": selector}})


def test_a_slight_shear_keeps_its_true_place(dicom, volumes):
    paths = dicom.series([volumes["pre"]], 5)
    placed = []
    for k, path in enumerate(paths):
        file = pydicom.dcmread(path)
        x, y, z = file.ImagePositionPatient
        file.ImagePositionPatient = [x, y + 0.05 * k, z]
        file.save_as(path)
        placed.append((np.array([x, y + 0.05 * k, z], dtype=float), dicom.placed[path][1]))
    study = load_study(dicom.root, phase_map=ALONE)
    assert_slices_in_place(study.phases["portal_venous"], placed, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    assert "sheared_stack" in study.flags


def test_a_slice_missing_in_one_time_point_names_position_and_time_point(dicom, volumes):
    paths = dicom.series(list(volumes.values()), 5, tags=LAYOUTS["TemporalPositionIdentifier"])
    paths[volumes["pre"].shape[2] * 2 + 3].unlink()  # the last slice of the third time point
    selectors = {phase: f"5@{k}" for k, phase in enumerate(PHASES, 1)}
    with pytest.raises(InputError, match=r"time point 3: found 1 missing slice\(s\), at 16\.00 mm along the normal"):
        load_study(dicom.root, phase_map={"*": selectors})
    del selectors["portal_venous"]
    study = load_study(dicom.root, phase_map={"*": selectors}, reference_phase="arterial")
    np.testing.assert_array_equal(study.phases["delayed"].data, volumes["delayed"])

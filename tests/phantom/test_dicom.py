"""The DICOM form: valid files, exact geometry, dialects that say what they claim."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from custom.data import load_study
from custom.data.phantom import DIALECTS, reoriented, write_dicom, write_phantom
from custom.types import PHASES, InputError

ORIENTATIONS = {
    "axial": {},
    "oblique": {"tilt_deg": (8.0, -5.0, 12.0)},
    "flipped": {"flip": (0, 2)},
    "coronal": {"axes": (0, 2, 1)},
}
CLASSIC = sorted(name for name, dialect in DIALECTS.items() if not dialect.multi_frame)
RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


def _files(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_each_pixel_lies_where_the_affine_says(tiny_study, tmp_path, orientation):
    """Position and value of every voxel, from the standard's equation C.7.6.2.1-1, against the array."""
    study = reoriented(tiny_study, **ORIENTATIONS[orientation])
    write_dicom(study, tmp_path, layout="series", seed=1)
    arterial = [file for file in _files(tmp_path) if file.SeriesDescription.endswith("_art")]
    assert len(arterial) == study.tumour.shape[2]
    for file in arterial:
        row, column = np.array(file.ImageOrientationPatient[:3]), np.array(file.ImageOrientationPatient[3:])
        for i, j in ((0, 0), (3, 0), (0, 5), (file.Columns - 1, file.Rows - 1)):
            lps = (
                np.array(file.ImagePositionPatient) + row * file.PixelSpacing[1] * i + column * file.PixelSpacing[0] * j
            )
            index = np.linalg.inv(study.affine) @ [*(lps * RAS_TO_LPS), 1.0]
            np.testing.assert_allclose(index, np.rint(index), atol=1e-6)
            x, y, z = np.rint(index[:3]).astype(int)
            assert (x, y) == (i, j)
            assert file.pixel_array[j, i] == study.images[1, x, y, z]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("layout", DIALECTS)
def test_read_back_through_the_reader(tiny_study, tmp_path, layout, orientation):
    study = reoriented(tiny_study, **ORIENTATIONS[orientation])
    write_dicom(study, tmp_path, layout=layout, seed=2, shuffle_instance_numbers=True, localiser=True)
    study = reoriented(study, tilt_deg=DIALECTS[layout].tilt_deg)
    read = load_study({"case": "x", "image": str(tmp_path), "label": str(tmp_path / "tumour.nii.gz")})
    corners = np.indices(study.tumour.shape).reshape(3, -1)
    for phase, volume in read.phases.items():
        to_voxel = np.linalg.inv(volume.affine) @ study.affine
        index = to_voxel[:3, :3] @ corners + to_voxel[:3, 3:]
        np.testing.assert_allclose(index, np.rint(index), atol=1e-3)
        x, y, z = np.rint(index).astype(int)
        np.testing.assert_allclose(
            volume.data[x, y, z], study.images[PHASES.index(phase)].reshape(-1), rtol=1e-6, err_msg=phase
        )


@pytest.mark.parametrize("layout", CLASSIC)
def test_files_are_valid_and_consistent(tiny_study, tmp_path, layout):
    write_dicom(tiny_study, tmp_path, layout=layout, seed=5)
    files = _files(tmp_path)
    assert len(files) == 4 * 8
    assert len({f.SOPInstanceUID for f in files}) == len(files)
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName", "SOPClassUID"):
        assert len({str(f[keyword].value) for f in files}) == 1, keyword
    assert len({f.SeriesInstanceUID for f in files}) == (1 if DIALECTS[layout].one_series else 4)
    assert all(f.file_meta.MediaStorageSOPInstanceUID == f.SOPInstanceUID for f in files)
    assert all(f.PatientID.startswith("PHANTOM-") for f in files)
    for file in files:
        assert all(len(str(value)) <= 16 for value in (*file.ImagePositionPatient, *file.ImageOrientationPatient))


def test_uids_follow_the_seed(tiny_study, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_dicom(tiny_study, tmp_path / name, layout="enhanced", seed=seed)
    a, b, c = (next((tmp_path / name).rglob("*.dcm")).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_file_names_and_instance_numbers_tell_no_order(tiny_study, tmp_path):
    write_dicom(tiny_study, tmp_path, layout="temporal", seed=3, shuffle_instance_numbers=True)
    files = _files(tmp_path)
    heights = np.array([float(f.ImagePositionPatient[2]) for f in files])
    times = np.array([f.TemporalPositionIdentifier for f in files])
    numbers = np.array([f.InstanceNumber for f in files])
    assert sorted(numbers) == list(range(1, 33))
    for order in (np.arange(32), numbers.argsort()):
        assert abs(np.corrcoef(order, heights)[0, 1]) < 0.6
        assert (np.diff(times[order]) < 0).any()


def test_series_dialect_tells_time_by_acquisition_time(tiny_study, tmp_path):
    write_dicom(tiny_study, tmp_path, layout="series", seed=3)
    clocks = {f.SeriesDescription: f.AcquisitionTime for f in _files(tmp_path)}
    seconds = [int(c[:2]) * 3600 + int(c[2:4]) * 60 + float(c[4:]) for c in sorted(clocks.values())]
    expected = list(tiny_study.truth["times_s"].values())
    np.testing.assert_allclose(np.diff(seconds), np.diff(expected), atol=1e-3)
    assert [d.rsplit("_", 1)[1] for d, _ in sorted(clocks.items(), key=lambda pair: pair[1])] == [
        *("nativ", "art", "pv", "3min")
    ]


def test_temporal_dialect_hides_acquisition_times(tiny_study, tmp_path):
    write_dicom(tiny_study, tmp_path, layout="temporal", seed=3)
    files = _files(tmp_path)
    assert len({f.AcquisitionTime for f in files}) == 1
    assert {f.TemporalPositionIdentifier for f in files} == {1, 2, 3, 4}
    triggers = sorted({float(f.TriggerTime) for f in files})
    expected = np.array(list(tiny_study.truth["times_s"].values()))
    np.testing.assert_allclose(triggers, 1000 * (expected - expected[0]), atol=0.1)


def test_scaled_dialect_misleads_those_who_read_the_rescale_slope_alone(tiny_study, tmp_path):
    write_dicom(tiny_study, tmp_path, layout="scaled", seed=3)
    for file in _files(tmp_path):
        naive = file.pixel_array * float(file.RescaleSlope)
        true = file.pixel_array / file[0x2005, 0x100E].value
        assert naive.max() > 1.4 * true.max()


def test_a_missing_phase_is_missing(tiny_study, tmp_path):
    write_dicom(tiny_study, tmp_path, layout="series", seed=3, phases=("pre", "arterial", "portal_venous"))
    assert {f.SeriesDescription.rsplit("_", 1)[1] for f in _files(tmp_path)} == {"nativ", "art", "pv"}


def test_unknown_dialect_is_an_error(tiny_study, tmp_path):
    with pytest.raises(InputError, match=r"'mosaic'.*one of series, temporal"):
        write_dicom(tiny_study, tmp_path, layout="mosaic")


def test_reorienting_keeps_every_voxel_in_its_place(tiny_study):
    moved = reoriented(tiny_study, axes=(2, 0, 1), flip=(1,))
    for index in ((3, 10, 20), (7, 0, 47)):
        world = moved.affine @ [*index, 1.0]
        source = np.rint(np.linalg.inv(tiny_study.affine) @ world)[:3].astype(int)
        assert moved.images[(2, *index)] == tiny_study.images[(2, *source)]
    assert moved.truth["lesions"] == tiny_study.truth["lesions"]


def test_tilting_turns_the_truth_too(tiny_study):
    tilted = reoriented(tiny_study, tilt_deg=(20.0, 10.0, -15.0))
    for value in (1, 2):
        centre = (tilted.affine @ [*np.argwhere(tilted.tumour == value).mean(0), 1.0])[:3]
        recorded = [
            e["centre_ras_mm"] for e in tilted.truth["lesions"] if e["class"] == ["hemangioma", "HCC"][value - 1]
        ]
        np.testing.assert_allclose(centre, recorded[0], atol=0.05)
    assert np.linalg.norm(tilted.affine[:3, :3], axis=0) == pytest.approx([7.0, 7.0, 16.0])


def test_data_set_in_dicom_form(tmp_path):
    path = write_phantom(tmp_path / "d", preset="tiny", studies=2, format="dicom", layout="temporal")
    datalist = json.loads(path.read_text())
    items = [item for section in ("training", "validation", "test") for item in datalist[section]]
    assert len(items) == 2
    for item in items:
        assert list((path.parent / item["image"]).rglob("*.dcm"))
        assert (path.parent / item["label"]).is_file()

"""Masks as NRRD and DICOM SEG: the right voxels in the right place, by name, by code or as the user says."""

import tracemalloc

import numpy as np
import pydicom
import pytest

from custom.data import load_study
from custom.data.budget import MemoryBudget
from custom.data.segmentations import find_masks, parse_reference, plan_segmentation
from custom.types import InputError


def read(reference, purpose="label", budget_gb=1.0):
    return plan_segmentation(str(reference), purpose=purpose, where="m", budget=MemoryBudget(budget_gb)).read()


def places(volume, value=1):
    """World positions of the voxels with a value, in a fixed order."""
    world = np.argwhere(volume.data == value) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    return world[np.lexsort(np.round(world, 3).T)]


def corner(shape=(7, 5, 4)):
    """A mask without symmetry, with an empty slice inside and one at the end."""
    mask = np.zeros(shape, bool)
    mask[1:3, 0, 0] = mask[4, 2:5, 2] = mask[6, 4, 2] = True
    return mask


def expected_places(mask, axes, origin=(-12.0, 31.0, 7.0), step_mm=3.0):
    """World positions by DICOM's definition: column and row offsets along the cosines, in LPS, then RAS."""
    i, j, k = np.argwhere(mask).T
    row, column = np.array(axes)
    lps = np.array(origin) + 1.25 * i[:, None] * row + 1.5 * j[:, None] * column
    lps += step_mm * k[:, None] * np.cross(row, column)
    ras = lps * [-1, -1, 1]
    return ras[np.lexsort(np.round(ras, 3).T)]


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_seg_frames_lie_where_their_positions_say(tmp_path, write_seg, oblique, kind):
    mask = corner()
    path = write_seg(tmp_path / "s.dcm", {1: mask}, labels={1: "Tumor"}, axes=oblique, kind=kind,
                     measures={"SpacingBetweenSlices": 3.0})  # fmt: skip
    np.testing.assert_allclose(places(read(path)), expected_places(mask, oblique), atol=1e-4)


def test_seg_slices_that_were_left_out_are_empty(tmp_path, write_seg, oblique):
    mask = np.zeros((7, 5, 9), bool)
    mask[2, 1:4, 1] = mask[3, 2, 2] = mask[5, 0, 7] = True
    volume = read(write_seg(tmp_path / "s.dcm", {1: mask}, labels={1: "lesion"}, axes=oblique))
    assert volume.data.shape == (7, 5, 7)
    np.testing.assert_allclose(places(volume), expected_places(mask, oblique), atol=1e-4)


def test_seg_of_one_slice_has_its_thickness(tmp_path, write_seg):
    mask = np.zeros((7, 5, 4), bool)
    mask[2, 1:4, 3] = True
    axial = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    path = write_seg(tmp_path / "s.dcm", {1: mask}, labels={1: "mass"}, measures={"SliceThickness": 3.0})
    volume = read(path)
    assert volume.data.shape == (7, 5, 2)
    np.testing.assert_allclose(volume.affine[:3, 2], [0, 0, 3])
    np.testing.assert_allclose(places(volume), expected_places(mask, axial), atol=1e-4)


def test_segments_are_chosen_by_code_name_or_number(tmp_path, write_seg):
    liver, one, two = corner(), np.roll(corner(), 1, axis=1), np.roll(corner(), 2, axis=1)
    masks, labels = {1: liver, 2: one, 3: two}, {1: "Leber", 2: "A", 3: "HCC"}
    spacing = {"SpacingBetweenSlices": 3.0}
    path = write_seg(tmp_path / "s.dcm", masks, labels=labels, types={2: "52988006"}, measures=spacing)
    np.testing.assert_array_equal(read(path, "liver").data > 0, liver[:, :, :3])
    np.testing.assert_array_equal(read(path).data, (one | two)[:, :, :3])  # by code, and by name
    np.testing.assert_array_equal(read(f"{path}@3").data, two[:, :, :3])
    np.testing.assert_array_equal(read(f"{path}@hcc=2,A=1").data, np.where(one, 1, np.where(two, 2, 0))[:, :, :3])
    with pytest.raises(InputError, match=r"no segment 'B'; there are 1 'Leber', 2 'A', 3 'HCC'"):
        read(f"{path}@B")


def test_segments_that_say_nothing_are_not_guessed(tmp_path, write_seg):
    path = write_seg(tmp_path / "s.dcm", {1: corner(), 2: corner()})
    with pytest.raises(InputError, match=r"segments 1 'Segment_1', 2 'Segment_2'.*behind the path"):
        read(path)
    assert read(f"{path}@1,2").data.any()
    assert read(write_seg(tmp_path / "one.dcm", {1: corner()})).data.any()  # a single one leaves no choice
    with pytest.raises(InputError, match="tumour or lesion"):
        read(write_seg(tmp_path / "spleen.dcm", {1: corner()}, labels={1: "Spleen"}))


def test_a_liver_tumour_is_no_liver(tmp_path, write_seg):
    path = write_seg(tmp_path / "s.dcm", {1: corner()}, labels={1: "Liver tumour"}, types={1: "10200004"})
    with pytest.raises(InputError, match="calls liver"):
        read(path, "liver")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ds: setattr(ds, "Rows", 20000), "truncated|GB"),
        (lambda ds: setattr(ds, "NumberOfFrames", 7), "positions for the frames"),
        (lambda ds: delattr(ds, "PixelData"), "unreadable"),
        (lambda ds: setattr(ds, "PixelData", ds.PixelData[:2]), "unreadable"),
        (lambda ds: delattr(ds, "SharedFunctionalGroupsSequence"), "no orientation or pixel spacing"),
        (lambda ds: position(ds, 0, ["0", "0", "1e30"]), "uneven|GB|size"),
        (lambda ds: position(ds, 1, ["40", "31", "7"]), "shifted"),
        (lambda ds: owner(ds, 1, 7), "a frame of segment 7, which is not described"),
    ],
)
def test_seg_that_cannot_be_used(tmp_path, write_seg, change, message):
    mask = np.zeros((7, 5, 4), bool)
    mask[2, 1:4, :3] = True
    ds = pydicom.dcmread(write_seg(tmp_path / "s.dcm", {1: mask}, labels={1: "tumour"}))
    change(ds)
    ds.save_as(tmp_path / "s.dcm")
    with pytest.raises(InputError, match=message):
        read(tmp_path / "s.dcm", budget_gb=0.5)


def position(ds, frame, values):
    ds.PerFrameFunctionalGroupsSequence[frame].PlanePositionSequence[0].ImagePositionPatient = values


def owner(ds, frame, number):
    ds.PerFrameFunctionalGroupsSequence[frame].SegmentIdentificationSequence[0].ReferencedSegmentNumber = number


SLICER = {
    "Segment0_Name": "Liver",
    "Segment0_LabelValue": "4",
    "Segment0_Layer": "0",
    "Segment1_Name": "Segment_2",
    "Segment1_LabelValue": "1",
    "Segment1_Layer": "1",
    "Segment1_Tags": "TerminologyEntry:Segmentation category and type~SCT^49755003^Morphologically Altered Structure"
    "~SCT^4147007^Mass~^^~Anatomic codes~SCT^10200004^Liver~^^|Segmentation.Status:completed|",
}


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
def test_slicer_segments_in_layers(tmp_path, write_nrrd, encoding):
    layers = np.zeros((2, 7, 5, 4), np.uint8)
    layers[0][corner()] = 4
    layers[1][np.roll(corner(), 1, axis=0)] = 1
    path = write_nrrd(tmp_path / "Segmentation.seg.nrrd", layers, keys=SLICER, encoding=encoding)
    np.testing.assert_array_equal(read(path, "liver").data, corner())
    tumour = read(path)
    np.testing.assert_array_equal(tumour.data, np.roll(corner(), 1, axis=0))
    np.testing.assert_allclose(tumour.affine, [[0, -2, 0.3, 11], [1.5, 0, 0, -23], [0, 0.4, 4, 35], [0, 0, 0, 1]])


def test_slicer_segments_before_layers_were_shared(tmp_path, write_nrrd):
    layers = np.stack([corner(), np.roll(corner(), 2, axis=1)]).astype(np.uint8)
    path = write_nrrd(tmp_path / "s.nrrd", layers, keys={"Segment0_Name": "liver", "Segment1_Name": "tumor 1"})
    np.testing.assert_array_equal(read(path).data, np.roll(corner(), 2, axis=1))


def test_plain_nrrd_is_a_label_map(tmp_path, write_nrrd):
    values = corner().astype(np.int16) * 2
    values[0, 0, 3] = 1
    path = write_nrrd(tmp_path / "mask.nrrd", values)
    np.testing.assert_array_equal(read(path).data, values)
    np.testing.assert_array_equal(read(f"{path}@2").data, values == 2)
    np.testing.assert_array_equal(read(f"{path}@1=2,2=1").data, np.array([0, 2, 1])[values])
    with pytest.raises(InputError, match=r"values from 0 to 0\.5"):
        read(write_nrrd(tmp_path / "p.nrrd", corner() * 0.5))


def test_nrrd_equals_simpleitk(tmp_path, write_nrrd):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(corner().astype(np.uint8).transpose(2, 1, 0))
    image.SetSpacing((1.5, 0.7, 4.0))
    image.SetOrigin((3.0, -8.0, 21.0))
    image.SetDirection((0.8, 0.36, -0.48, 0.6, -0.48, 0.64, 0.0, 0.8, 0.6))
    sitk.WriteImage(image, str(tmp_path / "tumour.nrrd"), useCompression=True)
    volume = read(tmp_path / "tumour.nrrd")
    for index in np.argwhere(corner()):
        x, y, z = image.TransformIndexToPhysicalPoint([int(n) for n in index])
        np.testing.assert_allclose(volume.affine @ [*index, 1], [-x, -y, z, 1], atol=1e-6)
    np.testing.assert_array_equal(volume.data, corner())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"data file": "/etc/passwd"}, "voxels in a file of their own"),
        ({"encoding": "bzip2"}, "encoding 'bzip2'"),
        ({"sizes": "7 5 40000"}, "unreadable or truncated"),
        ({"sizes": "90000 90000 90000"}, "GB"),
        ({"sizes": "7 5"}, "do not fit together"),
        ({"sizes": "7 5 -4"}, "do not fit together"),
        ({"space": "scanner-xyz"}, "scanner-xyz"),
        ({"space origin": "(nan,0,0)"}, "triple of numbers"),
        ({"space directions": "(1,0,0) (2,0,0) (0,0,1)"}, "singular affine"),
        ({"type": "block"}, "type 'block'"),
        ({"byte skip": "-1"}, "skipped bytes"),
        ({"byte skip": "x"}, "skipped bytes"),
    ],
)
def test_nrrd_that_cannot_be_used(tmp_path, write_nrrd, fields, message):
    path = write_nrrd(tmp_path / "tumour.nrrd", corner().astype(np.uint8), fields=fields)
    with pytest.raises(InputError, match=message):
        read(path)


def test_a_gzip_bomb_is_not_unpacked(tmp_path, write_nrrd):
    path = write_nrrd(tmp_path / "tumour.nrrd", np.zeros((400, 400, 400), np.uint8), fields={"sizes": "7 5 4"})
    tracemalloc.start()
    assert read(path).data.shape == (7, 5, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6  # of 64


def test_a_file_that_is_no_mask(tmp_path):
    (tmp_path / "x.dcm").write_bytes(b"hello")
    with pytest.raises(InputError, match="a file that is no mask"):
        read(tmp_path / "x.dcm")
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "y.seg.nrrd")


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("a/seg.dcm", "a/seg.dcm", {}),
        ("a/seg.dcm@2", "a/seg.dcm", {"2": 1}),
        ("a@b/seg.nrrd", "a@b/seg.nrrd", {}),
        ("seg.nrrd@HCC=2, FNH", "seg.nrrd", {"HCC": 2, "FNH": 1}),
    ],
)
def test_references(text, path, values):
    assert parse_reference(text) == (path, values)


@pytest.mark.parametrize("value", ["0", "256", "x", ""])
def test_label_values_are_bytes(value):
    with pytest.raises(InputError, match="label value"):
        parse_reference(f"seg.nrrd@HCC={value}")


def found_in(folder):
    return find_masks(sorted(path for path in folder.rglob("*") if path.is_file()))


def test_masks_of_phases_and_numbered_tumours_are_found(nifti_study, volumes, save_nifti, write_nrrd):
    mask = (volumes["pre"] > 180).astype(np.uint8)
    for name in ("tumour1", "tumour2", "liver_mask", "arterial_seg", "c01_pv_tumour"):
        save_nifti(nifti_study / f"{name}.nii.gz", mask)
    masks = found_in(nifti_study)
    assert [path.name for path in masks.label] == ["tumour1.nii.gz", "tumour2.nii.gz"]
    assert {phase: path[0].name for phase, path in masks.labels.items()} == {
        "arterial": "arterial_seg.nii.gz",
        "portal_venous": "c01_pv_tumour.nii.gz",
    }
    assert masks.liver.name == "liver_mask.nii.gz"
    assert masks.unclear == ()


def test_what_could_be_two_masks_is_not_taken(tmp_path, save_nifti, write_nrrd, write_seg):
    mask = corner().astype(np.uint8)
    save_nifti(tmp_path / "rater1_tumour.nii.gz", mask)
    save_nifti(tmp_path / "rater2_tumour.nii.gz", mask)
    write_seg(tmp_path / "deep" / "1-1.dcm", {1: corner()}, labels={1: "Spleen"})
    masks = found_in(tmp_path)
    assert masks.label == ()
    assert "rater1_tumour.nii.gz, rater2_tumour.nii.gz" in masks.unclear[1]
    assert "1-1.dcm: no segment that is called tumour or liver" in masks.unclear[0]
    save_nifti(tmp_path / "tumour.nii.gz", mask)  # says it best
    assert found_in(tmp_path).label == (tmp_path / "tumour.nii.gz",)


def test_one_file_of_segments_holds_tumour_and_liver(dicom, volumes, write_seg, write_nrrd):
    dicom.series([volumes["pre"]], 5)
    liver, tumour = volumes["pre"] > 150, volumes["pre"] > 250
    write_seg(dicom.root / "1" / "0001.dcm", {1: liver, 2: tumour}, labels={1: "Liver", 2: "Tumor"})
    study = load_study(dicom.root, phase_map={"*": {"portal_venous": "5"}})
    reference = study.phases["portal_venous"]
    for mask, volume in ((tumour, study.label), (liver, study.liver)):
        there = np.argwhere(mask) @ reference.affine[:3, :3].T + reference.affine[:3, 3]
        np.testing.assert_allclose(places(volume), there[np.lexsort(np.round(there, 3).T)], atol=1e-4)


def test_a_broken_mask_beside_the_study_says_so_and_is_not_taken(nifti_study):
    (nifti_study / "x.seg.nrrd").write_bytes(b"NRRD0004\ntype: short\n")
    study = load_study(nifti_study)
    assert study.label is None
    assert "mask_set_aside" in study.flags
    assert {"series": "masks", "reason": "x.seg.nrrd: no complete NRRD header"} in study.set_aside
    assert found_in(nifti_study).unclear == ("x.seg.nrrd: no complete NRRD header",)


def test_a_segmentation_that_lost_its_kind_is_told(nifti_study, write_seg):
    path = write_seg(nifti_study / "tumour.dcm", {1: corner()}, labels={1: "Tumour"})
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.5.1.4.1.1.66.4", bytes(28)))
    assert found_in(nifti_study).unclear == ("tumour.dcm: a damaged DICOM file",)
    for content in (path.read_bytes(), bytes(60)):
        path.write_bytes(content)
        assert "mask_set_aside" in load_study(nifti_study).flags

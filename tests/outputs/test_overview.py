import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from custom.outputs import draw_overview, largest_section, overview

RAS = np.diag([1.0, 1.0, 5.0, 1.0])


def landmark(shape=(20, 30, 6)) -> np.ndarray:
    """In RAS+ voxel order: 1 at the right front, 2 at the left front, 3 at the right back; all in slice 4."""
    volume = np.zeros(shape)
    volume[-1, -1, 4], volume[0, -1, 4], volume[-1, 0, 4] = 1, 2, 3
    return volume


@pytest.mark.parametrize("flips", [(), (0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (1, 2, 0)])
def test_axial_sections_hang_right_on_the_left_and_front_on_top(flips, order):
    """The same anatomy stored in any axis order and direction gives the same picture."""
    volume, affine = landmark(), RAS.copy()
    for axis in flips:
        volume = np.flip(volume, axis)
        affine[:3, 3] += affine[:3, axis] * (volume.shape[axis] - 1)
        affine[:3, axis] *= -1
    volume, affine = np.transpose(volume, order), affine[:, [*order, 3]]
    section = largest_section(volume, affine)
    picture = section.of(volume)
    assert section.plane == "axial"
    assert picture.shape == (30, 20)
    assert (picture[0, 0], picture[0, -1], picture[-1, 0]) == (1, 2, 3)


@pytest.mark.parametrize(("thick", "plane"), [(0, "sagittal"), (1, "coronal"), (2, "axial")])
def test_the_section_follows_the_slice_axis(thick, plane):
    spacing = np.array([1.0, 1.2, 1.4])
    spacing[thick] = 6.0
    mask = np.zeros((9, 11, 13))
    mask[-1, -1, -1] = 1  # right, front, top
    section = largest_section(mask, np.diag([*spacing, 1.0]))
    assert (section.plane, section.axis, section.index) == (plane, thick, mask.shape[thick] - 1)
    assert section.of(mask)[0, 0] == 1
    expected_mm = {0: (1.4, 1.2), 1: (1.4, 1.0), 2: (1.2, 1.0)}[thick]
    assert (section.row_mm, section.column_mm) == pytest.approx(expected_mm)


def test_without_a_tumour_it_is_the_middle_slice():
    assert largest_section(np.zeros((8, 8, 7)), RAS).index == 3


@pytest.mark.parametrize(
    "study",
    [{}, {"lesions": False}, {"missing": ("pre", "delayed")}, {"tasks": ()}, {"case": "a" * 40}],
    ids=["full", "no lesion", "missing phases", "no tasks", "long name"],
)
def test_a_readable_png_is_drawn(make_study, tmp_path, study):
    path = tmp_path / "overview ü.png"
    draw_overview(make_study(**study), ["hemangioma", "HCC"], path)
    picture = imread(path)
    assert picture.shape[0] > 700
    assert picture.shape[1] > 1300
    panels = picture[150:400, 100:1450, :3]
    assert panels.mean(-1).std() > 0.1


def test_outlines_have_the_colour_of_the_class(make_study, tmp_path):
    draw_overview(make_study(), ["hemangioma", "HCC"], tmp_path / "a.png")
    draw_overview(make_study(lesions=False), ["hemangioma", "HCC"], tmp_path / "b.png")

    def orange(path) -> int:
        picture = imread(path)[:430, :, :3]
        return int((np.abs(picture - np.array([0xE6, 0x9F, 0x00]) / 255).max(-1) < 0.1).sum())

    assert orange(tmp_path / "a.png") > 300  # HCC has the largest section
    assert orange(tmp_path / "b.png") == 0


def test_a_curve_has_a_gap_where_a_phase_does_not_cover_the_lesion(make_study):
    result = make_study()["result"]
    for name in ("measured", "regressed"):
        result["enhancement"][name]["raw"]["delayed"] = None
    axis = Figure().add_subplot()
    overview._draw_curves(axis, result)
    lines = {line.get_label(): line.get_ydata() for line in axis.lines}
    for text in ("measured under the mask", "regressed by the network"):
        assert np.isnan(lines[text]).tolist() == [False, False, False, True]
    assert not any("no lesion" in text.get_text() for text in axis.texts)

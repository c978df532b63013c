import sys

import numpy as np
import pytest
import SimpleITK

from custom.data import Volume
from custom.transforms.alignment.gate import displacement
from custom.transforms.alignment.region import metric_region
from custom.transforms.alignment.register import Registration, simple_itk
from custom.transforms.alignment.working_image import working_image
from custom.types import InputError


def registration(reference, phase):
    region = metric_region(reference)
    return Registration(reference, phase.at(reference), region, np.ones(region.shape, dtype=bool))


def turn(degrees, axis):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    i, j = [k for k in range(3) if k != axis]
    matrix[[i, i, j, j], [i, j, i, j]] = [c, -s, s, c]
    return matrix


def oblique(spacing, degrees=(12, -9, 14)):
    """A grid whose axes lie along no world axis, around the same place."""
    affine = np.eye(4)
    rotation = turn(degrees[0], 0) @ turn(degrees[1], 1) @ turn(degrees[2], 2)
    affine[:3, :3] = rotation @ np.diag([-spacing[0], -spacing[1], spacing[2]])
    affine[:3, 3] = -affine[:3, :3] @ [31, 26, 7]
    return affine


@pytest.mark.parametrize("phase", ["pre", "arterial"])
@pytest.mark.parametrize("shift", [(0, 0, 0), (2.0, -3.0, 6.0), (-1.5, 2.5, -11.0), (0.5, 1.0, 15.0)])
def test_a_shift_is_found_with_its_sign(abdomen, phase, shift):
    """Content that lies ``shift`` further right, front and up in the phase, whatever became bright meanwhile."""
    found = registration(abdomen.working("portal_venous"), abdomen.working(phase, abdomen.shifted(shift)))
    np.testing.assert_allclose(found.translation().matrix[:3, 3], shift, atol=1.0)


def test_the_scanners_gain_plays_no_part(abdomen):
    reference, phase = abdomen.working("portal_venous"), abdomen.working("pre", abdomen.shifted((2.0, -3.0, 6.0)))
    one = registration(reference, phase).translation().matrix
    other = registration(*(image._replace(data=np.float32(0.037) * image.data) for image in (reference, phase)))
    np.testing.assert_allclose(other.translation().matrix, one, atol=0.05)


def test_a_shift_is_in_world_millimetres_on_an_oblique_grid(abdomen):
    shift, shape, affine = (3.0, -2.0, 7.0), (62, 52, 15), oblique((5.0, 5.0, 8.0))
    phase = abdomen.working("delayed", abdomen.shifted(shift), shape, affine)
    found = registration(abdomen.working("portal_venous", shape=shape, affine=affine), phase).translation()
    np.testing.assert_allclose(found.matrix[:3, 3], shift, atol=1.0)
    np.testing.assert_allclose(found.matrix[:3, :3], np.eye(3), atol=1e-12)


def test_the_way_a_volume_is_stored_changes_nothing(abdomen):
    """The same voxels as a coronal stack, stored from front to back and from below."""
    data, affine = abdomen.image("portal_venous"), abdomen.AFFINE
    moved = abdomen.image("delayed", abdomen.shifted((2, 3, -6)))
    flip = np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)  # new axes: old y, z, x
    results = []
    for reorder in (lambda a: a, lambda a: np.ascontiguousarray(a.transpose(1, 2, 0))):
        matrix = affine if not results else affine @ flip
        stored = [Volume(data=reorder(voxels), affine=matrix, source="volume") for voxels in (data, moved)]
        found = registration(*map(working_image, stored))
        results.append(found.translation().matrix)
    np.testing.assert_allclose(results[1], results[0], atol=1e-9)


def test_a_turn_is_found(abdomen):
    pivot = np.array([60.0, 5.0, 0.0])
    rotation, shift = turn(5, 2), np.array([1.0, -2.0, 5.0])

    def place(points):  # inverse of x -> R (x - pivot) + pivot + shift
        return (points - pivot - shift) @ rotation + pivot

    found = registration(abdomen.working("portal_venous"), abdomen.working("delayed", place))
    found.translation()
    motion = found.rigid()
    assert np.degrees(np.arctan2(motion.matrix[1, 0], motion.matrix[0, 0])) == pytest.approx(5.0, abs=1.0)
    np.testing.assert_allclose(displacement(motion, pivot), shift, atol=1.2)


@pytest.mark.slow  # of all kinds the one that nobody gets without asking for it
def test_a_deformation_is_found_and_points_the_right_way(abdomen):
    def bulge(points):
        return 6.0 * np.exp(-(((points - np.array([70.0, 0.0, 0.0])) / 45.0) ** 2).sum(-1))

    def place(points):
        rest = points.copy()
        rest[..., 1] -= bulge(points)  # the middle of the liver lies up to 6 mm further to the front
        return rest

    found = registration(abdomen.working("portal_venous", noise=1.0), abdomen.working("delayed", place, noise=1.0))
    found.translation()
    motion = found.deformable()
    middle, edge = displacement(motion, np.array([70.0, 0.0, 0.0])), displacement(motion, np.array([40.0, 10.0, -40.0]))
    assert middle[1] == pytest.approx(5.5, abs=2.0)
    assert middle[1] > edge[1] + 1.5
    assert np.abs(middle[[0, 2]]).max() < 2.0


def test_the_number_of_threads_plays_no_part(abdomen):
    reference, phase = abdomen.working("portal_venous"), abdomen.working("pre", abdomen.shifted((1, 2, 5)))
    threads = SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads()
    found = []
    try:
        for count in (1, 4):
            SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(count)
            one = registration(reference, phase)
            found.append([one.translation().matrix, one.rigid().matrix])
    finally:
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    np.testing.assert_array_equal(found[1][0], found[0][0])
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=0, atol=1e-9)  # SimpleITK sizes the first turn otherwise


def test_without_simpleitk_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(InputError, match=r"'registration': found no SimpleITK.*set registration to none"):
        simple_itk()

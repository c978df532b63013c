import numpy as np

from custom.transforms.alignment.region import find_body, metric_region
from custom.transforms.alignment.working_image import WorkingImage


def test_the_liver_is_in_the_wall_and_the_spine_are_not(abdomen):
    reference = abdomen.working("portal_venous")
    region, points = metric_region(reference), abdomen.world(reference.data.shape, reference.affine)
    assert region[np.linalg.norm(points - [60, 0, -10], axis=-1) < 30].all()
    assert not region[points[..., 0] < -5].any()  # the patient's left
    assert not region[np.hypot(points[..., 0], points[..., 1] + 75) < 20].any()  # spine
    assert not region[np.linalg.norm(points[..., :2] / [112, 82], axis=-1) > 1].any()  # wall


def test_a_liver_mask_decides_but_the_wall_stays_out(abdomen):
    reference = abdomen.working("portal_venous")
    points = abdomen.world(reference.data.shape, reference.affine)
    liver = np.linalg.norm((points - [62, 0, -5]) / [50, 60, 40], axis=-1) < 1
    region = metric_region(reference, reference._replace(data=liver.astype(np.float32)))
    assert region[np.linalg.norm(points - [45, 0, -5], axis=-1) < 30].all()
    assert not region[points[..., 2] > 55].any()
    assert not region[np.linalg.norm(points[..., :2] / [112, 82], axis=-1) > 1].any()


def test_lungs_belong_to_the_body_and_arms_do_not(abdomen):
    reference = abdomen.working("portal_venous")
    points = abdomen.world(reference.data.shape, reference.affine)
    picture = reference.data.copy()
    picture[np.hypot(points[..., 0] - 146, points[..., 1]) < 6] = 300.0
    body = find_body(picture)
    assert body[np.linalg.norm(points - [50, 0, 50], axis=-1) < 20].all()
    assert not body[points[..., 0] > 141].any()


def test_a_field_of_view_too_small_for_it_uses_the_body():
    affine = np.diag([5.0, 5.0, 8.0, 1.0])
    small = WorkingImage(np.full((10, 9, 8), 100.0, np.float32), affine)
    assert metric_region(small).all()
    assert not metric_region(small._replace(data=np.zeros_like(small.data))).any()

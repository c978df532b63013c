"""MONAI's own chain brings a study to the network's grid; these tests hold that its way back is exact."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, DivisiblePadd, Invertd, Orientationd, ResizeWithPadOrCropd, Spacingd

SPACING_MM = 2.5


def chain(roi_size=None):
    last = (
        DivisiblePadd(keys="image", k=(16, 16, 1))
        if roi_size is None
        else ResizeWithPadOrCropd(keys="image", spatial_size=[*roi_size, -1])
    )
    return Compose(
        [
            Orientationd(keys="image", axcodes="LPS", labels=None),
            Spacingd(keys="image", pixdim=[SPACING_MM, SPACING_MM, -1.0], mode="bilinear", dtype="float32"),
            last,
        ]
    )


def affine_of(spacing_mm, columns=(0, 1, 2), signs=(1, 1, 1), turn_deg=0.0):
    """Voxel axes along world axes ``columns`` with ``signs``, then turned about two axes."""
    a, b = np.deg2rad(turn_deg), np.deg2rad(turn_deg / 2)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.eye(3)[:, list(columns)] @ np.diag(signs) @ np.diag(spacing_mm)
    affine[:3, 3] = (-103.0, 51.5, -27.25)
    return affine


GRIDS = {
    "demo": ((64, 64, 8), affine_of((2.5, 2.5, 8.0))),
    "demo flipped": ((64, 48, 8), affine_of((2.5, 2.5, 8.0), signs=(-1, -1, 1))),
    "320x260": ((320, 260, 4), affine_of((1.2, 1.2, 4.0), signs=(-1, 1, -1))),
    "512x512": ((512, 512, 3), affine_of((0.7, 0.7, 5.0), signs=(-1, -1, 1))),
    "odd sizes": ((61, 47, 9), affine_of((3.1, 2.9, 7.0))),
    "oblique": ((100, 90, 8), affine_of((1.7, 1.7, 5.0), signs=(-1, -1, 1), turn_deg=17)),
    "coronal, near-isotropic": ((70, 66, 60), affine_of((2.0, 2.0, 2.2), columns=(0, 2, 1), signs=(-1, 1, -1))),
    "slices first": ((7, 80, 75), affine_of((6.0, 2.0, 2.0), columns=(2, 0, 1), signs=(1, -1, 1))),
}
SHEARED = affine_of((1.6, 1.6, 1.25), signs=(-1, -1, 1), turn_deg=16.6)
SHEARED[:3, 2] += 0.02 * SHEARED[:3, 0]  # slices step one degree off their normal
GRIDS["sheared"] = ((96, 80, 40), SHEARED)


def world(shape, affine):
    """World coordinates of all voxels, ``(3, X, Y, Z)``."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"))
    return np.tensordot(affine[:3, :3], index, 1) + affine[:3, 3, None, None, None]


def between_centres(points, shape, affine):
    """Which points lie between voxel centres of a grid, where linear interpolation is exact."""
    inverse = np.linalg.inv(affine)
    index = np.tensordot(inverse[:3, :3], points, 1) + inverse[:3, 3, None, None, None]
    last = np.array(shape)[:, None, None, None] - 1
    return ((index > -1e-6) & (index < last + 1e-6)).all(0)


def load(image, affine):
    meta = {"spatial_shape": list(image.shape[1:]), "original_affine": torch.tensor(affine)}
    return {"image": MetaTensor(torch.as_tensor(image, dtype=torch.float32), affine=torch.tensor(affine), meta=meta)}


def back(item, prediction, transform, nearest):
    image = item["image"]
    item["pred"] = MetaTensor(prediction, meta=image.meta, applied_operations=image.applied_operations)
    invert = Invertd(keys="pred", transform=transform, orig_keys="image", nearest_interp=nearest, to_tensor=True)
    return invert(dict(item))["pred"]


@pytest.mark.parametrize("name", GRIDS)
def test_voxels_stand_where_their_affine_says(name):
    """Each voxel of the network's grid holds its own world coordinates when the native image held them."""
    shape, affine = GRIDS[name]
    item = chain()(load(world(shape, affine), affine))
    on_grid = item["image"]
    assert all(n % 16 == 0 for n in on_grid.shape[1:3])
    true = world(on_grid.shape[1:], on_grid.affine.numpy())
    error_mm = np.abs(on_grid.numpy() - true).max(0)
    inside = between_centres(true, shape, affine)
    assert inside.any()
    assert error_mm[inside].max() < 2e-3


@pytest.mark.parametrize("roi_size", [None, (64, 48)])
@pytest.mark.parametrize("name", GRIDS)
def test_prediction_returns_to_the_native_grid(name, roi_size):
    """An asymmetric blob painted on the network's grid by world position lands on that position."""
    shape, affine = GRIDS[name]
    transform = chain(roi_size)
    native = world(shape, affine)
    item = transform(load(native, affine))
    centre = affine[:3, :3] @ ((np.array(shape) - 1) / 2) + affine[:3, 3] + np.array([9.0, -6.0, 2.0])
    half_mm = np.array([21.0, 12.0, 9.0])

    def blob(coordinates):
        return (np.abs(coordinates - centre[:, None, None, None]) < half_mm[:, None, None, None]).all(0)

    on_grid = blob(world(item["image"].shape[1:], item["image"].affine.numpy()))
    returned = back(item, torch.tensor(on_grid[None], dtype=torch.float32), transform, nearest=True)
    assert tuple(returned.shape) == (1, *shape)
    np.testing.assert_allclose(returned.affine.numpy(), affine, atol=1e-9)
    found, true = returned.numpy()[0] > 0, blob(native)
    assert set(np.unique(returned.numpy())) == {0.0, 1.0}
    if name.startswith("demo"):
        np.testing.assert_array_equal(found, true)
    # no voxel further from the blob's surface than half a network pixel
    depth = (half_mm[:, None, None, None] - np.abs(native - centre[:, None, None, None])).min(0)
    slack_mm = 0.75 * max(SPACING_MM, *np.linalg.norm(affine[:3, :3], axis=0))
    assert np.abs(depth[found != true]).max(initial=0) < slack_mm
    offset_mm = (native[:, found].mean(1) - native[:, true].mean(1)) / SPACING_MM
    assert np.abs(offset_mm).max() < 0.5


@pytest.mark.parametrize("name", GRIDS)
def test_probabilities_return_linearly(name):
    """A linear field of world coordinates comes back as itself, away from the edge."""
    shape, affine = GRIDS[name]
    transform = chain()
    item = transform(load(world(shape, affine), affine))
    field = torch.tensor(world(item["image"].shape[1:], item["image"].affine.numpy()), dtype=torch.float32)
    returned = back(item, field, transform, nearest=False)
    unpadded = Compose(transform.transforms[:2])(load(np.zeros((1, *shape)), affine))["image"]  # the edge is clamped
    inside = between_centres(world(shape, affine), unpadded.shape[1:], unpadded.affine.numpy())
    assert inside.mean() > 0.5
    assert np.abs(returned.numpy() - world(shape, affine)).max(0)[inside].max() < 2e-3


def test_the_demo_grid_is_not_resampled():
    shape, affine = GRIDS["demo"]
    image = np.random.default_rng(0).uniform(0, 900, (4, *shape)).astype(np.float32)
    out = chain()(load(image, affine))["image"]
    np.testing.assert_array_equal(out.numpy(), image[:, ::-1, ::-1])

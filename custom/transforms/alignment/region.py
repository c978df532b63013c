"""Where the match between two phases counts: on what moves with the breath, not on the body's wall and the spine.

Over the whole image the resting wall wins, and no shift is found.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .working_image import WorkingImage

WALL_MM = 30.0
"""Skin, fat, ribs and the abdominal wall: what lies less deep than this is left out."""
BACK = 0.3
"""The share of the body's depth, from behind, that spine, aorta and back muscles take."""
BODY_FRACTION = 0.1
"""The body is where the signal exceeds this share of its 99th percentile."""
AROUND_LIVER_MM = 15.0
"""What lies this near to the liver belongs to its surroundings, against which its outline shows."""
ENOUGH_VOXELS = 300
"""Fewer cannot fill the joint histogram of two images."""


def metric_region(reference: WorkingImage, liver: WorkingImage | None = None) -> np.ndarray:
    """Liver and surroundings, or else the deep right half of the body in front of the spine, where the liver is.

    In a field of view too small for it: the deep part of both halves, or else the body.  Tumour masks have no say: what
    the network sees must be made in the same way whether the answer is known or not.

    Args:
        reference: the reference phase.
        liver: share of the liver in each voxel of the same grid, if known.

    Returns:
        ``(X, Y, Z)`` bool on the reference's grid; empty where nothing is bright.
    """
    body = find_body(reference.data)
    if not body.any():
        return body
    depth_mm = np.stack([_depth(body[..., k], reference.spacing_mm[:2]) for k in range(body.shape[2])], axis=-1)
    deep = depth_mm > WALL_MM
    in_front = deep & (np.arange(body.shape[1])[None, :, None] >= _at(body, 1, BACK))
    right_half = in_front & (np.arange(body.shape[0])[:, None, None] >= _at(body, 0, 0.5))
    regions = [right_half, in_front, body]
    if liver is not None and (liver.data > 0.5).any():
        near = ndimage.distance_transform_edt(liver.data <= 0.5, sampling=reference.spacing_mm) <= AROUND_LIVER_MM
        regions.insert(0, near & deep)
    return next((region for region in regions if region.sum() >= ENOUGH_VOXELS), body)


def _at(body: np.ndarray, axis: int, share: float) -> int:
    """Index at a share of the body's extent along an axis."""
    first, last = np.flatnonzero(body.any(axis=tuple({0, 1, 2} - {axis})))[[0, -1]]
    return int(first + share * (last - first))


def find_body(image: np.ndarray) -> np.ndarray:
    """The largest bright object, without its holes (lungs, gas) in each axial slice: ``(X, Y, Z)`` bool."""
    positive = image[image > 0]
    if not positive.size:
        return np.zeros(image.shape, dtype=bool)
    objects, count = ndimage.label(image > BODY_FRACTION * np.percentile(positive, 99))
    if not count:
        return np.zeros(image.shape, dtype=bool)
    body = objects == 1 + np.argmax(np.bincount(objects.ravel())[1:])
    return np.stack([ndimage.binary_fill_holes(body[..., k]) for k in range(body.shape[2])], axis=-1)


def _depth(body: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Distance to the body's outline in an axial slice, mm; the edge of the image is an outline, too."""
    return ndimage.distance_transform_edt(np.pad(body, 1), sampling=spacing_mm)[1:-1, 1:-1]

"""A request to MONAI Label: one path becomes a prepared study, in whatever form the path names it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

from monai.transforms import Transform

from .refusal import readable_refusals, refusal


class PrepareRequestd(Transform):
    """The bundle's preprocessing as MONAI Label calls it, with errors that its client can read.

    The server hands over its whole request; the bundle's transforms see the image alone, so that no parameter of a
    client can be taken for a key of theirs.

    Args:
        transforms: the preprocessing, which reads a study from ``{"image": path}``.

    Returns (of the call): the request with what the preprocessing made.

    Raises:
        HTTPException: 404 for an id that the server does not know, 422 for a study that cannot be used.
    """

    def __init__(self, *, transforms: Callable[[dict], Mapping[Hashable, Any]]) -> None:
        self.transforms = transforms

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        image = data["image"]
        if not image or not isinstance(image, str):  # MONAI Label makes an empty path of an unknown id
            raise refusal(
                404,
                "image: found no study of this id; expected an id that GET /datastore/ lists, or the path of a folder "
                "or NIfTI file on the server. Correct the id.",
            )
        with readable_refusals(Path(image).name):
            return {**data, **self.transforms({"image": image})}

"""A request to MONAI Label: one path becomes a prepared study, in whatever form the path names it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

from monai.transforms import Transform

from ..engines.description import check_made_for
from .refusal import readable_refusals, refusal

ANEW = "Start the server anew, or choose other weights (model_filename)."


class PrepareRequestd(Transform):
    """The bundle's preprocessing as MONAI Label calls it, with errors that its client can read.

    The server hands over its whole request; the bundle's transforms see the image alone, so that no parameter of a
    client can be taken for a key of theirs.

    Args:
        transforms: the preprocessing, which reads a study from ``{"image": path}``.
        weights: the bundle's weights file; a request may choose another one beside it (``model_filename``).
        expects: what the preprocessing prepares, as it was when the server started: since then a training may have put
            weights there that expect something else.

    Returns (of the call): the request with what the preprocessing made.

    Raises:
        HTTPException: 404 for an id that the server does not know, 422 for a study or for weights that cannot be used.
    """

    def __init__(
        self,
        *,
        transforms: Callable[[dict], Mapping[Hashable, Any]],
        weights: str,
        expects: Mapping[str, Any] | None = None,
    ) -> None:
        self.transforms, self.weights, self.expects = transforms, Path(weights), dict(expects or {})

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        image = data["image"]
        if not image or not isinstance(image, str):  # MONAI Label makes an empty path of an unknown id
            raise refusal(
                404,
                "image: found no study of this id; expected an id that GET /datastore/ lists, or the path of a folder "
                "or NIfTI file on the server. Correct the id.",
            )
        with readable_refusals(Path(image).name):
            check_made_for(chosen_weights(data, self.weights), self.expects, remedy=ANEW)
            return {**data, **self.transforms({"image": image})}


def chosen_weights(data: Mapping[Hashable, Any], weights: Path) -> Path:
    """As the server chooses: the named file if there is one (it lists the names when nothing is chosen)."""
    names = data.get("model_filename") or [weights.name]
    chosen = weights.with_name(names if isinstance(names, str) else names[0])
    return chosen if chosen.is_file() else weights

"""What a MONAI Label server sends back: the label map on the native grid and the study's report as its parameters."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

from monai.data import MetaTensor
from monai.transforms import Transform

from ..outputs import file_sha256
from .refusal import readable_refusals
from .request import chosen_weights
from .scoring import class_probabilities


class AnswerRequestd(Transform):
    """The bundle's postprocessing as MONAI Label calls it.

    A request names its model.  A call without one comes from active-learning scoring, which samples predictions and
    takes the entropy of their mean: of probabilities then, not of a label map, whose logarithm means nothing.

    Args:
        transforms: the postprocessing, which sets ``pred`` and ``result``.
        weights: the bundle's weights file; a request may choose another one beside it (``model_filename``).
    """

    def __init__(self, *, transforms: Callable[[dict], Mapping[Hashable, Any]], weights: str) -> None:
        self.transforms, self.weights = transforms, Path(weights)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        if "model" not in data:
            # without an image to refer to, the server leaves the prediction on the network's grid
            rest = {key: value for key, value in data.items() if key not in ("image", "native")}
            # the server sums it with numpy, which of tensors can only take MONAI's
            return {**rest, "pred": MetaTensor(class_probabilities(data["pred"]))}
        with readable_refusals(data["study"]["case"]):
            answer = dict(self.transforms(dict(data)))
        answer["result"] = {**answer["result"], "weights_sha256": file_sha256(str(chosen_weights(data, self.weights)))}
        return answer

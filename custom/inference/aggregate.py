"""The network's slice-wise dict becomes a study prediction: masks, lesions, study class, study curves."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform

from ..coverage import phases_in_slices
from ..enhancement_classifier import CurveClassifier
from ..transforms import study_enhancement
from ..types import PHASES, InputError
from .lesions import Lesion, describe_lesions, find_lesions, volume_weighted


class AggregateStudyd(Transform):
    """Splits ``data["pred"]``, the network's dict of one study, into the study's keys (data.md, "Lesions").

    Reads ``pred`` (``seg (1, H, W, D)`` logits and, as far as the network has these tasks, ``enhancement (4, D)`` and
    ``class_logits (K, D)``), ``image`` (MetaTensor ``(4, H, W, D)``, whose affine gives the spacing), ``phase_mask``
    and, if there are any, ``label`` and ``phase_label``.  Sets, on the same grid and in the image's normalised unit:

    ==========================  =====================================================================================
    ``pred``                    ``(1, H, W, D)`` uint8 MetaTensor, 1 in every lesion
    ``probability``             ``(1, H, W, D)`` float32 MetaTensor; 0 in components that are not held for a lesion
    ``instances``               ``(1, H, W, D)`` int16 MetaTensor, lesion numbers
    ``lesions``                 plain dicts: id, volume_ml, certainty, class_probabilities, regressed, measured,
                                shared_slice
    ``class_prob``              ``(K)`` volume-weighted over the lesions
    ``enhancement_pred``        ``(4)`` regressed, volume-weighted over the lesions
    ``enhancement_measured``    ``(4)`` under ``pred``
    ``enhancement``             ``(4)`` under the true mask; only when there is one
    ``slice_class_prob``        ``(K, D)``
    ``slice_enhancement``       ``(4, D)``
    ==========================  =====================================================================================

    A value that does not exist (no lesion, no such task, an empty label; in curves a phase that is missing or does not
    reach there) is NaN in tensors and None in ``lesions``.

    Args:
        threshold: tumour probability above which a voxel is tumour, in (0, 1).
        min_volume_ml: smallest lesion, >= 0.
        min_certainty: smallest mean tumour probability of a lesion, in [0, 1].
        classes: class names in head order.
        curve_classifier: for lesions that are never alone in a slice: None, the dict of ``CurveClassifier.to_dict``
            or the path of a JSON file that holds it.
        given_mask: take the lesions from ``label`` and not from the network, to judge curve and class by themselves, or
            a network that does not segment.
    """

    def __init__(
        self,
        *,
        threshold: float = 0.5,
        min_volume_ml: float = 0.1,
        min_certainty: float = 0.0,
        classes: Sequence[str],
        curve_classifier: Mapping[str, Any] | str | None = None,
        given_mask: bool = False,
    ) -> None:
        self.threshold, self.min_volume_ml = float(threshold), float(min_volume_ml)
        self.min_certainty, self.classes = float(min_certainty), tuple(classes)
        self.curve_classifier, self.given_mask = curve_classifier, bool(given_mask)
        _load_classifier(curve_classifier, self.classes)  # one that does not fit is found before any study

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        prediction = self._check({**d["pred"], **(_certain(d["label"]) if self.given_mask else {})})
        image = d["image"]
        image_array = torch.as_tensor(image).detach().cpu().numpy()  # (4, H, W, D)
        phase_mask = np.asarray(torch.as_tensor(d.get("phase_mask", torch.ones(len(PHASES)))).cpu(), bool).reshape(-1)
        class_prob = torch.softmax(prediction["class_logits"], 0) if "class_logits" in prediction else None  # (K, D)
        enhancement = _where_there(prediction.get("enhancement"), image_array, phase_mask)  # (4, D)

        probability = torch.sigmoid(prediction["seg"])  # (1, H, W, D)
        voxel_volume_ml = voxel_volume(image)
        instances = find_lesions(
            probability[0].numpy(),
            voxel_volume_ml=voxel_volume_ml,
            threshold=self.threshold,
            min_volume_ml=self.min_volume_ml,
            min_certainty=self.min_certainty,
        )
        probability[0][torch.as_tensor((instances == 0) & (probability[0].numpy() > self.threshold))] = 0.0
        lesions = describe_lesions(
            instances,
            probability[0].numpy(),
            image_array,
            voxel_volume_ml=voxel_volume_ml,
            phase_mask=phase_mask,
            slice_probabilities=None if class_prob is None else class_prob.numpy(),
            slice_enhancement=None if enhancement is None else enhancement.numpy(),
            classifier=self.classifier,
        )

        d["pred"] = _like(torch.as_tensor(instances > 0)[None].to(torch.uint8), image)
        d["probability"] = _like(probability, image)
        d["instances"] = _like(torch.as_tensor(instances)[None].to(torch.int16), image)
        d["lesions"] = [_plain(lesion) for lesion in lesions]
        d["class_prob"] = _study_value([lesion.class_probabilities for lesion in lesions], lesions, len(self.classes))
        d["enhancement_pred"] = _study_value([lesion.regressed for lesion in lesions], lesions, len(PHASES))
        d["enhancement_measured"] = _study_value([lesion.measured for lesion in lesions], lesions, len(PHASES))
        if d.get("label") is not None:
            d["enhancement"] = _target(d, phase_mask)
        depth = instances.shape[-1]
        d["slice_class_prob"] = torch.full((len(self.classes), depth), torch.nan) if class_prob is None else class_prob
        d["slice_enhancement"] = torch.full((len(PHASES), depth), torch.nan) if enhancement is None else enhancement
        return d

    @property
    def classifier(self) -> CurveClassifier | None:
        """Read anew for each study: while a server runs, a training may put another one beside its weights, or, of
        fewer than two known classes, none."""
        if isinstance(self.curve_classifier, str) and not Path(self.curve_classifier).exists():
            return None
        return _load_classifier(self.curve_classifier, self.classes)

    def _check(self, prediction: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if "seg" not in prediction:
            raise InputError(
                found=f"a prediction of {sorted(prediction)}",
                expected="a segmentation (seg), without which no lesion can be found",
                where="network_def#tasks",
                remedy='Add "seg" to the tasks.',
            )
        tensors = {key: torch.as_tensor(value).detach().float().cpu() for key, value in prediction.items()}
        if "class_logits" in tensors and len(tensors["class_logits"]) != len(self.classes):
            raise InputError(
                found=f"{len(tensors['class_logits'])} class logits",
                expected=f"one for each of the {len(self.classes)} classes {list(self.classes)}",
                where="classes",
                remedy="Use the classes that the weights were trained with.",
            )
        return tensors


def _where_there(enhancement: torch.Tensor | None, image: np.ndarray, phase_mask: np.ndarray) -> torch.Tensor | None:
    """NaN where the network answered without having the phase in that slice, ``(4, D)``."""
    if enhancement is None:
        return None
    slices = torch.from_numpy(image).movedim(-1, 0)  # (D, 4, H, W)
    there = phases_in_slices(slices, torch.from_numpy(phase_mask)).T  # (4, D)
    return torch.where(there, enhancement, torch.nan)


def _certain(label: torch.Tensor) -> dict[str, torch.Tensor]:
    """Logits of a network that knows the mask, ``seg (1, H, W, D)``."""
    return {"seg": (torch.as_tensor(label).float() > 0.5).float() * 40 - 20}


def voxel_volume(image: MetaTensor) -> float:
    """Volume of a voxel in ml from the affine, ``|det A| / 1000``."""
    assert isinstance(image, MetaTensor), "the image lost its affine on the way"
    return float(np.abs(np.linalg.det(np.asarray(image.affine.cpu(), dtype=np.float64)[:3, :3]))) / 1000.0


def _load_classifier(source: Mapping[str, Any] | str | None, classes: tuple[str, ...]) -> CurveClassifier | None:
    if source is None:
        return None
    if not isinstance(source, Mapping):
        try:
            source = json.loads(Path(source).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                found=f"{type(error).__name__}",
                expected="a readable JSON file of a fitted curve classifier",
                where=f"curve_classifier ({Path(source).name})",
                remedy="Train again, or set curve_classifier to null.",
            ) from error
    classifier = CurveClassifier.from_dict(source)
    if classifier.classes != classes:
        raise InputError(
            found=f"a curve classifier for {list(classifier.classes)}",
            expected=f"one for {list(classes)}",
            where="curve_classifier",
            remedy="Train again with these classes, or set curve_classifier to null.",
        )
    return classifier


def _like(tensor: torch.Tensor, image: MetaTensor) -> MetaTensor:
    return MetaTensor(tensor, affine=image.affine.clone())


def _study_value(values: list[np.ndarray | None], lesions: list[Lesion], length: int) -> torch.Tensor:
    if not lesions or values[0] is None:
        return torch.full((length,), torch.nan)
    return torch.as_tensor(volume_weighted(values, [lesion.volume_ml for lesion in lesions]), dtype=torch.float32)


def _target(data: Mapping[Hashable, Any], phase_mask: np.ndarray) -> torch.Tensor:
    if not (torch.as_tensor(data["label"]) > 0).any():
        return torch.full((len(PHASES),), torch.nan)
    keys = [key for key in ("image", "label", "phase_label") if data.get(key) is not None]
    here = {key: torch.as_tensor(data[key]).cpu() for key in keys}  # an engine moves some of them to its device
    return torch.where(torch.as_tensor(phase_mask), study_enhancement(here), torch.nan)


def _plain(lesion: Lesion) -> dict[str, Any]:
    def listed(values: np.ndarray | None) -> list[float | None] | None:
        return None if values is None else [float(value) if np.isfinite(value) else None for value in values]

    return {
        "id": lesion.id,
        "volume_ml": lesion.volume_ml,
        "certainty": lesion.certainty,
        "class_probabilities": listed(lesion.class_probabilities),
        "regressed": listed(lesion.regressed),
        "measured": listed(lesion.measured),
        "shared_slice": lesion.shared_slice,
    }

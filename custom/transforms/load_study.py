"""From a datalist item to arrays on one grid: the first transform of every workflow."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from os import PathLike

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform

from ..data import Study, Volume, load_phase_map, load_study
from ..data.annotated import as_entry
from ..data.label_values import label_values
from ..types import DEFAULT_CLASSES, PHASES, REFERENCE_PHASE, UNKNOWN_CLASS, InputError
from .alignment import Alignment, align_phases, alignment_flags, check_registration, describe_alignment
from .motion import Motion
from .world_grid import OnGrid, resample_to_grid

CONSUMED_KEYS = (
    *("case", "patient", "phases", "label", "labels", "liver", "lesion_class", "true_enhancement", "site"),
    *("affines", "lesions", "notes", "label_names", "exam", "phase_map", "lesion_free", "fold"),
)
"""Keys of a datalist item that end here; what else an item holds (a server's request, for example) passes through."""


class LoadStudyd(Transform):
    """Read one study and bring its phases onto the reference phase's native grid (data.md, "One grid").

    Args:
        classes: lesion class names in head order; class ``k`` is label value ``k + 1``.
        keys: key under which the image goes (and, for an item with one path, comes).
        reference_phase: phase whose grid the others are brought to.
        phase_map: which volume is which phase, as ``load_study`` takes it (a path or a dict); ``None`` to decide.
        memory_budget_gb: refuse studies that would need more.
        min_coverage: share of the reference grid (0..1) below which a phase is flagged ``partial_coverage``.
        registration: one of `REGISTRATIONS`: bring the phases' breath-holds to the reference phase's, in the same
            interpolation; ``"auto"``: by translation when the study comes as DICOM, else not.

    Returns (of the call): the item with
        ``image`` MetaTensor ``(P, X, Y, Z)`` float32 in raw units, missing phases 0; ``phase_mask`` ``(P)`` bool;
        ``label`` MetaTensor ``(1, X, Y, Z)`` uint8 class values, if the study has a mask; ``phase_label``
        ``(P, X, Y, Z)``, if single phases have masks of their own; ``liver`` MetaTensor ``(1, X, Y, Z)`` uint8, if the
        study has a liver mask; ``lesion_class`` int; ``class_values`` bool (do label values carry classes);
        ``true_enhancement`` ``(P)`` raw units, NaN if unknown; ``group``, which the studies of one patient share;
        ``study`` plain dict.

    Raises:
        InputError: from reading, an unknown registration, or when a phase lies elsewhere or a mask does not fit.
    """

    def __init__(
        self,
        *,
        classes: Sequence[str] = DEFAULT_CLASSES,
        keys: str | Sequence[str] = "image",
        reference_phase: str = REFERENCE_PHASE,
        phase_map: str | Mapping | None = None,
        memory_budget_gb: float = 8.0,
        min_coverage: float = 0.9,
        registration: str = "auto",
    ) -> None:
        self.classes = tuple(classes)
        self.key = keys if isinstance(keys, str) else keys[0]
        self.reference_phase = reference_phase
        self.phase_map = (
            None if phase_map is None else load_phase_map(phase_map)
        )  # its content is part of a cache's key, as are all arguments
        self.memory_budget_gb = memory_budget_gb
        self.min_coverage = min_coverage
        self.registration = check_registration(registration)

    def __call__(self, data: Mapping[Hashable, object] | str | PathLike) -> dict:
        data = as_entry(data, self.key)
        study = load_study(
            data,
            phase_map=self.phase_map,
            reference_phase=self.reference_phase,
            memory_budget_gb=self.memory_budget_gb,
        )
        given = dict(data) if isinstance(data, Mapping) else {}
        out = {k: v for k, v in given.items() if k not in (*CONSUMED_KEYS, self.key)}
        reference = study.phases[study.reference_phase]
        alignments = align_phases(study, self.registration)
        motions = {phase: alignment.motion for phase, alignment in alignments.items()}
        image, present, flags = self._phases_on_grid(study, reference, motions)
        out[self.key] = _meta_tensor(image, reference, study.case)
        out["phase_mask"] = present
        out |= self._labels(study, reference, motions, given.get("label_names"))
        if study.liver is not None:
            liver = to_reference(study.liver, reference, None, nearest=True).data > 0
            out["liver"] = _meta_tensor(torch.from_numpy(liver.astype(np.uint8))[None], reference, study.case)
        out["true_enhancement"] = _true_enhancement(given.get("true_enhancement"))
        out["group"] = _without_name(str(given.get("patient") or study.case))
        out["study"] = _describe(study, alignments, [*flags, *alignment_flags(alignments)])
        return out

    def _phases_on_grid(
        self, study: Study, reference: Volume, motions: Mapping[str, Motion | None]
    ) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
        image = np.zeros((len(PHASES), *reference.data.shape), dtype=np.float32)  # (P, X, Y, Z)
        present = torch.zeros(len(PHASES), dtype=torch.bool)
        flags = list(study.flags)
        for p, phase in enumerate(PHASES):
            if phase not in study.phases:
                continue
            image[p], coverage = to_reference(study.phases[phase], reference, motions.get(phase), nearest=False)
            present[p] = True
            if coverage < self.min_coverage:
                flags.append(f"partial_coverage:{phase}")
        return torch.from_numpy(image), present, flags

    def _labels(
        self,
        study: Study,
        reference: Volume,
        motions: Mapping[str, Motion | None],
        names: Mapping[int, str] | None,
    ) -> dict:
        if study.label is None and not study.phase_labels:
            known = study.lesion_class in self.classes
            return {"lesion_class": self.classes.index(study.lesion_class) if known else UNKNOWN_CLASS}
        main, drawn_in = main_label(study)
        mask = to_reference(main, reference, motions.get(drawn_in), nearest=True).data
        where = f"{study.case}/{main.source}"
        values = label_values(mask, study.lesion_class, self.classes, where=where, names=names)
        out = {
            "label": _meta_tensor(torch.from_numpy(values.data)[None], reference, study.case),  # (1, X, Y, Z)
            "lesion_class": values.lesion_class,
            "class_values": values.class_values,
        }
        if study.phase_labels:
            own = {
                phase: to_reference(volume, reference, motions.get(phase), nearest=True).data
                for phase, volume in study.phase_labels.items()
            }
            masks = np.stack([own.get(phase, mask) > 0 for phase in PHASES]).astype(np.uint8)  # (P, X, Y, Z)
            out["phase_label"] = _meta_tensor(torch.from_numpy(masks), reference, study.case)
        return out


def main_label(study: Study) -> tuple[Volume, str]:
    """The mask that stands for the study, and the phase in whose breath-hold it was drawn."""
    if study.label is not None:
        return study.label, study.reference_phase
    phase = next(p for p in (study.reference_phase, *study.phase_labels) if p in study.phase_labels)
    return study.phase_labels[phase], phase


def to_reference(volume: Volume, reference: Volume, motion: Motion | None, *, nearest: bool) -> OnGrid:
    """A volume of a study on its reference phase's grid.

    Raises:
        InputError: the two share no voxel.
    """
    on_grid = resample_to_grid(
        volume.data,
        volume.affine,
        shape=reference.data.shape,
        target_affine=reference.affine,
        nearest=nearest,
        motion=motion,
    )
    if on_grid.coverage == 0:
        raise InputError(
            found="a volume that shares no voxel with the reference phase",
            expected="volumes of one exam, in one frame of reference",
            where=volume.source,
            remedy="Check the file's affine (position and orientation), and that it belongs to this study.",
        )
    return on_grid


def _meta_tensor(data: torch.Tensor, reference: Volume, case: str) -> MetaTensor:
    """Tensor with the meta entries that MONAI's spatial transforms, writers and servers look for (plain types only)."""
    affine = torch.as_tensor(np.asarray(reference.affine, dtype=np.float64).copy())
    meta = {
        "original_affine": affine.clone(),
        "spatial_shape": [int(n) for n in data.shape[1:]],
        "space": "RAS",
        "filename_or_obj": case,
    }
    return MetaTensor(data, affine=affine, meta=meta)


def _true_enhancement(values: Sequence[float] | None) -> torch.Tensor:
    if values is None:
        return torch.full((len(PHASES),), float("nan"))
    return torch.tensor([float("nan") if v is None else float(v) for v in values], dtype=torch.float32)  # (P)


def _without_name(patient: str) -> str:
    """The same for all studies of a patient, and nobody's name."""
    return hashlib.sha256(patient.encode()).hexdigest()[:12]


def _describe(study: Study, alignments: Mapping[str, Alignment], flags: list[str]) -> dict:
    """What the report says of the study, as plain JSON values and without the patient."""
    phases = {
        phase: {
            "source": volume.source,
            "time_s": volume.time_s,
            "evidence": volume.evidence,
            "alignment": describe_alignment(alignments.get(phase)),
        }
        for phase, volume in study.phases.items()
    }
    description = {
        "case": study.case,
        "phases": phases,
        "reference_phase": study.reference_phase,
        "flags": flags,
        "set_aside": list(study.set_aside),
    }
    return _plain(description)


def _plain(value):
    """Plain Python all the way down: numpy scalars neither load from a cache (``weights_only``) nor go into JSON."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, bool | int | float) else str(value)

"""One phantom study: draw a patient, image it four times, and keep the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from ...types import DEFAULT_CLASSES, PHASES, REFERENCE_PHASE
from .acquisition import Acquisition, add_rician_noise, draw_acquisition
from .anatomy import Anatomy, draw_anatomy, static_layers
from .grid import Grid, Pose
from .kinetics import Circulation
from .lesion_kinetics import draw_kind, draw_kinetics
from .lesions import LesionShape, draw_shape, mask_voxels, place_shapes
from .presets import Preset, get_preset
from .render import Lesion, render_pose, sample_curves
from .tissues import Tissue, phase_signals, vary_organs
from .truth import measure_truth

REFERENCE_INDEX = PHASES.index(REFERENCE_PHASE)
CONSPICUITY = 0.22
"""A lesion's mean signal differs from liver by at least this share in one phase, nearly always."""
REFERENCE_CONSPICUITY = 0.18
"""The same for the root mean square difference in the reference phase, whose breath-hold the mask belongs to."""
INCONSPICUOUS_SHARE = 0.02
"""Chance that a lesion which does not is kept all the same."""
SMALLEST_MASK_VOXELS = 6
TYPICAL_TIMES_S = (-30.0, 35.0, 70.0, 180.0)


@dataclass(frozen=True)
class PhantomStudy:
    """A simulated examination.

    Args:
        images: ``(P, X, Y, Z)`` int16 raw units, P in the order of `PHASES`.
        tumour: ``(X, Y, Z)`` uint8 at the reference phase's breath-hold; 0, or class index + 1.
        affine: ``(4, 4)`` voxel to RAS mm.
        truth: plain values for the manifest.
    """

    images: np.ndarray
    tumour: np.ndarray
    affine: np.ndarray
    truth: dict = field(repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Distinct lesion classes, sorted as in `DEFAULT_CLASSES`; empty for a healthy study."""
        present = {lesion["class"] for lesion in self.truth["lesions"]}
        return tuple(name for name in DEFAULT_CLASSES if name in present)


@dataclass(frozen=True)
class Patient:
    """Anatomy, organs and lesions: what stays from one examination to the next."""

    anatomy: Anatomy
    organs: dict[str, Tissue]
    lesions: tuple[Lesion, ...]


def draw_lesion_classes(rng: np.random.Generator, main: str) -> tuple[str, ...]:
    """Classes of a patient's 1–3 lesions: 74 % one lesion, 21 % two and 5 % three of the class ``main``."""
    return (main,) * int(1 + rng.choice(3, p=(0.74, 0.21, 0.05)))


def draw_patient(
    seed: int, preset: Preset, lesions: Sequence[str] | None, kinds: Sequence[str] | None = None
) -> Patient:
    """Draw a patient from independent streams for anatomy, shapes and kinetics.

    Args:
        seed: the patient's seed.
        preset: size.
        lesions: class of each lesion, empty = healthy; None draws a class and 1–3 lesions of it.
        kinds: kind of each lesion; None draws them.

    Returns:
        The patient; shapes and places never depend on the classes.
    """
    body, outline, contrast = (np.random.default_rng([seed, stream]) for stream in range(3))
    if lesions is None:
        lesions = draw_lesion_classes(contrast, DEFAULT_CLASSES[contrast.integers(len(DEFAULT_CLASSES))])
    anatomy, organs, grid = draw_anatomy(body), vary_organs(body), Grid.of(preset)
    shapes = _draw_placed_shapes(outline, len(lesions), anatomy, grid, preset.diameter_mm)
    kinds = kinds or [draw_kind(contrast, name) for name in lesions]
    drawn = [
        _conspicuous_lesion(contrast, shape, organs["liver"], name, kind)
        for shape, name, kind in zip(shapes, lesions, kinds, strict=True)
    ]
    return Patient(anatomy, organs, tuple(drawn))


def _draw_placed_shapes(rng, count: int, anatomy: Anatomy, grid: Grid, limits_mm) -> list[LesionShape]:
    """``count`` shapes that found room in the liver and each show in the stored mask."""
    if not count:
        return []
    points = grid.coordinates(anatomy.warp, Pose())
    while True:
        shapes = place_shapes(rng, [draw_shape(rng, limits_mm) for _ in range(count)], anatomy, grid, points)
        if shapes and min(mask_voxels(shape, grid, points) for shape in shapes) >= SMALLEST_MASK_VOXELS:
            return shapes


def _conspicuous_lesion(rng, shape: LesionShape, liver: Tissue, name: str, kind: str) -> Lesion:
    """Draw kinetics of one kind until the lesion stands out from the liver at typical phase times; a few may not."""
    while True:
        lesion = Lesion(shape, draw_kinetics(rng, name, kind))
        signals = phase_signals([*lesion.kinetics.tissues, liver], np.array(TYPICAL_TIMES_S), Circulation())
        contrast = sample_curves(lesion, signals[:-1]) / signals[-1][:, None] - 1  # (P, N)
        in_reference = np.sqrt(np.mean(contrast[REFERENCE_INDEX] ** 2))
        visible = np.abs(contrast.mean(1)).max() >= CONSPICUITY and in_reference >= REFERENCE_CONSPICUITY
        if visible or rng.random() < INCONSPICUOUS_SHARE:
            return lesion


def simulate_study(
    *,
    seed: int,
    preset: str = "demo",
    lesions: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    acquisition_seed: int | None = None,
) -> PhantomStudy:
    """Simulate one four-phase examination.

    Args:
        seed: the patient; the same seed gives the same bits.
        preset: one of `PRESETS`.
        lesions: class of each lesion (empty = healthy); None draws one class and 1–3 lesions.
        kinds: kind of each lesion (`KINDS`); None draws them, one in five atypical.
        acquisition_seed: the examination; another one gives a follow-up of the same patient. None = ``seed``.

    Returns:
        Images, mask, affine and truth.
    """
    size = get_preset(preset)
    with threadpool_limits(limits=1, user_api="blas"):  # the same bits whatever the number of threads
        patient = draw_patient(seed, size, lesions, kinds)
        exam = seed if acquisition_seed is None else acquisition_seed
        acquisition = draw_acquisition(np.random.default_rng([exam, 3]))
        return _image(patient, acquisition, size, np.random.default_rng([exam, 4]))


def _image(patient: Patient, acquisition: Acquisition, size: Preset, noise: np.random.Generator) -> PhantomStudy:
    """Render the four breath-holds and the aligned truth, then add what the scanner adds."""
    grid, times, circulation = Grid.of(size), np.array(acquisition.times_s), acquisition.circulation
    signals = dict(
        zip(patient.organs, phase_signals(list(patient.organs.values()), times, circulation), strict=True)
    )  # tissue -> (P,)
    tables = [phase_signals(list(lesion.kinetics.tissues), times, circulation) for lesion in patient.lesions]
    static = list(static_layers(patient.anatomy, grid))

    def render(pose: Pose, phases: slice):
        return render_pose(
            grid=grid,
            anatomy=patient.anatomy,
            static=static,
            lesions=list(patient.lesions),
            pose=pose,
            signals={name: values[phases] for name, values in signals.items()},
            lesion_tables=[table[:, phases] for table in tables],
        )

    aligned, covers, liver = render(acquisition.poses[REFERENCE_INDEX], slice(None))  # (P, X, Y, Z), (L, X, Y, Z)
    scale = acquisition.gain * acquisition.receive_field(grid)
    sigma = acquisition.gain * float(signals["liver"][0]) / acquisition.snr
    images = np.empty(aligned.shape, np.int16)
    for phase, pose in enumerate(acquisition.poses):
        at_rest = phase == REFERENCE_INDEX
        clean = aligned[phase] if at_rest else render(pose, slice(phase, phase + 1))[0][0]
        images[phase] = np.rint(add_rician_noise(noise, clean * scale, sigma))
    affine = _affine(size, noise)
    tumour, truth = measure_truth(patient, acquisition, aligned * scale, covers, liver, affine)
    truth["joint_scale"] = float(np.percentile(images[:, aligned[0] > 0], 99.5))
    return PhantomStudy(images, tumour, affine, truth)


def _affine(size: Preset, rng: np.random.Generator) -> np.ndarray:
    """Voxel to RAS mm of an axial DICOM series (i to the left, j to the back), off the isocentre."""
    steps = np.array([-size.spacing_mm[0], -size.spacing_mm[1], size.spacing_mm[2]])
    affine = np.diag([*steps, 1.0])
    offset = np.round(rng.normal(0, (6.0, 12.0, 25.0)), 2)
    affine[:3, 3] = -steps * (np.array(size.shape) - 1) / 2 + offset
    return affine

"""One phantom study: draw a patient, image it four times, and keep the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from ...types import DEFAULT_CLASSES
from .acquisition import Acquisition, add_rician_noise, draw_acquisition, draw_pose
from .anatomy import static_layers
from .grid import Grid, Pose
from .patient import REFERENCE_INDEX, Patient, draw_patient
from .presets import Preset, get_preset
from .render import render_pose
from .sites import Site, get_site
from .tissues import phase_signals
from .truth import measure_truth


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
        """Distinct lesion classes, sorted as in `DEFAULT_CLASSES`; empty for a study without a lesion of a class."""
        present = {lesion["class"] for lesion in self.truth["lesions"]}
        return tuple(name for name in DEFAULT_CLASSES if name in present)

    @property
    def kind(self) -> str | None:
        """What the lesions of a study are that no class names; else None."""
        kinds = sorted({lesion["kind"] for lesion in self.truth["lesions"] if lesion["class"] is None})
        return " and ".join(kinds) or None


def simulate_study(
    *,
    seed: int,
    preset: str = "demo",
    lesions: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    acquisition_seed: int | None = None,
    site: str | Site = "any",
) -> PhantomStudy:
    """Simulate one four-phase examination.

    Args:
        seed: the patient; the same seed gives the same bits.
        preset: one of `PRESETS`.
        lesions: class of each lesion (empty = healthy), or each one of `UNKNOWN_KINDS`, which no class names; None
            draws one class and 1–3 lesions.
        kinds: kind of each lesion (`KINDS`); None draws them, one in five atypical.
        acquisition_seed: the examination; another one gives a follow-up of the same patient. None = ``seed``.
        site: one of `SITES`, or one of your own; another one changes times, noise and gain of the same examination.

    Returns:
        Images, mask, affine and truth.
    """
    size = get_preset(preset)
    with threadpool_limits(limits=1, user_api="blas"):  # the same bits whatever the number of threads
        patient = draw_patient(seed, size, lesions, kinds)
        exam = seed if acquisition_seed is None else acquisition_seed
        acquisition = draw_acquisition(np.random.default_rng([exam, 3]), get_site(site))
        return _image(Examination(patient, acquisition, size), np.random.default_rng([exam, 4]))


def simulate_time_points(
    *,
    seed: int,
    times_s: Sequence[float],
    preset: str = "demo",
    lesions: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    acquisition_seed: int | None = None,
) -> np.ndarray:
    """Further moments of the examination that `simulate_study` makes of the same arguments, each in its own breath.

    Args:
        times_s: T times after the start of injection; negative = before it.
        seed, preset, lesions, kinds, acquisition_seed: as for `simulate_study`.

    Returns:
        ``(T, X, Y, Z)`` int16 raw units.
    """
    size = get_preset(preset)
    with threadpool_limits(limits=1, user_api="blas"):
        exam = seed if acquisition_seed is None else acquisition_seed
        acquisition = draw_acquisition(np.random.default_rng([exam, 3]))
        examination = Examination(draw_patient(seed, size, lesions, kinds), acquisition, size)
        rng = np.random.default_rng([exam, 10])
        images = []
        for time_s in times_s:
            clean, _, _ = examination.look(draw_pose(rng), [time_s])  # (1, X, Y, Z)
            images.append(examination.stored(clean[0], rng))
        return np.stack(images)


class Examination:
    """A patient in the scanner.

    Args:
        patient: who.
        acquisition: how.
        size: on which grid.
    """

    def __init__(self, patient: Patient, acquisition: Acquisition, size: Preset) -> None:
        self.patient, self.acquisition, self.grid, self.size = patient, acquisition, Grid.of(size), size
        self.static = list(static_layers(patient.anatomy, self.grid))
        self.receive = acquisition.gain * acquisition.receive_field(self.grid)  # (X, Y, Z)
        native = phase_signals([patient.organs["liver"]], np.array([-1.0]), acquisition.circulation)
        self.noise_sd = acquisition.gain * float(native[0, 0]) / acquisition.snr

    def look(self, pose: Pose, times_s: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One breath-hold without noise and receive bias, with the signals of T moments.

        Returns:
            Image ``(T, X, Y, Z)``, coverage of each lesion ``(L, X, Y, Z)`` and of the liver ``(X, Y, Z)``.
        """
        times, circulation = np.array(times_s), self.acquisition.circulation
        organs, lesions = self.patient.organs, list(self.patient.lesions)
        signals = phase_signals(list(organs.values()), times, circulation)  # (tissues, T)
        return render_pose(
            grid=self.grid,
            anatomy=self.patient.anatomy,
            static=self.static,
            lesions=lesions,
            pose=pose,
            signals=dict(zip(organs, signals, strict=True)),
            lesion_tables=[phase_signals(list(lesion.kinetics.tissues), times, circulation) for lesion in lesions],
        )

    def stored(self, clean: np.ndarray, noise: np.random.Generator) -> np.ndarray:
        """What the scanner stores of a noise-free image ``(X, Y, Z)``: int16 raw units."""
        return np.rint(add_rician_noise(noise, clean * self.receive, self.noise_sd)).astype(np.int16)


def _image(examination: Examination, noise: np.random.Generator) -> PhantomStudy:
    """Render the four breath-holds and the aligned truth, then add what the scanner adds."""
    acquisition, times = examination.acquisition, examination.acquisition.times_s
    aligned, covers, liver = examination.look(acquisition.poses[REFERENCE_INDEX], times)  # (P, X, Y, Z), (L, X, Y, Z)
    images = np.empty(aligned.shape, np.int16)
    for phase, pose in enumerate(acquisition.poses):
        at_rest = phase == REFERENCE_INDEX
        clean = aligned[phase] if at_rest else examination.look(pose, times[phase : phase + 1])[0][0]
        images[phase] = examination.stored(clean, noise)
    affine = _affine(examination.size, noise)
    raw = aligned * examination.receive
    tumour, truth = measure_truth(examination.patient, acquisition, raw, covers, liver, affine)
    truth["joint_scale"] = float(np.percentile(images[:, aligned[0] > 0], 99.5))
    return PhantomStudy(images, tumour, affine, truth)


def _affine(size: Preset, rng: np.random.Generator) -> np.ndarray:
    """Voxel to RAS mm of an axial DICOM series (i to the left, j to the back), off the isocentre."""
    steps = np.array([-size.spacing_mm[0], -size.spacing_mm[1], size.spacing_mm[2]])
    affine = np.diag([*steps, 1.0])
    offset = np.round(rng.normal(0, (6.0, 12.0, 25.0)), 2)
    affine[:3, 3] = -steps * (np.array(size.shape) - 1) / 2 + offset
    return affine

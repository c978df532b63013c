"""How well breath-holds are aligned on the phantom, whose shifts are known: residual error and time, no mask given.

    python benchmarks/alignment.py --studies 32 --registration translation

Each study is imaged three times: all phases in one breath-hold; with the shifts that the phantom draws between them
(head to foot 5 mm standard deviation, up to 15 mm); and with its smooth deformation on top.  Distances are those of the
liver from its place in the reference phase (median, 95th percentile), and of the lesions (median); the error of curves
is that of the mean signal under the true mask (median).  Seconds are of processor time, alignment alone, one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from custom.data import Study, Volume
from custom.data.phantom.acquisition import draw_acquisition
from custom.data.phantom.grid import Grid, Pose
from custom.data.phantom.presets import Preset, get_preset
from custom.data.phantom.simulate import Examination, draw_patient
from custom.transforms.alignment import Alignment, align_phases
from custom.transforms.alignment.gate import displacement
from custom.transforms.motion import Motion
from custom.transforms.world_grid import resample_to_grid
from custom.types import PHASES, REFERENCE_PHASE

BREATHING = {
    "at rest": lambda pose: Pose(),
    "shifted": lambda pose: Pose(pose.shift_mm),
    "shifted, deformed": lambda pose: pose,
}
HEAD = ("breath-holds", "phase", "before, mm", "after, mm", "farther off", "largest loss, mm", "outcomes")
HEAD += ("lesion before, mm", "after, mm", "curve error before, %", "after, %")


class Place(NamedTuple):
    """A structure of the reference phase, and how far it really lies from there in each phase, RAS+ mm."""

    centre_mm: np.ndarray  # (3,)
    moved_mm: dict[str, np.ndarray]  # by phase, (3,)

    def error_mm(self, phase: str, motion: Motion | None) -> np.ndarray:
        """Motion minus truth: ``(3,)``."""
        return (0 if motion is None else displacement(motion, self.centre_mm)) - self.moved_mm[phase]


class Moved(NamedTuple):
    """A phantom study and its truth; no lesion: ``None``."""

    study: Study
    liver: Place
    lesions: Place | None
    tumour: np.ndarray  # (X, Y, Z) bool, at the reference phase's breath-hold
    true_curve: list[float] | None


class Result(NamedTuple):
    """One phase of one study: distances in mm, curve errors in per cent of the true signal; NaN without a lesion."""

    phase: str
    outcome: str
    before: float
    after: float
    lesion_before: float = np.nan
    lesion_after: float = np.nan
    curve_before: float = np.nan
    curve_after: float = np.nan


def moved_study(seed: int, breathing: str, preset: str = "demo") -> Moved:
    """One patient, imaged with one way of breathing."""
    size = get_preset(preset)
    patient, acquisition = draw_patient(seed, size, None), draw_acquisition(np.random.default_rng([seed, 3]))
    examination, rng = Examination(patient, acquisition, size), np.random.default_rng([seed, 4])
    affine, poses = _affine(size), [BREATHING[breathing](pose) for pose in acquisition.poses]
    aligned, covers, liver = examination.look(Pose(), acquisition.times_s)  # (P, X, Y, Z), (L, X, Y, Z), (X, Y, Z)
    phases = {}
    for phase, pose, time_s in zip(PHASES, poses, acquisition.times_s, strict=True):
        image = examination.stored(examination.look(pose, [time_s])[0][0], rng)
        phases[phase] = Volume(data=image.astype(np.float32), affine=affine, source=phase)
    fields = {phase: _displaced(examination.grid, pose) for phase, pose in zip(PHASES, poses, strict=True)}

    def place(mask: np.ndarray) -> Place:
        centre = affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + affine[:3, 3]
        return Place(centre, {phase: field[:, mask].mean(axis=1) for phase, field in fields.items()})

    study = Study(case=f"phantom_{seed}", phases=phases, reference_phase=REFERENCE_PHASE)
    tumour = covers.sum(axis=0) > 0.5
    lesions = place(tumour) if tumour.any() else None
    curve = [float((image * examination.receive)[tumour].mean()) for image in aligned] if lesions else None
    return Moved(study, place(liver > 0.5), lesions, tumour, curve)


def _affine(size: Preset) -> np.ndarray:
    """Voxel to RAS mm of the phantom's own frame, which lies in the middle of the volume."""
    steps = np.array([-size.spacing_mm[0], -size.spacing_mm[1], size.spacing_mm[2]])
    affine = np.diag([*steps, 1.0])
    affine[:3, 3] = -steps * (np.array(size.shape) - 1) / 2
    return affine


def _displaced(grid: Grid, pose: Pose) -> np.ndarray:
    """Displacement of each voxel's content during a pose, to first order: ``(3, X, Y, Z)`` mm."""
    field = np.zeros((3, *grid.shape), np.float32) + np.array(pose.shift_mm, np.float32)[:, None, None, None]
    return grid.thick(field if pose.deformation is None else field - pose.deformation.on_grid(grid.axes_mm))


def result_of(moved: Moved, phase: str, alignment: Alignment) -> Result:
    """What alignment changed in one phase."""
    motions = (None, alignment.motion)
    liver = [float(np.linalg.norm(moved.liver.error_mm(phase, motion))) for motion in motions]
    found = (phase, alignment.outcome, *liver)
    if moved.lesions is None:
        return Result(*found)
    lesion = [float(np.linalg.norm(moved.lesions.error_mm(phase, motion))) for motion in motions]
    return Result(*found, *lesion, *(_curve_error(moved, phase, motion) for motion in motions))


def _curve_error(moved: Moved, phase: str, motion: Motion | None) -> float:
    """Signal under the true mask, beside that of the aligned, noise-free phantom."""
    volume, reference = moved.study.phases[phase], moved.study.phases[REFERENCE_PHASE]
    grid = {"shape": reference.data.shape, "target_affine": reference.affine}
    image = resample_to_grid(volume.data, volume.affine, **grid, nearest=False, motion=motion).data
    true = moved.true_curve[PHASES.index(phase)]
    return 100 * abs(float(image[moved.tumour].mean()) - true) / true


def measure(seeds, breathing: str, registration: str, preset: str = "demo") -> tuple[list[Result], float]:
    """Results of all phases of some studies, and seconds of processor time per study."""
    results, seconds = [], 0.0
    for seed in seeds:
        moved = moved_study(seed, breathing, preset)
        start = time.process_time()
        alignments = align_phases(moved.study, registration)
        seconds += time.process_time() - start
        results += [result_of(moved, phase, alignment) for phase, alignment in alignments.items()]
    return results, seconds / len(seeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=32)
    parser.add_argument("--registration", default="translation", choices=("translation", "rigid", "deformable"))
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--seed", type=int, default=1000, help="of the first study")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.studies)
    print(f"{arguments.registration}, {arguments.studies} studies of preset {arguments.preset}")
    print(_line(HEAD), _line(["---"] * len(HEAD)), sep="\n", flush=True)
    timings = []
    for breathing in BREATHING:
        results, seconds = measure(seeds, breathing, arguments.registration, arguments.preset)
        for phase in (*PHASES, "all"):
            rows = [result for result in results if phase in (result.phase, "all")]
            if rows:
                print(_line([breathing, phase, *_figures(rows)]), flush=True)
        timings.append(f"{breathing} {seconds:.2f}")
    print("seconds per study:", ", ".join(timings))


def _line(cells) -> str:
    return f"| {' | '.join(cells)} |"


def _figures(results: list[Result]) -> list[str]:
    """Median and 95th percentile of distances; how many phases ended farther from their place than they were."""
    values = {name: np.array([getattr(result, name) for result in results]) for name in Result._fields}
    before, after = values["before"], values["after"]
    middle = {name: f"{np.nanmedian(column):.1f}" for name, column in values.items() if column.dtype.kind == "f"}
    counts = [f"{np.sum(values['outcome'] == name)} {name}" for name in ("applied", "negligible", "rejected")]
    return [
        *(f"{np.median(mm):.2f}, {np.percentile(mm, 95):.2f}" for mm in (before, after)),
        f"{np.sum(after > before)} of {len(results)}",
        f"{max(0.0, (after - before).max()):.2f}",
        ", ".join(counts),
        *(middle[name] for name in ("lesion_before", "lesion_after", "curve_before", "curve_after")),
    ]


if __name__ == "__main__":
    main()

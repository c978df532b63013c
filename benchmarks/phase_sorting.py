"""Are phases named right?  Random phantom exams on random scanners, written as DICOM and read without a phase map.

    python benchmarks/phase_sorting.py --studies 200

Every exam draws vendor dialect, descriptions, times, missing and further moments, contrast agent and distractors from
its seed.  "Doubted" are studies whose flags ask to look at the naming; "refused" those that end in an error that asks
for a phase map.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from custom.data import load_study
from custom.data.phantom.dicom import DIALECTS, draw_exam, is_doubted, judge, write_exam
from custom.types import InputError

OUTCOMES = ("right", "right, doubted", "refused", "incomplete", "incomplete, doubted", "wrong, doubted", "wrong")


def outcome_of(seed: int) -> tuple[str, str, str]:
    """Dialect, outcome, and what there is to say about one seed."""
    exam = draw_exam(seed)
    scanner = exam.scanner
    layout = next(name for name, dialect in DIALECTS.items() if dialect.sequence == scanner.dialect.sequence)
    about = f"{scanner.naming}, times {scanner.dialect.clocks}, {'+'.join(scanner.phases)}, {scanner.further or '-'}"
    with tempfile.TemporaryDirectory() as folder:
        write_exam(exam.study, exam.moments, Path(folder) / "case", scanner=scanner, seed=seed)
        reference = "portal_venous"
        try:
            study = load_study({"case": "case", "image": f"{folder}/case"}, reference_phase=reference)
        except InputError as error:
            return layout, "refused", f"{about}: {error}"
    verdict = judge(exam, {phase: (volume.data, volume.affine) for phase, volume in study.phases.items()})
    outcome = f"{verdict}, doubted" if is_doubted(study.flags) else verdict
    return layout, outcome, f"{about}: {', '.join(study.flags)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.studies)
    start, counts = time.perf_counter(), {name: Counter() for name in (*DIALECTS, "all")}
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        for seed, (layout, outcome, about) in zip(seeds, pool.map(outcome_of, seeds), strict=True):
            counts[layout][outcome] += 1
            counts["all"][outcome] += 1
            if outcome != "right":
                print(f"seed {seed}, {layout}: {outcome} ({about})", flush=True)
    shown = [name for name in OUTCOMES if counts["all"][name]]
    print("\n" + " | ".join(["dialect".ljust(16), "exams", *shown]))
    for layout, counter in counts.items():
        cells = [f"{counter[name]}".rjust(len(name)) for name in shown]
        print(" | ".join([layout.ljust(16), f"{counter.total()}".rjust(5), *cells]))
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

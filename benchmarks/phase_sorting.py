"""Are phases named right?  Random phantom exams on random scanners, written as DICOM and read without a phase map.

    python benchmarks/phase_sorting.py --studies 200

Every exam draws vendor dialect, descriptions, times, missing and further moments, contrast agent and distractors from
its seed.  "Doubted" are studies whose flags ask to look at the naming, "refused" those that end in an error that asks
for a phase map, "incomplete" those in which a phase that is there was left out, "untimed" mistakes those of exams that
are flagged for telling neither times nor, in descriptions, phases.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from custom.data import load_study
from custom.data.phantom.dicom import DIALECTS, Outcome, outcome_of

COLUMNS = ("right", "right, doubted", "refused", "incomplete, doubted", "incomplete", "wrong, doubted")
COLUMNS += ("wrong, untimed", "wrong")


def column_of(outcome: Outcome) -> str:
    if outcome.verdict == "refused" or not (outcome.doubted or (outcome.untimed and outcome.verdict == "wrong")):
        return outcome.verdict
    return f"{outcome.verdict}, {'doubted' if outcome.doubted else 'untimed'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.studies)
    start, counts = time.perf_counter(), {name: Counter() for name in (*DIALECTS, "all")}
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(partial(outcome_of, read=load_study), seeds):
            column = column_of(outcome)
            for name in (outcome.layout, "all"):
                counts[name][column] += 1
            if column != "right":
                print(f"seed {outcome.seed}, {outcome.layout}: {column} ({outcome.about})", flush=True)
    print("\n" + " | ".join(["dialect".ljust(16), "exams", *COLUMNS]))
    for layout, counter in counts.items():
        cells = [f"{counter[name]}".rjust(len(name)) for name in COLUMNS]
        print(" | ".join([layout.ljust(16), f"{counter.total()}".rjust(5), *cells]))
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

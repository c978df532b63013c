"""One process of a campaign: damages, reads and judges, and writes one line of JSON for each case.

A process of its own, so that a hang, a crash or gigabytes cost one case and not the campaign.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from custom.types import InputError

from .mutations import mutate
from .oracle import Look, judge
from .seeds import Seed, make_seeds

LIMIT_S = 10  # of processor time: the machine may be busy with other things
LIMIT_GB = 1.0  # beyond what the process takes with all good studies read
MEMORY_BUDGET_GB = 0.5


class TooSlowError(BaseException):
    """No ``Exception``: nothing may catch it."""


def main(root: str, real: str, seed: int, start: int, stop: int) -> None:
    """Run the cases ``start`` to ``stop`` of a campaign."""
    seeds = make_seeds(Path(root), Path(real) if real else None)
    before: dict[str, Look] = {}
    signal.signal(signal.SIGPROF, _too_slow)
    warnings.simplefilter("ignore")
    for case in range(start, stop):
        chosen = seeds[case % len(seeds)]
        if chosen.name not in before:
            before[chosen.name] = Look.at(chosen.folder, chosen.phase_map, MEMORY_BUDGET_GB)
        _say({"case": case, "seed": chosen.name, "begin": True})
        _say({"case": case, "seed": chosen.name, **run_case(chosen, before[chosen.name], seed, case)})


def run_case(chosen: Seed, before: Look, seed: int, case: int) -> dict:
    """Damage one file of a study and judge what becomes of the study."""
    rng = np.random.default_rng([seed, case])
    files = chosen.files()
    targets = [path for path in files if fnmatch(path.name, chosen.targets)]
    target = targets[int(rng.integers(len(targets)))]
    name = target.relative_to(chosen.folder).as_posix()
    content, done = mutate(target.read_bytes(), name, rng)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "study"
        for path in files:
            place = folder / path.relative_to(chosen.folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            if path == target:
                place.write_bytes(content)
            else:
                _link(path, place)
        peak = _peak_gb()
        signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
        try:
            after = Look.at(folder, chosen.phase_map, MEMORY_BUDGET_GB)
            signal.setitimer(signal.ITIMER_PROF, 0)
            verdict, why = judge(before, after, folder, name), ""
        except InputError as error:
            verdict, why = "refused", str(error)
        except TooSlowError:
            verdict, why = "TOO SLOW", ""
        except Exception as error:  # what the campaign looks for
            verdict, why = f"EXCEPTION: {type(error).__name__}", traceback.format_exc()[-1500:]
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if _peak_gb() - peak > LIMIT_GB:
            verdict, why = "TOO LARGE", f"{_peak_gb() - peak:.2f} GB more"
    return {"file": name, "done": done, "verdict": verdict, "why": why}


def _link(path: Path, place: Path) -> None:
    try:
        os.link(path, place)
    except OSError:  # another file system
        shutil.copyfile(path, place)


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kilobytes on Linux


def _too_slow(signum, frame) -> None:
    raise TooSlowError


def _say(line: dict) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))

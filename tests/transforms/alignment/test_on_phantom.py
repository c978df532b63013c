"""The benchmark's measurement on a few studies: the phantom knows how far each phase really lies from the reference."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SEEDS = (1001, 1002, 1005)


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[3] / "benchmarks" / "alignment.py"
    spec = importlib.util.spec_from_file_location("alignment_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_well_aligned_phases_are_never_made_worse(benchmark):
    results, _ = benchmark.measure(SEEDS, "at rest", "translation")
    assert max(result.after - result.before for result in results) <= 0.5


def test_breath_holds_are_recovered_without_a_mask(benchmark):
    results, _ = benchmark.measure(SEEDS, "shifted", "translation")
    before, after = (np.array([getattr(r, name) for r in results]) for name in ("before", "after"))
    assert np.median(before) > 3.0
    assert np.median(after) <= 1.0
    assert (after - before).max() <= 0.5
    assert np.nanmedian([r.lesion_after for r in results]) <= 1.0

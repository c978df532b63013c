"""Randomly damaged studies end in a valid study or in an ``InputError``; and the judge of that can tell."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz.campaign import bad, run_campaign, table
from benchmarks.fuzz.mutations import dicom_elements, mutate
from benchmarks.fuzz.oracle import Look, judge
from benchmarks.fuzz.seeds import make_seeds
from benchmarks.fuzz.worker import MEMORY_BUDGET_GB, run_case

CASES = 105


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def looks(seeds):
    return {seed.name: Look.at(seed.folder, seed.phase_map, MEMORY_BUDGET_GB) for seed in seeds}


@pytest.mark.filterwarnings("ignore")
def test_a_hundred_damaged_studies(seeds, looks):
    records = []
    for case in range(CASES):
        chosen = seeds[case % len(seeds)]
        records.append({"case": case, "seed": chosen.name, **run_case(chosen, looks[chosen.name], 0, case)})
    assert bad(records) == [], table(records)
    verdicts = {record["verdict"] for record in records}
    assert {"refused", "same", "in the file"} <= verdicts  # the damage is neither always fatal nor never felt


@pytest.mark.slow
def test_two_thousand_damaged_studies(tmp_path):
    real = os.environ.get("MTINET_REAL_DATA")
    records = run_campaign(tmp_path, count=2000, seed=1, real=Path(real) if real else None)
    assert len(records) == 2000
    assert bad(records) == [], table(records)


def test_damage_is_the_same_for_the_same_seed_and_reaches_into_elements(seeds):
    path = seeds[0].files()[0]
    content = path.read_bytes()
    once, again, other = (mutate(content, path.name, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert once == again != other
    elements = dicom_elements(content)
    assert {(0x0020, 0x0032), (0x7FE0, 0x0010)} <= {element.tag for element in elements}


def changed(look, phase, **fields):
    """A look at the same study with another volume for one phase."""
    study = replace(look.study, phases={**look.study.phases, phase: replace(look.study.phases[phase], **fields)})
    return replace(look, study=study)


def test_the_judge_tells_silent_changes(seeds, looks):
    seed, before = seeds[0], looks[seeds[0].name]
    elsewhere = before.frames["arterial"][0][0]  # the damaged file is not one of the phase that changes
    assert judge(before, before, seed.folder, elsewhere) == "same"

    swapped = {**before.frames, "pre": before.frames["delayed"], "delayed": before.frames["pre"]}
    phases = before.study.phases
    exchanged = replace(before.study, phases={**phases, "pre": phases["delayed"], "delayed": phases["pre"]})
    assert judge(before, replace(before, study=exchanged, frames=swapped), seed.folder, elsewhere).startswith(
        "WRONG: other"
    )
    told = replace(exchanged, flags=(*exchanged.flags, "phase_choice_uncertain"))
    assert judge(before, replace(before, study=told, frames=swapped), seed.folder, elsewhere).startswith(
        "flagged: phase_"
    )

    volume = before.study.phases["pre"]
    moved = volume.affine.copy()
    moved[2, 3] += 2.0
    assert "moved by 2.00 mm" in judge(before, changed(before, "pre", affine=moved), seed.folder, elsewhere)
    other = volume.data.copy()
    other[3, 4, -1] += 7
    assert "of an undamaged file, changed" in judge(before, changed(before, "pre", data=other), seed.folder, elsewhere)
    mirrored = changed(before, "pre", data=volume.data[::-1])
    assert judge(before, mirrored, seed.folder, elsewhere).startswith("WRONG")
    late = changed(before, "delayed", time_s=volume.time_s + 9999)
    assert "moved in time" in judge(before, late, seed.folder, elsewhere)


def test_the_judge_compares_the_damaged_slice_with_its_file(seeds, looks):
    seed, before = seeds[0], looks[seeds[0].name]
    own = before.frames["pre"][0][0]
    other = before.study.phases["pre"].data.copy()
    other[3, 4, 0] += 7
    assert "other values than its file" in judge(before, changed(before, "pre", data=other), seed.folder, own)

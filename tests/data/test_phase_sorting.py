"""Random exams on random scanners: phases are named right, and never wrong without a word.

The exams are drawn, written and judged by the phantom (`outcome_of`); ``benchmarks/phase_sorting.py`` prints them.
"""

import pytest

from custom.data import load_study
from custom.data.phantom.dicom import INCOMPLETE, RIGHT, WRONG, outcome_of


def silent_mistakes(outcomes):
    told = {outcome for outcome in outcomes if outcome.doubted or outcome.untimed}
    return [outcome for outcome in outcomes if outcome.verdict in (WRONG, INCOMPLETE) and outcome not in told]


def share_right(outcomes):
    return sum(outcome.verdict == RIGHT for outcome in outcomes) / len(outcomes)


def test_some_random_exams():
    outcomes = [outcome_of(seed, load_study) for seed in range(5)]
    assert not silent_mistakes(outcomes)
    assert share_right(outcomes) == 1


@pytest.mark.slow
def test_200_random_exams():
    outcomes = [outcome_of(seed, load_study) for seed in range(200)]
    assert not silent_mistakes(outcomes)
    assert share_right(outcomes) >= 0.99
    assert sum(outcome.doubted for outcome in outcomes) <= 20, "flags that are always there tell nothing"

"""Splits by patient: nobody on two sides, classes in proportion, the same from any order, another with another seed."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custom.data.splits import SECTIONS, content_hash, split_items
from custom.types import InputError

CLASSES = ("HCC", "hemangioma", None)
STUDIES = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(CLASSES)), min_size=6, max_size=80)
steady = settings(deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
SHARES = st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.4])


def items_of(studies):
    return [
        {"case": f"c{n}", "patient": None if who == 0 else f"p{who}", "lesion_class": lesion_class}
        for n, (who, lesion_class) in enumerate(studies)
    ]


def owner(item):
    return item["patient"] or item["case"]


def placed(split):
    """Patient → the sections and folds that it is in."""
    places = defaultdict(set)
    for section in SECTIONS:
        for item in split[section]:
            places[owner(item)].add((section, item.get("fold")))
    return places


@steady
@given(STUDIES, SHARES, SHARES, st.sampled_from([0, 2, 3, 5]), st.integers(0, 3))
def test_patients_stay_together_and_nothing_is_lost(studies, validation, test, folds, seed):
    items = items_of(studies)
    patients = {owner(item) for item in items}
    if len(patients) < folds + round(test * len(patients)) + 3:
        return
    split = split_items(items, folds=folds, validation=validation, test=test, seed=seed)
    assert all(len(places) == 1 for places in placed(split).values())
    cases = [item["case"] for section in SECTIONS for item in split[section]]
    assert sorted(cases) == sorted(item["case"] for item in items)
    assert split["training"]
    assert bool(split["validation"]) == (validation > 0)
    assert bool(split["test"]) == (test > 0)
    shuffled = items[:]
    random.Random(seed).shuffle(shuffled)
    assert split_items(shuffled, folds=folds, validation=validation, test=test, seed=seed) == split


@steady
@given(st.lists(st.sampled_from(CLASSES), min_size=20, max_size=90), st.integers(0, 5))
def test_folds_and_sections_hold_every_class_in_proportion(classes, seed):
    items = items_of([(n + 1, lesion_class) for n, lesion_class in enumerate(classes)])
    split = split_items(items, folds=5, validation=0.2, test=0.25, seed=seed)
    rest = split["training"] + split["validation"]
    for lesion_class in CLASSES:
        among = [item for item in rest if item["lesion_class"] == lesion_class]
        by_fold = Counter(item["fold"] for item in among)
        assert max(by_fold[f] for f in range(5)) - min(by_fold[f] for f in range(5)) <= 1
        tested = sum(item["lesion_class"] == lesion_class for item in split["test"])
        assert abs(tested - 0.25 * classes.count(lesion_class)) <= 1
    sizes = Counter(item["fold"] for item in rest)
    assert max(sizes.values()) - min(sizes[f] for f in range(5)) <= 1
    assert split["validation"] == [item for item in rest if item["fold"] == 0]  # one fifth: the first fold
    assert "fold" not in split["test"][0]


def test_a_validation_share_of_its_own_is_drawn_beside_the_folds():
    items = items_of([(n + 1, CLASSES[n % 2]) for n in range(40)])
    split = split_items(items, folds=4, validation=0.1, test=0.2)
    assert [len(split[section]) for section in SECTIONS] == [28, 4, 8]
    assert Counter(item["lesion_class"] for item in split["validation"]) == {"HCC": 2, "hemangioma": 2}


def test_many_studies_of_one_patient_do_not_pile_up_in_one_fold():
    items = items_of([(1 + n // 6, "HCC") for n in range(24)] + [(10 + n, "HCC") for n in range(16)])
    folds = Counter(item["fold"] for item in split_items(items, folds=4, validation=0.25)["training"])
    assert max(folds.values()) - min(folds.values()) <= 1


def test_another_seed_is_another_split():
    items = items_of([(n + 1, CLASSES[n % 3]) for n in range(30)])
    assert split_items(items, seed=0) != split_items(items, seed=1)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"folds": 1}, "folds 1"),
        ({"validation": 1.0}, "validation 1"),
        ({"validation": 0.6, "test": 0.5}, "test 0.5"),
        ({"test": -0.1}, "test -0.1"),
        ({"folds": 9}, "8 patients; expected at least 9"),
    ],
)
def test_splits_that_cannot_be(rules, message):
    items = items_of([(n + 1, "HCC") for n in range(8)])
    with pytest.raises(InputError, match=message):
        split_items(items, **rules)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@steady
@given(JSON, JSON)
def test_the_hash_changes_with_the_content_and_with_nothing_else(one, other):
    a, b = {"training": one, "seed": 0}, {"seed": 0, "training": other}
    assert (content_hash(a) == content_hash(b)) == (one == other)
    assert content_hash(a) == content_hash({**a, "content_hash": "x"})


def test_a_data_set_that_only_serves_to_test():
    items = items_of([(1, "HCC"), (1, "HCC"), (0, None)])
    split = split_items(items, folds=0, validation=0, test=1)
    assert [item["case"] for item in split["test"]] == ["c0", "c1", "c2"]
    assert split["training"] == split["validation"] == []
    with pytest.raises(InputError, match="or all for test alone"):
        split_items(items, folds=0, validation=0.2, test=1)
    with pytest.raises(InputError):
        split_items([], folds=0, validation=0, test=1)

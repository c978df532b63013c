"""Which studies are shown, and what is drawn of them."""

from __future__ import annotations

import numpy as np
import pytest

from custom.experiments.files import write_json
from custom.experiments.manifest import MANIFEST
from custom.experiments.pages import panels
from custom.experiments.pages.panels import choose, write_panels
from custom.experiments.pages.predict import Seen
from custom.experiments.tables.lines import lines_of
from custom.types import InputError

CURVE = [100.0, 180.0, 150.0, None]


@pytest.fixture
def finished(by_hand, tmp_path):
    """Two folds of eleven studies, with weights; arm No TIM has none in the second."""

    def put(weights=(("Full", 0), ("Full", 1), ("No TIM", 0))):
        for arm in ("Full", "No TIM"):
            for fold in range(2):
                folder = tmp_path / "experiment" / "runs" / arm / f"fold{fold}"
                curves = {"regressed": CURVE, "measured": None, "target": CURVE, "true": None}
                cases = [f"c{2 * n + fold:02}" for n in range(11)]
                records = [by_hand.record(case, dsc=int(case[1:]) / 20, curves=curves) for case in cases]
                records.append(by_hand.record(f"healthy{fold}", dsc=None, has_tumour=False))
                write_json(folder / MANIFEST, by_hand.manifest(arm, records, fold=fold))
                if (arm, fold) in weights:
                    (folder / "models").mkdir()
        return tmp_path / "experiment"

    return put


@pytest.fixture
def looks(monkeypatch):
    """Runs that look without a network; which were asked for which studies."""
    asked = []

    def see(run, cases, cache):
        asked.append((run.parent.name, run.name, *cases))
        true, predicted = np.zeros((40, 30), bool), np.zeros((40, 30), bool)
        true[10:20, 5:9], predicted[12:38, 6:8] = True, True
        return {case: Seen(np.ones((4, 40, 30)), true, predicted) for case in cases}

    monkeypatch.setattr(panels, "see", see)
    return asked


def test_studies_are_chosen_by_percentiles_of_the_dsc_and_by_nothing_else(by_hand):
    def line(order):
        records = [by_hand.record(f"c{n:02}", dsc=n / 20) for n in order]
        seeds = [by_hand.manifest("Full", records, fold=fold, seed=seed) for fold, seed in ((0, 0), (0, 1))]
        return lines_of(seeds)[0]

    chosen = choose(line(range(21)))
    assert [(study.percentile, study.case, study.dsc, study.run) for study in chosen] == [
        (10, "c02", 0.1, (0, 0)),
        (50, "c10", 0.5, (0, 0)),
        (90, "c18", 0.9, (0, 0)),
    ]
    assert choose(line(reversed(range(21)))) == chosen


def test_every_arm_with_weights_looks_at_the_studies_that_it_did_not_learn_from(finished, looks, tmp_path):
    written = write_panels(finished(), tmp_path / "drawn")
    assert [path.name for path in written] == ["panels-10.png", "panels-50.png", "panels-90.png"]
    assert all(path.stat().st_size > 1000 for path in written)
    assert sorted(looks) == [
        ("Full", "fold0", "c02", "c10"),
        ("Full", "fold1", "c19"),
        ("No TIM", "fold0", "c02", "c10"),
    ]


def test_without_any_weights_there_is_nothing_to_show(finished, looks, tmp_path):
    with pytest.raises(InputError, match="no weights"):
        write_panels(finished(weights=()), tmp_path)
    with pytest.raises(InputError, match="0 experiments"):
        write_panels(tmp_path / "nowhere", tmp_path)


def test_the_window_holds_all_outlines():
    true, predicted = np.zeros((40, 30), bool), np.zeros((40, 30), bool)
    true[15, 5], predicted[22, 12] = True, True
    rows, columns = panels._window([Seen(np.ones((4, 40, 30)), true, predicted)])
    assert (rows, columns) == (slice(5, 33), slice(0, 23))


def test_arms_of_other_pixels_have_windows_of_their_own():
    coarse, fine = np.zeros((40, 30), bool), np.zeros((80, 60), bool)
    coarse[20, 15], fine[40, 30] = True, True
    windows = panels._windows([Seen(np.ones((4, *mask.shape)), mask, mask) for mask in (coarse, fine)])
    assert windows == [(slice(10, 31), slice(5, 26)), (slice(30, 51), slice(20, 41))]

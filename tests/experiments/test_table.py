"""Tables from manifests alone, by hand."""

from __future__ import annotations

import csv

import pytest

from custom.experiments.manifest import MANIFEST, read_manifests, without_patients
from custom.experiments.tables.table import build_table
from custom.experiments.tables.write import write_table
from custom.types import InputError

CASES = [f"c{index}" for index in range(6)]


def manifests_of(by_hand, gain=0.1):
    """Two folds of three studies: Full has DSC 0.5, 0.6, ... and No TIM less by ``gain``."""
    made = []
    for arm, loss in (("Full", 0.0), ("No TIM", gain)):
        for fold in range(2):
            cases = CASES[3 * fold : 3 * fold + 3]
            records = [by_hand.record(case, dsc=0.5 + 0.1 * int(case[1:]) - loss) for case in cases]
            made.append(by_hand.manifest(arm, records, fold=fold))
    return made


def cell_of(cells, arm, figure):
    (found,) = [cell for cell in cells if (cell.arm, cell.figure) == (arm, figure)]
    return found


def test_means_spreads_and_differences_by_hand(by_hand):
    cells = build_table(manifests_of(by_hand))
    full, no_tim = cell_of(cells, "Full", "dsc"), cell_of(cells, "No TIM", "dsc")
    assert full.mean == pytest.approx(0.75)
    assert full.sd_studies == pytest.approx(0.1870829)
    assert full.sd_runs == pytest.approx(0.2121320)  # of the folds' means 0.6 and 0.9
    assert (full.runs, full.studies, full.patients) == (2, 6, 6)
    assert (full.difference, full.p, full.reported) == (None, None, "85.2 %")
    assert no_tim.difference == pytest.approx(-0.1)
    assert no_tim.p == no_tim.p_holm == pytest.approx(2 / 2**6)
    assert no_tim.difference_interval == pytest.approx((-0.1, -0.1))


def test_seeds_are_averaged_before_studies_are_compared(by_hand):
    runs = [by_hand.manifest("Full", [by_hand.record("c0", dsc=value)], seed=seed) for seed, value in enumerate((0, 1))]
    cell = cell_of(build_table(runs), "Full", "dsc")
    assert (cell.mean, cell.studies, cell.runs) == (0.5, 1, 2)
    assert cell.interval is None  # one patient


def test_a_missed_tumour_is_a_wrong_class_and_no_class_head_is_no_accuracy(by_hand):
    right = {"predicted_class": 0, "class_probabilities": [0.9, 0.1]}
    answers = [by_hand.record("c0", **right), by_hand.record("c1"), by_hand.record("c2", has_tumour=False, dsc=None)]
    silent = [by_hand.record(case) for case in ("c0", "c1")]
    cells = build_table([by_hand.manifest("Full", answers), by_hand.manifest("No TIM", silent)])
    assert cell_of(cells, "Full", "accuracy").mean == 0.5
    assert [cell.arm for cell in cells if cell.figure == "accuracy"] == ["Full"]


def test_a_condition_is_a_line_of_its_own(by_hand):
    records, worse = [by_hand.record("c0", dsc=0.8)], [by_hand.record("c0", dsc=0.3)]
    cells = build_table([by_hand.manifest("Full", records, conditions={"noise": worse})])
    assert cell_of(cells, "Full, noise", "dsc").difference == pytest.approx(-0.5)


def test_a_network_that_is_given_the_mask_is_compared_with_mti_net_given_the_mask_and_shows_no_dsc(by_hand):
    def curve(error):
        return [by_hand.record("c0", regressed_mae_raw=error)]

    given = {"a#given_mask": True}
    full = by_hand.manifest("Full", curve(9.0), conditions={"given": curve(5.0)})
    full["conditions"]["given"] = given
    peer = by_hand.manifest("No TIM", curve(6.0), config={"overrides": given})
    cells = build_table([full, peer])
    assert cell_of(cells, "No TIM", "curve_mae_raw").difference == pytest.approx(1.0)
    assert cell_of(cells, "Full, given", "curve_mae_raw").difference == pytest.approx(-4.0)
    assert cell_of(cells, "Full", "curve_mae_raw").difference is None
    assert [cell.arm for cell in cells if cell.figure == "dsc"] == ["Full"]


def test_simple_answers_from_the_measured_curve_stand_beside_where_asked_for(by_hand):
    curves = {"HCC": [100.0, 180.0, 90.0, 80.0], "hemangioma": [60.0, 80.0, 110.0, 120.0]}
    training = {"classes": ["hemangioma", "HCC"], "scales": [100.0] * 12, "lesion_classes": [0, 1] * 6}
    training["curves"] = [[value / 100 for value in curves[name]] for name in ("hemangioma", "HCC")] * 6
    answer = {"class_probabilities": [0.9, 0.1], "predicted_class": 0, "lesion_class": 1, "scale": 100.0}
    told = {"regressed": curves["HCC"], "measured": curves["HCC"], "target": curves["HCC"], "true": None}
    manifest = by_hand.manifest("Full", [by_hand.record("c0", **answer, curves=told)], training_curves=training)
    manifest["experiment"]["curve_baselines"] = True
    cells = build_table([manifest])
    assert cell_of(cells, "Full", "accuracy").mean == 0.0
    assert cell_of(cells, "Logistic regression on the measured curve", "accuracy").mean == 1.0
    assert cell_of(cells, "Gradient boosting on the measured curve", "accuracy").mean == 1.0
    mean_curve = [80.0, 130.0, 100.0, 100.0]
    error = sum(abs(a - b) for a, b in zip(mean_curve, curves["HCC"], strict=True)) / 4
    assert cell_of(cells, "Population mean curve", "curve_mae_raw").mean == pytest.approx(error)


def test_the_table_is_rebuilt_from_the_manifests_alone(by_hand, tmp_path):
    folder = by_hand.put(manifests_of(by_hand))
    first = {path.name: path.read_bytes() for path in write_table(folder)}
    elsewhere = by_hand.put(read_manifests(folder), tmp_path / "elsewhere")
    assert {path.name for path in elsewhere.rglob("*") if path.is_file()} == {MANIFEST}
    second = {path.name: path.read_bytes() for path in write_table(elsewhere)}
    assert second == first
    assert {"table.csv", "table.md", "figures.png"} <= set(first)


def test_csv_and_page_say_the_same(by_hand):
    folder = by_hand.put(manifests_of(by_hand))
    write_table(folder)
    with open(folder / "table" / "table.csv", newline="", encoding="utf-8") as file:
        rows = {(row["arm"], row["figure"]): row for row in csv.DictReader(file)}
    assert float(rows["No TIM", "dsc"]["difference"]) == pytest.approx(-0.1)
    assert rows["Full", "dsc"]["difference"] == ""
    page = (folder / "table" / "table.md").read_text(encoding="utf-8")
    assert "| No TIM | 0.650 ± 0.187 | 0.212 |" in page
    assert "| Full | 0.750 ± 0.187 | 0.212 |" in page
    assert "Not finished" not in page


def test_what_is_not_finished_is_listed(by_hand):
    folder = by_hand.put(manifests_of(by_hand)[:3])
    write_table(folder)
    page = (folder / "table" / "table.md").read_text(encoding="utf-8")
    assert "**Not finished, and not in this table:** No TIM, fold 1, seed 0." in page


def test_confusion_matrices_are_drawn_where_something_is_classified(by_hand):
    answers = [by_hand.record("c0", predicted_class=0, class_probabilities=[0.9, 0.1])]
    names = {path.name for path in write_table(by_hand.put([by_hand.manifest("Full", answers)]))}
    assert "confusion_matrices.png" in names


def test_runs_of_two_experiments_make_no_table(by_hand):
    manifests = manifests_of(by_hand)[:2]
    manifests[1]["experiment"] = {**manifests[1]["experiment"], "name": "other"}
    with pytest.raises(InputError, match="2 experiments"):
        write_table(by_hand.put(manifests))


def test_a_folder_without_runs_says_so(tmp_path):
    with pytest.raises(InputError, match="0 experiments"):
        write_table(tmp_path)


def test_a_damaged_manifest_is_named(by_hand):
    folder = by_hand.put(manifests_of(by_hand))
    (folder / "runs" / "0" / MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"0/manifest\.json"):
        write_table(folder)


def test_manifests_hold_no_patients(by_hand):
    records = [by_hand.record("c0", group="Jane Roe"), by_hand.record("c1", group="Jane Roe")]
    hidden = without_patients(records)
    assert hidden[0]["group"] == hidden[1]["group"] != "Jane Roe"

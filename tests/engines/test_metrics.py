"""Figures against values computed by hand, with asymmetric masks and the cases where nothing is defined."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

from custom.engines.metrics import measure_study, score, summarise
from custom.engines.metrics.bootstrap import bootstrap_intervals
from custom.engines.metrics.lesions import longest_diameter_mm, size_class_name
from custom.engines.metrics.study_record import hd95_mm
from custom.engines.metrics.summary import accuracy, auc, binary_auc, confusion_matrix, sensitivity_by_size

S = slice
TRUE = (S(2, 6), S(1, 4), S(1, 3), 1)  # 4 x 3 x 2 = 24 voxels
SHIFTED = (S(3, 7), S(1, 4), S(1, 3))  # the same box, one voxel further in x: 18 in common
ELSEWHERE = (S(8, 10), S(6, 8), S(4, 5))


def test_overlap_of_asymmetric_boxes(study):
    record = measure_study(study(true=[TRUE], pred=[SHIFTED]))
    assert record["dsc"] == pytest.approx(2 * 18 / 48)
    assert record["iou"] == pytest.approx(18 / 30)
    assert record["volume_ml"] == pytest.approx(24 * 2 * 2 * 5 / 1000)
    assert record["slice_dsc"] == pytest.approx([0.75, 0.75])


@pytest.mark.parametrize(("axis", "expected_mm"), [(0, 2.0), (1, 3.0), (2, 5.0)])
def test_hd95_is_in_millimetres_of_each_axis(study, axis, expected_mm):
    box = [S(3, 6), S(2, 5), S(1, 3)]
    moved = list(box)
    moved[axis] = S(box[axis].start + 1, box[axis].stop + 1)
    record = measure_study(study(true=[(*box, 1)], pred=[tuple(moved)], spacing_mm=(2.0, 3.0, 5.0)))
    assert record["hd95_mm"] == pytest.approx(expected_mm)


def test_hd95_agrees_with_monai_on_ragged_masks(study):
    rng = np.random.default_rng(2)
    masks = [gaussian_filter(rng.normal(size=(20, 16, 6)), 1.5) > 0.1 for _ in range(2)]
    pair = [torch.as_tensor(mask, dtype=torch.float32)[None, None] for mask in masks]
    expected = compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=[1.5, 2.5, 6.0])
    assert hd95_mm(*masks, (1.5, 2.5, 6.0)) == pytest.approx(float(expected), rel=1e-5)


def test_a_study_of_ordinary_size_with_a_ragged_prediction_is_measured_fast(study):
    size = (128, 128, 16)
    ragged = gaussian_filter(np.random.default_rng(3).normal(size=size), 1) > 0.02
    data = study(size=size, true=[(S(40, 60), S(50, 70), S(5, 9), 1)], pred=[TRUE[:3]])
    data["pred"][0] = torch.as_tensor(ragged)
    start = time.perf_counter()
    measure_study(data)
    assert time.perf_counter() - start < 4  # iterating over a tensor's elements took 8 s


def test_without_a_true_tumour_there_is_no_dsc_but_a_false_positive(study):
    record = measure_study(study(pred=[ELSEWHERE], lesion_class=-1))
    assert (record["dsc"], record["iou"], record["hd95_mm"]) == (None, None, None)
    assert (record["has_tumour"], record["found_tumour"], record["false_positives"]) == (False, True, 1)
    assert record["curves"]["target"] is None
    assert record["regressed_mae_raw"] is None


def test_a_missed_tumour_counts_in_dsc_and_accuracy_but_has_no_curve(study):
    missed = measure_study(study("a", true=[TRUE], pred=[]))
    found = measure_study(study("b", true=[TRUE], pred=[TRUE[:3]]))
    assert (missed["dsc"], missed["hd95_mm"], missed["class_probabilities"]) == (0.0, None, None)
    figures = summarise([missed, found])
    assert figures["dsc"] == 0.5
    assert figures["accuracy"] == 0.5
    assert figures["curve_found"] == 0.5
    assert figures["curve_mae_raw"] == pytest.approx(100 * 0.5 / 4)


def test_empty_masks_are_left_out_of_the_mean_dsc(study):
    healthy = measure_study(study("h", lesion_class=-1))
    found = measure_study(study("f", true=[TRUE], pred=[SHIFTED]))
    assert summarise([healthy, found])["dsc"] == pytest.approx(0.75)
    assert summarise([healthy, found])["fp_healthy"] == 0.0


def test_curve_errors_in_raw_units_and_percent(study):
    true_raw = torch.tensor([110.0, 300.0, 200.0, 150.0])
    record = measure_study(study(true=[TRUE], pred=[TRUE[:3]], true_enhancement=true_raw))
    assert record["curves"]["target"] == pytest.approx([100, 300, 200, 150])
    assert record["regressed_mae_raw"] == pytest.approx(50 / 4)
    assert record["measured_mae_raw"] == pytest.approx(10 / 4)
    assert record["regressed_mae_pct"] == pytest.approx(50 / 3)  # RE 150 100 50 against 200 100 50
    assert record["regressed_mae_raw_true"] == pytest.approx((10 + 50) / 4)
    re_true = [100 * (value - 110) / 110 for value in (300, 200, 150)]
    expected = np.mean(np.abs(np.array([150, 100, 50]) - re_true))
    assert record["regressed_mae_pct_true"] == pytest.approx(expected)


def test_missing_phases_leave_the_curve_errors(study):
    no_arterial = torch.tensor([True, False, True, True])
    record = measure_study(study(true=[TRUE], pred=[TRUE[:3]], phase_mask=no_arterial))
    assert record["curves"]["regressed"][1] is None
    assert record["regressed_mae_raw"] == pytest.approx(0.0)
    no_pre = torch.tensor([False, True, True, True])
    record = measure_study(study(true=[TRUE], pred=[TRUE[:3]], phase_mask=no_pre))
    assert record["regressed_mae_pct"] is None
    assert record["regressed_mae_raw"] == pytest.approx(50 / 3)


def test_lesions_by_class_value_with_diameter_and_hit(study):
    second = (S(7, 9), S(5, 7), S(3, 4), 2)
    record = measure_study(study(true=[TRUE, second], pred=[SHIFTED, (S(0, 1), S(7, 8), S(0, 1))], lesion_class=-1))
    first, other = record["lesions"]
    assert (first["class"], first["found"], other["class"], other["found"]) == (0, True, 1, False)
    assert first["diameter_mm"] == pytest.approx(np.hypot(3 * 2, 2 * 2) + 2)
    assert record["false_positives"] == 1
    figures = summarise([record])
    assert figures["sensitivity"] == 0.5
    assert figures["accuracy"] is None


def test_touching_lesions_of_two_classes_are_two(study):
    halves = [(S(2, 4), S(2, 4), S(1, 2), 1), (S(4, 6), S(2, 4), S(1, 2), 2)]
    assert len(measure_study(study(true=halves))["lesions"]) == 2


def test_diameter_is_the_longest_in_one_slice_not_across_slices():
    mask = np.zeros((12, 12, 4), bool)
    mask[0:3, 0, 0] = True
    mask[0, 0:9, 2] = True
    assert longest_diameter_mm(mask, (1.0, 1.0)) == 9.0
    single = np.zeros((3, 3, 1), bool)
    single[1, 1, 0] = True
    assert longest_diameter_mm(single, (2.0, 2.0)) == 2.0


def test_sensitivity_is_told_by_size():
    lesions = [{"diameter_mm": 10.0, "found": False}, {"diameter_mm": 20.0, "found": True}]
    lesions += [{"diameter_mm": 80.0, "found": True}, {"diameter_mm": 12.0, "found": True}]
    names = [size_class_name(bounds) for bounds in ((0, 20), (20, 50), (50, float("inf")))]
    assert names == ["<20 mm", "20-50 mm", ">=50 mm"]
    figures = sensitivity_by_size([{"lesions": lesions}])
    assert [figures[f"sensitivity {name}"] for name in names] == [0.5, 1.0, 1.0]


def test_slice_accuracy_skips_slices_with_two_classes(study):
    true = [(S(1, 3), S(1, 3), S(0, 2), 1), (S(6, 8), S(1, 3), S(1, 3), 2)]  # slice 0: 1, slice 1: both, slice 2: 2
    probabilities = torch.tensor([[0.9, 0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.1, 0.9, 0.9]])
    record = measure_study(study(true=true, pred=[], slice_class_prob=probabilities))
    assert record["slice_correct"] == [True, False]


def classified(classes, probabilities):
    return [
        {"has_tumour": True, "lesion_class": c, "class_probabilities": p, "slice_correct": [],
         "predicted_class": None if p is None else int(np.argmax(p))}
        for c, p in zip(classes, probabilities, strict=True)
    ]  # fmt: skip


def test_auc_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 6, 40) / 5, rng.random(40) < 0.4
    assert binary_auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))


def test_auc_of_three_classes_is_the_mean_of_one_against_the_rest():
    rng = np.random.default_rng(1)
    classes, probabilities = rng.integers(0, 3, 30), rng.dirichlet(np.ones(3), 30)
    expected = roc_auc_score(classes, probabilities, multi_class="ovr", average="macro")
    assert auc(classified(classes, probabilities.tolist())) == pytest.approx(expected)


def test_with_one_class_only_auc_is_undefined_and_accuracy_is_not():
    records = classified([1, 1], [[0.2, 0.8], [0.7, 0.3]])
    assert auc(records) is None
    assert accuracy(records) == 0.5


def test_confusion_matrix_has_a_column_for_what_was_not_found():
    records = classified([0, 1, 1, 0], [[0.9, 0.1], [0.9, 0.1], None, [0.2, 0.8]])
    assert confusion_matrix(records, 2) == [[1, 1, 0], [1, 0, 1]]


def test_nothing_at_all_is_none_throughout_and_never_nan():
    assert set(summarise([]).values()) == {None}
    assert score(summarise([])) == 0.0


def test_score_is_the_mean_of_the_defined_parts():
    figures = dict.fromkeys(summarise([]))
    figures |= {"dsc": 0.8, "accuracy": 0.9, "auc": 1.0, "fp_per_study": 0.25}
    figures |= {"curve_mae_pct": 20.0, "curve_found": 1.0}
    assert score(figures, population_mae_pct=80.0) == pytest.approx(np.mean([0.8, 0.75, 0.95, 0.8]))
    assert score(figures) == pytest.approx(np.mean([0.8, 0.95, 0.8]))
    assert score({**figures, "curve_mae_pct": None, "curve_found": 0.0}, 80.0) == pytest.approx(
        np.mean([0.8, 0, 0.95, 0.8])
    )


def test_bootstrap_is_seeded_covers_the_mean_and_keeps_groups_together(study):
    records = []
    for index in range(12):
        width = 3 + index % 4
        record = measure_study(study(f"s{index}", true=[TRUE], pred=[(S(2, 2 + width), S(1, 4), S(1, 3))]))
        records.append({**record, "group": f"patient {index // 2}"})
    first, again = (bootstrap_intervals(records, seed=3, resamples=200) for _ in range(2))
    assert first == again
    low, high = first["dsc"]
    assert low < summarise(records)["dsc"] < high
    assert first["fp_healthy"] is None
    alone = bootstrap_intervals([{**record, "group": "one patient"} for record in records], resamples=10)
    assert set(alone.values()) == {None}


def test_what_never_varies_has_no_interval(study):
    healthy = [measure_study(study(f"h{index}", true=[], pred=[])) for index in range(20)]
    found = measure_study(study("found", true=[], pred=[TRUE[:3]]))
    assert summarise(healthy)["fp_healthy"] == 0
    assert bootstrap_intervals(healthy, resamples=50)["fp_healthy"] is None
    assert bootstrap_intervals([*healthy, found], resamples=200)["fp_healthy"][1] > 0

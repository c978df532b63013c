"""How sure the network is of lesions that no class names: figures computed by hand, and how they get there."""

import json

import pytest
import torch
from monai.data import decollate_batch

from custom.data.phantom import simulate_study, write_nifti
from custom.engines import EvaluationReport
from custom.engines.metrics import measure_study
from custom.engines.metrics.report import build_report, format_table, study_row
from custom.engines.metrics.unknown_kinds import unknown_kinds
from custom.transforms import LoadStudyd, collate_studies
from custom.types import InputError

S = slice
TRUE = (S(2, 6), S(1, 4), S(1, 3), 1)
CLASSES = ("hemangioma", "HCC")


@pytest.fixture
def asked(study):
    """Record of a study with the probability of HCC that it gets; None: its lesion is missed."""

    def ask(case, probability, *, lesion_class=-1, kind=None, elsewhere=False):
        boxes = [] if probability is None else [(S(8, 10), S(6, 8), S(4, 5)) if elsewhere else TRUE[:3]]
        given = torch.tensor([1 - (probability or 0), probability or 0])
        given = given if boxes else torch.full((2,), torch.nan)
        told = {"lesion_class": lesion_class, "class_prob": given, "class_values": kind is None}
        return measure_study(study(case, true=[TRUE], pred=boxes, **told, **({"kind": kind} if kind else {})))

    return ask


@pytest.fixture
def records(asked):
    return [
        asked("a", 0.02, lesion_class=0),
        asked("b", 0.95, lesion_class=0),  # surely and wrongly
        asked("c", 0.2, lesion_class=0),
        asked("d", 0.99, kind="cyst"),
        asked("e", 0.6, kind="cyst"),
        asked("f", None, kind="cyst"),
        asked("g", 0.97, kind="cyst", elsewhere=True),  # the answer is about something else
        asked("h", 0.04, kind="metastasis"),
        asked("i", 0.9),  # neither known nor said what it is
    ]


def test_figures_are_those_of_each_kind(records):
    told = unknown_kinds(records, sure_from=0.9)
    assert told["groups"] == {"known": 3, "cyst": 4, "metastasis": 1}
    figures = told["figures"]
    assert (figures["known found"], figures["cyst found"], figures["metastasis found"]) == (1, 0.5, 1)
    assert (figures["known sure"], figures["known wrongly_sure"]) == pytest.approx((2 / 3, 1 / 3))
    assert (figures["cyst sure"], figures["cyst wrongly_sure"]) == (0.5, 0.5)
    assert figures["metastasis sure"] == 1
    assert figures["known probability"] == pytest.approx((0.98 + 0.95 + 0.8) / 3)
    assert figures["cyst probability"] == pytest.approx((0.99 + 0.6) / 2)
    pairs = [(k > u) + 0.5 * (k == u) for k in (0.98, 0.95, 0.8) for u in (0.99, 0.6, 0.96)]
    assert figures["auroc"] == pytest.approx(sum(pairs) / 9)
    assert told["intervals_95"].keys() == figures.keys()
    low, high = told["intervals_95"]["known probability"]
    assert low < figures["known probability"] < high


def test_without_such_a_kind_there_is_nothing_to_tell(records):
    report = build_report(records[:3], classes=CLASSES)
    assert report["unknown_kinds"] is None
    assert "never trained on" not in format_table(report)


def test_the_report_tells_it_beside_the_known(records):
    report = build_report(records, classes=CLASSES, sure_from=0.9)
    json.dumps(report, allow_nan=False)
    table = format_table(report)
    told = table[table.index("Kinds never trained on; a class is given surely with a probability of at least 0.9") :]
    assert [line.split()[:2] for line in told.splitlines()[2:5]] == [["known", "3"], ["cyst", "4"], ["metastasis", "1"]]
    assert report["figures"]["accuracy"] == pytest.approx(2 / 3)  # of the known alone
    assert study_row(records[3], CLASSES)["kind"] == "cyst"


def test_what_is_not_defined_is_a_dash(asked):
    report = build_report([asked("d", None, kind="cyst")], classes=CLASSES)
    assert report["unknown_kinds"]["figures"]["cyst found"] == 0
    assert report["unknown_kinds"]["figures"]["cyst sure"] is None
    assert report["unknown_kinds"]["figures"]["auroc"] is None
    assert "known against other kinds: –" in format_table(report)


def test_a_mask_without_classes_is_not_taken_for_the_first_class(study):
    slices = torch.tensor([[0.9] * 5, [0.1] * 5])
    told = measure_study(study(true=[TRUE], pred=[TRUE[:3]], class_values=False, slice_class_prob=slices))
    assert told["lesions"][0]["class"] == -1
    assert told["slice_correct"] == []


def test_the_kind_comes_through_from_the_datalist(tmp_path):
    names = write_nifti(simulate_study(seed=1, preset="tiny", lesions=("cyst",)), tmp_path)
    item = {"case": "c", "phases": {phase: str(tmp_path / name) for phase, name in names.items()}}
    item |= {"label": str(tmp_path / "tumour.nii.gz"), "lesion_class": None, "kind": "cyst"}
    (loaded,) = decollate_batch(collate_studies([LoadStudyd(classes=CLASSES)(item)]))
    assert loaded["kind"] == "cyst"
    assert int(loaded["lesion_class"]) == -1
    assert not bool(loaded["class_values"])


def test_a_limit_that_is_no_probability_is_an_error(tmp_path):
    with pytest.raises(InputError, match="sure_from: found 90"):
        EvaluationReport(output_dir=tmp_path, sure_from=90)

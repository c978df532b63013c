"""Kinds of lesions that no class names: what they look like, and that a data set does not pass them off as a class."""

import json
from collections import Counter
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from custom.data.datalist import load_datalist
from custom.data.phantom import PRESETS, plan_studies, presets, simulate_study, write_phantom
from custom.data.phantom.kinetics import Circulation
from custom.data.phantom.lesion_kinds import UNKNOWN_KINDS
from custom.data.phantom.patient import draw_patient
from custom.data.phantom.presets import get_preset
from custom.data.phantom.tissues import phase_signals
from custom.types import DEFAULT_CLASSES, InputError

CLASSES = list(DEFAULT_CLASSES)


TIMES_S = np.array([-30.0, 35.0, 70.0, 180.0])


def tissues_over_liver(name, seed):
    """Curves of a lesion's tissues over the liver's at ordinary times, ``(DEPTHS + 2, P)``."""
    patient = draw_patient(seed, get_preset("demo"), (name,))
    tissues = [*patient.lesions[0].kinetics.tissues, patient.organs["liver"]]
    signals = phase_signals(tissues, TIMES_S, Circulation())
    return signals[:-1] / signals[-1]


@pytest.mark.parametrize("seed", range(5))
def test_a_cyst_is_dark_and_takes_up_nothing(seed):
    tissues = tissues_over_liver("cyst", seed)
    assert np.ptp(tissues, axis=0).max() == 0  # the same everywhere, capsule and core included
    assert tissues[0, 0] < 0.6
    kinetics = draw_patient(seed, get_preset("demo"), ("cyst",)).lesions[0].kinetics
    assert np.ptp(phase_signals(list(kinetics.tissues), TIMES_S, Circulation())) == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_metastasis_has_a_ring_that_washes_out_around_a_late_centre(seed):
    tissues = tissues_over_liver("metastasis", seed)
    rim, centre = tissues[0], tissues[5]  # (P)
    assert rim[1] > 1.2 > 1.0 > rim[3]  # arterial hyperenhancement, then washout
    assert rim[1] > 1.5 * centre[1]
    assert centre[3] - centre[0] > centre[1] - centre[0]  # what enhancement the centre has comes late


def test_the_ring_is_closed():
    lesion = draw_patient(3, get_preset("demo"), ("metastasis",)).lesions[0]
    around = np.linspace(-1, 1, 50, dtype=np.float32)
    depth = lesion.kinetics.depth(np.ones(50, np.float32), around, np.zeros(50, np.float32))
    assert depth.max() < 0.5  # at the surface nowhere deeper than the ring


def test_no_preset_with_studies_to_learn_from_holds_them():
    for name, preset in PRESETS.items():
        lesions = {lesion for study in plan_studies(preset, seed=0) for lesion in study.lesions}
        assert lesions.isdisjoint(UNKNOWN_KINDS) or name == "unknown"
    assert list(PRESETS["unknown"].counts) == ["test"]


def test_the_preset_holds_as_many_of_each():
    planned = plan_studies(PRESETS["unknown"], seed=0)
    assert Counter(study.lesions[0] for study in planned) == dict.fromkeys((*CLASSES, *UNKNOWN_KINDS), 20)
    assert all(len(set(study.lesions)) == 1 for study in planned)


def test_a_study_cannot_hold_lesions_with_and_without_a_class():
    with pytest.raises(InputError, match=r"lesions cyst, HCC.*studies of their own"):
        simulate_study(seed=0, preset="tiny", lesions=("cyst", "HCC"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Four tiny studies, one of each class and kind."""
    with pytest.MonkeyPatch.context() as patch:
        counts = {"test": dict.fromkeys((*CLASSES, *UNKNOWN_KINDS), 1)}
        patch.setitem(presets.PRESETS, "four", replace(presets.PRESETS["tiny"], counts=counts))
        yield write_phantom(tmp_path_factory.mktemp("unknown") / "set", preset="four", workers=1)


def test_the_datalist_states_the_kind_and_no_class(written):
    items = load_datalist(section="test", datalist=written, classes=CLASSES)
    assert sorted(item["kind"] for item in items if "kind" in item) == sorted(UNKNOWN_KINDS)
    for item in items:
        values = set(np.unique(np.asarray(nib.load(item["label"]).dataobj)))
        if "kind" in item:
            assert item["lesion_class"] is None
            assert values == {0, 1}
        else:
            assert values == {0, CLASSES.index(item["lesion_class"]) + 1}
    manifest = json.loads((written.parent / "manifest.json").read_text())
    truth = {e["case"]: {(part["class"], part["kind"]) for part in e["lesions"]} for e in manifest["studies"]}
    assert all(truth[item["case"]] == {(None, item["kind"])} for item in items if "kind" in item)


@pytest.mark.parametrize("wrong", [{"lesion_class": "HCC"}, {"kind": "HCC"}, {"kind": 3}])
def test_a_kind_is_only_for_what_no_class_names(written, tmp_path, wrong):
    content = json.loads(written.read_text())
    content["test"] = [{**item, **wrong} for item in content["test"] if "kind" in item]
    (tmp_path / "datalist.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="kind"):
        load_datalist(section="test", datalist=tmp_path / "datalist.json", dataset_dir=written.parent, classes=CLASSES)

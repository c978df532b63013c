"""Experiments without images: datalists of names, runs that are done at once, manifests made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from custom.experiments.files import write_json
from custom.experiments.manifest import MANIFEST
from custom.experiments.planning.arms import Arm, Experiment


@pytest.fixture
def datalist(tmp_path) -> Path:
    """Twelve patients, six a class, the first two with two studies; and a test section."""

    def item(case, patient, lesion_class):
        return {"case": case, "patient": patient, "image": f"{case}.nii.gz", "lesion_class": lesion_class}

    studies = [item(f"c{n}", f"p{n}", ("HCC", "hemangioma")[n % 2]) for n in range(12)]
    studies += [item("again0", "p0", "HCC"), item("again1", "p1", "hemangioma")]
    content = {"classes": ["hemangioma", "HCC"], "training": studies[:11], "validation": studies[11:]}
    content["validation"] = [entry for entry in content["validation"] if entry["patient"] == "p11"]
    content["training"] += studies[12:]
    content["test"] = [item("t0", "q0", "HCC")]
    path = tmp_path / "datalist.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    """Two arms that differ in one loss weight."""
    arms = (Arm("Full", reported={"dsc": "85.2 %"}), Arm("No TIM", overrides={"loss_weights#tim": 0.0}))
    return Experiment("toy", "Toy", "Full", arms)


def a_record(case: str, **values) -> dict:
    """One study's record; a tumour of class 0 that was found, if nothing else is said."""
    curves = {"regressed": None, "measured": None, "target": None, "true": None}
    errors = dict.fromkeys(("regressed_mae_raw", "regressed_mae_pct", "regressed_mae_raw_true", "measured_mae_raw"))
    about = {"case": case, "group": case, "lesion_class": 0, "has_tumour": True, "found_tumour": True}
    figures = {"dsc": 0.5, "iou": 0.4, "hd95_mm": 5.0, "lesions": [{"found": True}], "false_positives": 0}
    answer = {"class_probabilities": None, "predicted_class": None, "slice_correct": [], "slice_dsc": []}
    return {**about, **figures, **answer, **errors, "curves": curves, **values}


def a_manifest(arm: str, records: list, *, fold=0, seed=0, arms=("Full", "No TIM"), conditions=None, **values) -> dict:
    about = {"name": "toy", "title": "Toy", "compared_with": "Full", "arms": list(arms), "folds": 2, "seeds": 1}
    about |= {"curve_baselines": False}
    return {
        "experiment": about,
        "arm": arm,
        "fold": fold,
        "seed": seed,
        "reported": {"dsc": "85.2 %"} if arm == "Full" else {},
        "budget": {"epochs": 1, "steps_per_epoch": 7, "steps": 7},
        "split": {"sha256": "0", "training": 4, "held_out": 2},
        "seconds": {"training": 90.0, "evaluation": 1.0},
        "device": "a processor",
        "classes": ["hemangioma", "HCC"],
        "config": {"overrides": {}},
        "conditions": {"held out": {}, **{name: {} for name in conditions or {}}},
        "training_curves": None,
        "evaluations": {"held out": records, **(conditions or {})},
        **values,
    }


@pytest.fixture
def by_hand(tmp_path):
    """Make records and manifests, and put manifests where an experiment would."""

    def put(manifests, folder=tmp_path / "experiment"):
        for number, manifest in enumerate(manifests):
            write_json(folder / "runs" / str(number) / MANIFEST, manifest)
        return folder

    return SimpleNamespace(record=a_record, manifest=a_manifest, put=put)

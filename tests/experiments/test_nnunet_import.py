"""Predicted masks as an arm: judged like every other, on their study's grid or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from custom.__main__ import main
from custom.data.datalist import load_datalist
from custom.data.phantom import write_phantom
from custom.experiments.files import write_json
from custom.experiments.manifest import read_manifests
from custom.experiments.nnunet.import_arm import import_arm
from custom.experiments.nnunet.layout import dataset_json
from custom.experiments.planning.arms import read_experiment
from custom.experiments.planning.plan import plan_runs, prepare_folders
from custom.experiments.planning.settings import EXPERIMENTS, Settings
from custom.types import InputError

CLASSES = ["hemangioma", "HCC"]


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """Five tiny studies, two of them held out where there are no folds; a voxel has 0.78 ml."""
    path = write_phantom(tmp_path_factory.mktemp("phantom") / "tiny", preset="tiny", studies=5, workers=1)
    content = json.loads(path.read_text(encoding="utf-8"))
    items = [item for section in ("training", "validation", "test") for item in content[section]]
    own = path.with_name("five.json")
    write_json(own, {"classes": CLASSES, "training": items[:3], "validation": items[3:], "test": []})
    return own


@pytest.fixture
def begun(phantom, tmp_path):
    """An experiment of which nothing but the plan is there: ``begun(folds=2, spacing_mm=7.0)`` gives its folder."""

    def begin(folds=0, spacing_mm=7.0):
        settings = Settings(overrides={"spacing_mm": spacing_mm, "roi_size": [48, 48]})
        rules = {"settings": settings, "datalist": phantom, "output": tmp_path / "experiment"}
        prepare_folders(
            plan_runs(read_experiment("crossval", EXPERIMENTS), **rules, folds=folds, seeds=1, steps=1), resume=False
        )
        return tmp_path / "experiment"

    return begin


@pytest.fixture
def predicted(tmp_path):
    """True masks, or what ``change(mask, item)`` makes of them, as nnU-Net would leave them; the folder."""

    def write(experiment: Path, change=lambda mask, item: mask, *, classes=None, by_fold=True):
        folder = tmp_path / "nnUNetTrainer__plans__2d"
        for run in sorted(experiment.glob("runs/*/fold*")):
            root = json.loads((run / "task.json").read_text(encoding="utf-8"))["places"]["dataset_dir"]
            place = folder / f"fold_{run.name[4]}" / "validation" if by_fold else folder
            place.mkdir(parents=True)
            for item in load_datalist(section="validation", datalist=run / "datalist.json", dataset_dir=root):
                image = nibabel.load(item["label"])
                mask = change(np.asarray(image.dataobj).astype(np.uint8), item)
                nibabel.save(nibabel.Nifti1Image(mask, image.affine), place / f"{item['case']}.nii.gz")
        write_json(folder / "dataset.json", dataset_json(name="x", classes=classes, training=1, content_hash="0"))
        return folder

    return write


def where(mask, item):
    """Tumour of whatever class."""
    return (mask > 0).astype(np.uint8)


def shifted(mask, item):
    """One voxel along the first axis, which mirrors nothing and is not undone by any other axis."""
    return np.roll(where(mask, item), 1, axis=0)


def held_out(experiment, condition="held out"):
    return {r["case"]: r for manifest in read_manifests(experiment) for r in manifest["evaluations"][condition]}


def test_true_masks_are_perfect_and_measure_the_true_curves(begun, predicted, tmp_path):
    experiment = begun()
    (manifest,) = import_arm(experiment, predicted(experiment, where), name="nnU-Net, 2-D")
    records = held_out(experiment)
    assert len(records) == 2
    for record in records.values():
        perfect = (1.0, 0.0, 0) if record["has_tumour"] else (None, None, 0)
        assert (record["dsc"], record["hd95_mm"], record["false_positives"]) == perfect
        if record["has_tumour"]:
            assert record["curves"]["measured"] == pytest.approx(record["curves"]["target"], rel=1e-5)
        assert record["curves"]["regressed"] is None
        assert record["class_probabilities"] is None
    text = manifest.read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert json.loads(text)["predictions"]["training"] == "nnUNetTrainer__plans__2d"


def test_figures_are_those_of_the_masks_themselves(begun, predicted, phantom):
    experiment = begun(folds=2)
    import_arm(experiment, predicted(experiment, shifted), name="shifted")
    truths = {item["case"]: item["label"] for s in ("training", "validation") for item in load_items(phantom, s)}
    records = held_out(experiment)
    assert set(records) == set(truths)
    for case, record in records.items():
        true = np.asarray(nibabel.load(truths[case]).dataobj) > 0
        moved = np.roll(true, 1, axis=0)
        if true.any():
            assert record["dsc"] == pytest.approx(2 * (true & moved).sum() / (true.sum() + moved.sum()))
        assert record["predicted_volume_ml"] == pytest.approx(moved.sum() * 7.0 * 7.0 * 16.0 / 1000)


def load_items(phantom, section):
    return load_datalist(section=section, datalist=phantom)


@pytest.mark.parametrize("spacing_mm", [3.5, 5.0])
def test_a_mask_goes_to_the_arms_pixels_as_the_true_one_does(begun, predicted, spacing_mm):
    experiment = begun(spacing_mm=spacing_mm)
    import_arm(experiment, predicted(experiment, where, by_fold=False), name="peer")
    assert {record["dsc"] for record in held_out(experiment).values()} <= {1.0, None}


def test_small_components_count_by_the_rule_of_all_arms_and_as_predicted(begun, predicted):
    def speckled(mask, item):
        out = where(mask, item)
        out[1, 1, 1] = 1  # far from any liver
        return out

    experiment = begun()
    for task in experiment.glob("runs/*/*/task.json"):
        content = json.loads(task.read_text(encoding="utf-8"))
        content["config"]["overrides"]["min_volume_ml"] = 1.0
        write_json(task, content)
    import_arm(experiment, predicted(experiment, speckled, by_fold=False), name="peer")
    assert {record["false_positives"] for record in held_out(experiment).values()} == {0}
    assert {record["false_positives"] for record in held_out(experiment, "every voxel").values()} == {1}


def test_labels_of_classes_answer_for_the_class(begun, predicted):
    def all_hcc(mask, item):
        return 2 * where(mask, item)

    experiment = begun(folds=2)
    import_arm(experiment, predicted(experiment, all_hcc, classes=CLASSES), name="classes")
    records = [record for record in held_out(experiment).values() if record["has_tumour"]]
    assert {record["predicted_class"] for record in records} == {1}
    assert {record["lesion_class"] for record in records} == {0, 1}
    assert all(record["class_probabilities"][1] > 0.99 for record in records)


def test_the_command_puts_a_line_beside_ours(begun, predicted, by_hand, capsys):
    experiment = begun()
    for task_file in experiment.glob("runs/*/*/task.json"):  # as if they were done: our records, by hand
        task = json.loads(task_file.read_text(encoding="utf-8"))
        cases = [item["case"] for item in json.loads((task_file.parent / "datalist.json").read_text())["validation"]]
        own = by_hand.manifest(task["arm"], [by_hand.record(case, dsc=0.25) for case in cases], fold=task["fold"])
        write_json(task_file.parent / "manifest.json", {**own, "experiment": task["experiment"]})
    folder = predicted(experiment, where)
    command = ["experiment", "import", str(experiment), "--predictions", str(folder), "--arms", "nnU-Net, 2-D"]
    assert main(command) == 0
    page = (experiment / "table" / "table.md").read_text(encoding="utf-8")
    assert "trained elsewhere: nnU-Net, 2-D" in page
    (line, *_) = [line for line in page.splitlines() if line.startswith("| nnU-Net, 2-D |")]
    assert "1.000 ± 0.000" in line
    assert "+0.750" in line  # paired with ours
    shutil.rmtree(folder)
    (experiment / "table" / "table.md").unlink()
    assert main(["experiment", "table", str(experiment)]) == 0  # from the manifests alone
    assert (experiment / "table" / "table.md").read_text(encoding="utf-8") == page
    assert main(command) == 2
    assert "an arm of this experiment has" in capsys.readouterr().err


def test_only_the_folds_that_were_predicted_are_imported(begun, predicted):
    experiment = begun(folds=2)
    folder = predicted(experiment, where)
    shutil.rmtree(folder / "fold_1")
    assert len(import_arm(experiment, folder, name="peer")) == 1


def rewritten(change):
    """Change one mask's image on disk."""

    def damage(folder):
        path = sorted(folder.glob("fold_0/validation/*.nii.gz"))[0]
        image = nibabel.load(path)
        nibabel.save(nibabel.Nifti1Image(*change(np.asarray(image.dataobj), image.affine.copy())), path)

    return damage


def moved(data, affine):
    affine[0, 3] += 0.5
    return data, affine


def stored_the_other_way(data, affine):
    return data[:, ::-1], affine @ np.array([[1, 0, 0, 0], [0, -1, 0, data.shape[1] - 1], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def missing(folder):
    sorted(folder.glob("fold_0/validation/*.nii.gz"))[0].unlink()


def of_another_split(folder):
    place = folder / "fold_0" / "validation"
    shutil.copy(sorted(place.glob("*.nii.gz"))[0], place / "another.nii.gz")


def without_meaning(folder):
    (folder / "dataset.json").unlink()


def other_labels(folder):
    write_json(folder / "dataset.json", {"labels": {"background": 0, "liver": 1}})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (rewritten(moved), "expected the grid of the study's portal_venous phase"),
        (rewritten(stored_the_other_way), "expected the grid of the study's portal_venous phase"),
        (rewritten(lambda data, affine: (data[:-1], affine)), "found a mask of 47 × 48 × 8 voxels"),
        (rewritten(lambda data, affine: (data + data.max(), affine)), "found the values 2"),
        (missing, "without a mask"),
        (of_another_split, "which the fold does not hold out"),
        (without_meaning, "found no dataset.json"),
        (other_labels, "found the labels liver"),
        (shutil.rmtree, "no such folder"),
    ],
)
def test_masks_that_cannot_be_judged_are_refused_and_nothing_is_written(begun, predicted, damage, message):
    experiment = begun()
    folder = predicted(experiment, where)
    damage(folder)
    with pytest.raises(InputError, match=message):
        import_arm(experiment, folder, name="peer")
    assert [path.name for path in (experiment / "runs").iterdir()] == ["mti-net"]


def test_a_folder_of_masks_holds_nothing_else(begun, predicted):
    experiment = begun()
    folder = predicted(experiment, where, by_fold=False)
    shutil.copy(sorted(folder.glob("*.nii.gz"))[0], folder / "stranger.nii.gz")
    with pytest.raises(InputError, match=r"stranger\.nii\.gz, which no fold holds out"):
        import_arm(experiment, folder, name="peer")


@pytest.mark.parametrize("words", [[], ["--predictions", "x"], ["--arms", "x"]])
def test_an_incomplete_command(words, tmp_path, capsys):
    assert main(["experiment", "import", str(tmp_path), *words]) == 2
    assert "Complete the command" in capsys.readouterr().err


def test_an_experiment_that_was_never_begun(tmp_path):
    with pytest.raises(InputError, match="Run the experiment first"):
        import_arm(tmp_path, tmp_path, name="peer")

"""Three classes of other names, from the data to the reports."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

CLASSES = ["metastasis", "FNH", "cholangiocarcinoma"]


@pytest.fixture(scope="module")
def relabelled(phantom, tmp_path_factory):
    """The phantom's images with masks and names of three classes in turn; healthy studies stay so."""
    folder = tmp_path_factory.mktemp("relabelled")
    content = json.loads((phantom / "datalist.json").read_text(encoding="utf-8"))
    for section in ("training", "validation", "test"):
        ill = [item for item in content[section] if item["lesion_class"] is not None]
        for k, item in enumerate(ill):
            mask = nib.load(phantom / item["label"])
            value = k % len(CLASSES) + 1
            relabelled = ((np.asarray(mask.dataobj) > 0) * value).astype(np.uint8)
            (folder / item["case"]).mkdir()
            nib.save(nib.Nifti1Image(relabelled, mask.affine), folder / item["label"])
            item["lesion_class"] = CLASSES[value - 1]
        for item in content[section]:
            item["phases"] = {phase: str(phantom / path) for phase, path in item["phases"].items()}
            if item["lesion_class"] is None:
                item["label"] = str(phantom / item["label"])
    content["classes"] = CLASSES
    content.pop("content_hash")
    (folder / "datalist.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_three_classes_of_other_names_work_throughout(shipped, relabelled, predicted, tmp_path):
    network = {**shipped.small_training, "network_def#widths": [4, 4, 8, 8], "classes": CLASSES}
    folders = {
        "dataset_dir": str(relabelled),
        "output_dir": str(tmp_path / "outputs"),
        "ckpt_dir": str(tmp_path / "models"),
    }
    shipped.run_logged(shipped.build(["train.json"], **network, **folders))
    described = json.loads((tmp_path / "models" / "model.json").read_text("utf-8"))
    assert described["classes"] == CLASSES

    shipped.run_logged(shipped.build(["train.json", "evaluate.json"], run_id="evaluating", **network, **folders))
    metrics = json.loads((tmp_path / "outputs" / "evaluation" / "metrics.json").read_text("utf-8"))
    assert metrics["classes"] == CLASSES
    assert metrics["confusion_matrix"]["rows"] == [f"true {name}" for name in CLASSES]
    assert np.shape(metrics["confusion_matrix"]["counts"]) == (3, 4)

    inference = {key: value for key, value in network.items() if key in shipped.small_network or key == "classes"}
    studies = tmp_path / "studies"
    shutil.copytree(predicted.studies / "nifti", studies / "case")
    overrides = {
        **inference,
        "dataset_dir": str(studies),
        "output_dir": str(tmp_path / "predictions"),
        "ckpt_path": str(tmp_path / "models" / "model.pt"),
        "threshold": 0.001,  # hardly trained: whatever it paints must bear one of the three names
    }
    shipped.run_logged(shipped.build(["inference.json"], workflow_type="infer", **overrides))
    report = json.loads((tmp_path / "predictions" / "case" / "study.json").read_text("utf-8"))
    assert list(report["class"]["probabilities"]) == CLASSES
    assert report["class"]["label"] in CLASSES
    painted = np.unique(np.asarray(nib.load(tmp_path / "predictions" / "case" / "tumour.nii.gz").dataobj))
    assert set(painted.tolist()) - {0} == {lesion["label_value"] for lesion in report["lesions"]}

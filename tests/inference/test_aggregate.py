import json

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from custom.enhancement_classifier import CurveClassifier
from custom.inference import AggregateStudyd
from custom.types import InputError

CLASSES = ["hemangioma", "HCC"]
AFFINE = np.diag([2.5, 2.5, 8.0, 1.0])  # 0.05 ml a voxel


def study(*, tasks: tuple[str, ...] = ("seg", "reg", "cls"), tumour: bool = True) -> dict:
    """10 x 12 x 6: a 48-voxel lesion in slices 0-3, a 12-voxel one in slices 3-4, one voxel (0.05 ml) in slice 5."""
    logits = torch.full((1, 10, 12, 6), -8.0)
    if tumour:
        logits[0, 1:4, 1:5, 0:4] = 8.0
        logits[0, 6:8, 7:10, 3:5] = 8.0
        logits[0, 9, 11, 5] = 8.0
    prediction = {"seg": logits}
    if "reg" in tasks:
        prediction["enhancement"] = torch.arange(24.0).reshape(4, 6)
    if "cls" in tasks:
        prediction["class_logits"] = torch.tensor([[2.0, 2.0, 2.0, 0.0, -2.0, 0.0], [0.0] * 6])
    image = torch.ones(4, 10, 12, 6) * torch.tensor([1.0, 2.0, 3.0, 4.0])[:, None, None, None]
    return {
        "image": MetaTensor(image, affine=torch.as_tensor(AFFINE)),
        "phase_mask": torch.tensor([True] * 4),
        "pred": prediction,
    }


def test_the_keys_of_a_study():
    data = AggregateStudyd(classes=CLASSES)(study())
    assert data["pred"].shape == (1, 10, 12, 6)
    assert data["pred"].dtype == torch.uint8
    assert int(data["pred"].sum()) == 60
    np.testing.assert_array_equal(data["pred"].affine.numpy(), AFFINE)
    assert sorted(np.unique(data["instances"])) == [0, 1, 2]
    assert (
        float(data["probability"][0, 9, 11, 5]) == 0.0
    )  # too small to be a lesion: no interpolation can bring it back
    assert ((data["probability"] > 0.5) == (data["pred"] > 0)).all()
    high, low = torch.tensor([2.0, 0.0]).softmax(0)[0], torch.tensor([-2.0, 0.0]).softmax(0)[0]
    assert data["class_prob"][0].item() == pytest.approx(((48 * high + 12 * low) / 60).item())
    np.testing.assert_allclose(
        data["enhancement_pred"], (48 * np.array([1, 7, 13, 19]) + 12 * np.array([4, 10, 16, 22])) / 60
    )
    np.testing.assert_allclose(data["enhancement_measured"], [1, 2, 3, 4])
    assert [lesion["volume_ml"] for lesion in data["lesions"]] == pytest.approx([2.4, 0.6])
    json.dumps(data["lesions"], allow_nan=False)
    assert data["slice_class_prob"].shape == (2, 6)
    assert data["slice_enhancement"].shape == (4, 6)
    assert "enhancement" not in data


def test_slices_that_a_phase_does_not_reach_say_nothing_of_it():
    data = study()
    data["image"][3, ..., 4:] = 0
    data["label"] = MetaTensor((data["pred"]["seg"] > 0).float())
    data["label"][0, 9, 11, 5] = 0
    found = AggregateStudyd(classes=CLASSES)(data)
    assert found["slice_enhancement"][3].isnan().tolist() == [False] * 4 + [True] * 2
    large, small = found["lesions"]
    assert large["regressed"] == pytest.approx([1, 7, 13, 19])
    assert (small["regressed"], small["measured"]) == ([4, 10, 16, None], [1, 2, 3, None])
    assert [round(value, 4) for value in found["enhancement"][:3].tolist()] == [1, 2, 3]
    assert found["enhancement"][3].isnan()  # 6 of 60 voxels are outside


def test_without_a_lesion_class_and_curves_are_nan():
    data = AggregateStudyd(classes=CLASSES)(study(tumour=False))
    assert data["lesions"] == []
    assert int(data["pred"].sum()) == 0
    for key, length in (("class_prob", 2), ("enhancement_pred", 4), ("enhancement_measured", 4)):
        assert data[key].shape == (length,)
        assert torch.isnan(data[key]).all()


def test_the_target_is_measured_under_the_label():
    data = study()
    data["label"] = MetaTensor(torch.zeros(1, 10, 12, 6, dtype=torch.uint8))
    empty = AggregateStudyd(classes=CLASSES)(dict(data))
    assert torch.isnan(empty["enhancement"]).all()
    data["label"][0, 5:7, 2:4, 1] = 2
    data["image"][:, 5:7, 2:4, 1] *= 10
    np.testing.assert_allclose(AggregateStudyd(classes=CLASSES)(data)["enhancement"], [10, 20, 30, 40], rtol=1e-6)


@pytest.mark.parametrize("tasks", [("seg",), ("seg", "reg"), ("seg", "cls")])
def test_absent_tasks_are_nan(tasks):
    data = AggregateStudyd(classes=CLASSES)(study(tasks=tasks))
    assert torch.isnan(data["class_prob"]).all() == ("cls" not in tasks)
    assert torch.isnan(data["enhancement_pred"]).all() == ("reg" not in tasks)
    assert torch.isfinite(data["enhancement_measured"]).all()
    assert (data["lesions"][0]["class_probabilities"] is None) == ("cls" not in tasks)
    assert data["slice_class_prob"].shape == (2, 6)


def test_a_missing_phase_is_none_in_lesions_and_nan_in_curves():
    data = study()
    data["phase_mask"] = torch.tensor([False, True, True, True])
    data["image"][0] = 0
    data = AggregateStudyd(classes=CLASSES)(data)
    for key in ("enhancement_pred", "enhancement_measured"):
        assert torch.isnan(data[key]).tolist() == [True, False, False, False]
    assert data["lesions"][0]["regressed"][0] is None
    assert data["lesions"][0]["measured"][0] is None


def test_the_curve_classifier_comes_from_a_file_or_a_dict(tmp_path):
    curves = np.array([(0.6, 1.2, 1.4, 1.3), (0.8, 1.7, 0.9, 0.8)] * 4)
    values = CurveClassifier(classes=CLASSES).fit(curves, [0, 1] * 4).to_dict()
    path = tmp_path / "größe 1.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    for source in (values, str(path)):
        assert AggregateStudyd(classes=CLASSES, curve_classifier=source).classifier.classes == ("hemangioma", "HCC")
    with pytest.raises(InputError, match="a curve classifier for"):
        AggregateStudyd(classes=["a", "b"], curve_classifier=values)
    with pytest.raises(InputError, match=r"curve_classifier \(none.json\): found FileNotFoundError"):
        AggregateStudyd(classes=CLASSES, curve_classifier=str(tmp_path / "none.json"))


def test_wrong_predictions_are_named():
    without_seg = study()
    del without_seg["pred"]["seg"]
    with pytest.raises(InputError, match="expected a segmentation"):
        AggregateStudyd(classes=CLASSES)(without_seg)
    with pytest.raises(InputError, match="found 2 class logits; expected one for each of the 3 classes"):
        AggregateStudyd(classes=["a", "b", "c"])(study())


def test_with_a_given_mask_the_lesions_are_those_of_the_label_whatever_the_network_sees():
    label = torch.zeros(1, 10, 12, 6)
    label[0, 2:7, 3:6, 1:3] = 2.0  # 30 voxels, nowhere near the network's second lesion
    data = study(tasks=("cls",)) | {"label": MetaTensor(label, affine=torch.as_tensor(AFFINE))}
    given = AggregateStudyd(classes=CLASSES, given_mask=True, min_certainty=0.9)
    found = given(data)
    assert torch.equal(found["pred"].as_tensor().bool(), label > 0)
    without_mask = given({**data, "pred": {"class_logits": data["pred"]["class_logits"]}})  # a network without the task
    assert torch.equal(without_mask["class_prob"], found["class_prob"])
    assert found["class_prob"][0] == pytest.approx(torch.tensor([2.0, 0.0]).softmax(0)[0].item())


def test_a_classifier_that_a_training_took_away_is_done_without(tmp_path):
    fitted = CurveClassifier(classes=CLASSES).fit(np.random.default_rng(0).uniform(0.5, 2, (20, 4)), np.arange(20) % 2)
    path = tmp_path / "curve_classifier.json"
    path.write_text(json.dumps(fitted.to_dict()), encoding="utf-8")
    aggregate = AggregateStudyd(classes=CLASSES, curve_classifier=str(path))
    assert aggregate.classifier is not None
    path.unlink()
    assert aggregate.classifier is None
    assert len(aggregate(study())["lesions"]) == 2
    with pytest.raises(InputError, match="readable JSON file"):
        AggregateStudyd(classes=CLASSES, curve_classifier=str(path))

"""The whole way with the real transforms: NIfTI studies in, results out, a damaged study among good ones."""

import json

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import Compose, DivisiblePadd, Orientationd, Spacingd

from custom.data import find_studies
from custom.inference import (
    AggregateStudyd,
    KeepNatived,
    MeasureLesionsd,
    ReturnToNatived,
    SliceInferer,
    StudyDataset,
    StudyEvaluator,
    StudyLoader,
    Summary,
)
from custom.outputs import ReportStudyd, StudyWriter
from custom.transforms import AntiAliasd, JointScaled, LoadStudyd
from custom.types import PHASES

CLASSES = ["hemangioma", "HCC"]
SHAPE = (54, 41, 9)
CURVES = {0: (100, 120, 160, 150), 1: (90, 260, 250, 240), 2: (80, 270, 130, 110)}  # liver, hemangioma, HCC


class Brightness(torch.nn.Module):
    """Whatever exceeds the pre-contrast signal twice over in the arterial phase; washed out is HCC."""

    def forward(self, image, phase_mask=None):
        seg = (image[:, 1:2] - 2.0 * image[:, 0:1]) * 20.0
        weight = (seg > 0).float().flatten(1)
        curve = (image.flatten(2) * weight[:, None]).sum(-1) / (weight.sum(-1, keepdim=True) + 1e-6)
        washed_out = 20.0 * (0.75 * curve[:, 1] - curve[:, 2])
        return {"seg": seg, "enhancement": curve, "class_logits": torch.stack([-washed_out, washed_out], 1)}


def oblique(spacing_mm) -> np.ndarray:
    angle = np.deg2rad(-9.0)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([spacing_mm[0], -spacing_mm[1], -spacing_mm[2]])  # flipped in two axes
    affine[:3, 3] = [-40.25, 33.0, 101.5]
    return affine.astype(np.float32).astype(np.float64)  # what a NIfTI header can hold


def truth() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[8:24, 6:14, 1:4] = 2
    labels[8:13, 6:24, 2:4] = 2  # an L
    labels[36:46, 25:34, 4:8] = 1  # in a slice of its own, and alone in all of them
    return labels


@pytest.fixture
def studies(tmp_path):
    labels = truth()
    for case, affine, lesions in (
        ("fall ä", oblique((2.0, 2.0, 6.0)), labels),
        ("fine", oblique((1.2, 1.2, 6.0)), labels),
        ("healthy", oblique((2.0, 2.0, 6.0)), labels * 0),
        ("torn", oblique((2.0, 2.0, 6.0)), labels),
    ):
        (tmp_path / "in put" / case).mkdir(parents=True)
        for k, phase in enumerate(PHASES):
            values = np.array([CURVES[value][k] for value in range(3)], np.int16)[lesions]
            nib.save(nib.Nifti1Image(values, affine), tmp_path / "in put" / case / f"{phase}.nii.gz")
    liver = np.zeros((27, 41, 9), np.uint8)  # a grid of its own: every other column
    liver[:8] = 5
    affine = oblique((1.2, 1.2, 6.0)) @ np.diag([2.0, 1.0, 1.0, 1.0])
    nib.save(nib.Nifti1Image(liver, affine), tmp_path / "in put" / "fine" / "liver.nii.gz")
    torn = tmp_path / "in put" / "torn" / "arterial.nii.gz"
    torn.write_bytes(torn.read_bytes()[:200])
    return tmp_path


def test_from_files_to_files(studies):
    out = str(studies / "out put")
    preprocessing = Compose(
        [
            LoadStudyd(classes=CLASSES),
            KeepNatived(),
            Orientationd(keys="image", axcodes="LPS", labels=None),
            AntiAliasd(spacing_mm=2.0),
            Spacingd(keys="image", pixdim=[2.0, 2.0, -1.0], mode="bilinear"),
            JointScaled(),
            DivisiblePadd(keys="image", k=[16, 16, 1]),
        ]
    )
    postprocessing = Compose(
        [AggregateStudyd(classes=CLASSES), ReturnToNatived(), MeasureLesionsd(), ReportStudyd(classes=CLASSES)]
    )
    summary = Summary(output_dir=out)
    evaluator = StudyEvaluator(
        device=torch.device("cpu"),
        val_data_loader=StudyLoader(StudyDataset(find_studies(str(studies / "in put")), preprocessing)),
        network=Brightness(),
        inferer=SliceInferer(slice_batch_size=4),
        postprocessing=postprocessing,
        val_handlers=[StudyWriter(output_dir=out, classes=CLASSES), summary],
    )
    evaluator.run()
    with pytest.raises(SystemExit):
        summary.finish()
    outcomes = {outcome.case: outcome for outcome in evaluator.state.outcomes}
    assert [case for case, outcome in outcomes.items() if outcome.failure] == ["torn"]
    assert "arterial.nii.gz" in outcomes["torn"].failure.message
    assert outcomes["torn"].failure.details is None
    assert sorted(path.name for path in (studies / "out put").iterdir()) == [
        "fall ä",
        "fine",
        "healthy",
        "summary.json",
    ]

    image = nib.load(studies / "out put" / "fall ä" / "tumour.nii.gz")  # its spacing is the network's: voxel for voxel
    np.testing.assert_array_equal(np.asarray(image.dataobj), truth())
    np.testing.assert_array_equal(image.affine, nib.load(studies / "in put" / "fall ä" / "portal_venous.nii.gz").affine)
    report = json.loads((studies / "out put" / "fall ä" / "study.json").read_text(encoding="utf-8"))
    assert {lesion["class"]["label"] for lesion in report["lesions"]} == {"hemangioma", "HCC"}
    by_class = {lesion["class"]["label"]: lesion for lesion in report["lesions"]}
    assert list(by_class["HCC"]["enhancement"]["measured"]["raw"].values()) == pytest.approx(CURVES[2])
    centre = np.argwhere(truth() == 1).mean(0)
    expected_mm = (image.affine @ [*centre, 1.0])[:3]
    assert by_class["hemangioma"]["centroid_mm"] == pytest.approx(expected_mm, abs=1e-3)

    assert {lesion["reference_tissue"]["source"] for lesion in report["lesions"]} == {"ring"}
    with_liver = json.loads((studies / "out put" / "fine" / "study.json").read_text(encoding="utf-8"))["lesions"]
    assert {lesion["class"]["label"]: lesion["reference_tissue"]["source"] for lesion in with_liver} == {
        "HCC": "liver",
        "hemangioma": None,  # nothing of the liver mask lies around it
    }

    found = np.asarray(nib.load(studies / "out put" / "fine" / "tumour.nii.gz").dataobj)
    for value in (1, 2):
        ours, true = found == value, truth() == value
        assert 2 * (ours & true).sum() / (ours.sum() + true.sum()) > 0.8
    healthy = json.loads((studies / "out put" / "healthy" / "study.json").read_text(encoding="utf-8"))
    assert healthy["class"]["label"] is None
    assert "no_lesion" in healthy["flags"]

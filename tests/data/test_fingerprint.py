"""The fingerprint against values known by construction: volumes, curves, grids, and the faults it must notice."""

import json
import os

import nibabel
import numpy as np
import pytest
import torch

from custom.data.fingerprint import fingerprint_datalist, measure_studies, measure_study, write_fingerprint
from custom.data.fingerprint.picture import draw_fingerprint
from custom.data.fingerprint.summary import distribution, relative_enhancement, summarise
from custom.enhancement import measure_enhancement
from custom.types import PHASES

AFFINE = np.array([[-1.5, 0.0, 0.1, 20.0], [0.2, 2.0, 0.0, -31.0], [0.0, 0.0, 4.0, 7.0], [0, 0, 0, 1]])
OTHER = np.array([[0.0, 1.8, 0.0, -42.0], [-1.2, 0.0, 0.0, 25.0], [0.0, 0.3, 3.0, 1.0], [0, 0, 0, 1]])
SHAPE, OTHER_SHAPE = (20, 18, 9), (60, 50, 15)
CLASSES = ("hemangioma", "HCC")
GAINS = dict(zip(PHASES, (1.0, 2.5, 2.0, 1.6), strict=True))


def body(shape, seed):
    """Noise all over the volume: cut off at every end, never the same twice."""
    return np.random.default_rng(seed).uniform(80, 120, shape).astype(np.float32)


def box(shape, first, last, value=1):
    mask = np.zeros(shape, np.uint8)
    mask[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = value
    return mask


@pytest.fixture
def study(tmp_path):
    """``study(images, label=..., labels=..., liver=...)``: arrays, or (array, affine), → a datalist entry."""

    def save(name, volume):
        data, affine = volume if isinstance(volume, tuple) else (volume, AFFINE)
        nibabel.save(nibabel.Nifti1Image(data, affine), tmp_path / f"{name}.nii.gz")
        return str(tmp_path / f"{name}.nii.gz")

    def write(images=None, case="a", lesion_class="HCC", labels=None, **masks):
        images = images or {phase: gain * body(SHAPE, k) for k, (phase, gain) in enumerate(GAINS.items())}
        entry = {"case": case, "lesion_class": lesion_class}
        entry["phases"] = {phase: save(f"{case}_{phase}", volume) for phase, volume in images.items()}
        entry |= {name: save(f"{case}_{name}", volume) for name, volume in masks.items()}
        if labels:
            entry["labels"] = {phase: save(f"{case}_mask_{phase}", volume) for phase, volume in labels.items()}
        return entry

    return write


def measured(entry, classes=CLASSES, reference_phase="portal_venous"):
    record = measure_study(entry, classes=classes, reference_phase=reference_phase)
    json.dumps(record)  # plain values all the way down
    return record


def test_volumes_grids_and_curves_of_a_plain_study(study):
    label = box(SHAPE, (2, 3, 1), (8, 7, 4)) + box(SHAPE, (12, 10, 5), (15, 16, 8))
    label[19, 17, 8] = 1  # a slip of the pen: 0.012 ml
    record = measured(study(label=label))
    voxel_ml = abs(np.linalg.det(AFFINE[:3, :3])) / 1000
    assert record["lesions"] == [
        {"class": "HCC", "volume_ml": round(6 * 4 * 3 * voxel_ml, 4)},
        {"class": "HCC", "volume_ml": round(3 * 6 * 3 * voxel_ml, 4)},
    ]
    images = np.stack([gain * body(SHAPE, k) for k, gain in enumerate(GAINS.values())])
    expected = measure_enhancement(torch.from_numpy(label)[None, None], torch.from_numpy(images)[None])[0]
    (curve,) = record["curves"]
    np.testing.assert_allclose(list(curve["signal"].values()), expected.numpy(), rtol=1e-5)
    assert (curve["class"], curve["lesion_to_liver"]) == ("HCC", None)
    assert record["phases"]["pre"]["size"] == list(SHAPE)
    assert record["phases"]["pre"]["spacing_mm"] == np.linalg.norm(AFFINE[:3, :3], axis=0).round(4).tolist()
    assert record["phases"]["pre"]["orientation"] == "LAS"
    assert record["scale"] == pytest.approx(np.percentile(images, 99.5), rel=0.01)
    assert record["findings"] == []


def test_a_phase_on_another_grid_is_measured_at_the_masks_place(study):
    """Brightness is linear in world coordinates, so that its mean is its value at the tumour's centre."""

    def ramp(shape, affine):
        x, y, z = (
            np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T @ np.diag([3.0, -2.0, 5.0]) @ np.ones((3, 1))
            + affine[:3, 3] @ [3.0, -2.0, 5.0],
            0,
            0,
        )
        return (500 + x[..., 0] + y + z).astype(np.float32)

    label = box(SHAPE, (4, 5, 2), (9, 8, 6))
    images = {p: (ramp(SHAPE, AFFINE), AFFINE) for p in PHASES} | {"arterial": (ramp(OTHER_SHAPE, OTHER), OTHER)}
    centre_mm = AFFINE[:3, :3] @ np.argwhere(label).mean(0) + AFFINE[:3, 3]
    signal = measured(study(images, label=label))["curves"][0]["signal"]
    assert list(signal.values()) == pytest.approx([500 + centre_mm @ [3.0, -2.0, 5.0]] * 4, rel=1e-4)


def test_masks_of_single_phases_go_with_their_phase(study):
    images = {phase: body(SHAPE, k) for k, phase in enumerate(PHASES)}
    images["arterial"][12:15, 3:6, 2:5] = 700
    images["portal_venous"][4:7, 3:6, 2:5] = 400
    here, there = box(SHAPE, (4, 3, 2), (7, 6, 5)), box(SHAPE, (12, 3, 2), (15, 6, 5))
    record = measured(study(images, labels={"portal_venous": here, "arterial": there}))
    assert record["curves"][0]["signal"]["arterial"] == 700
    assert record["curves"][0]["signal"]["portal_venous"] == 400
    assert record["centre_spread_mm"] == pytest.approx(8 * np.linalg.norm(AFFINE[:3, 0]), abs=0.01)
    assert len(record["lesions"]) == 1  # of the reference phase's mask alone
    spread = measured(study(images, labels={"portal_venous": here, "arterial": there, "pre": 0 * here}))
    assert spread["findings"] == ["the mask of pre is empty"]


def test_classes_in_a_label_map(study):
    images = {phase: body(SHAPE, k) for k, phase in enumerate(PHASES)}
    for volume in images.values():
        volume[2:5, 3:7, 1:4], volume[12:15, 10:16, 5:8] = 300, 500
    label = box(SHAPE, (2, 3, 1), (5, 7, 4), 2) + box(SHAPE, (12, 10, 5), (15, 16, 8), 1)
    record = measured(study(images, label=label, lesion_class=None))
    assert {curve["class"]: curve["signal"]["pre"] for curve in record["curves"]} == {"HCC": 300, "hemangioma": 500}
    binary = measured(study(images, label=np.minimum(label, 1), lesion_class=None))
    assert [curve["class"] for curve in binary["curves"]] == [None]


@pytest.mark.parametrize("grid", ["same", "other"])
def test_ratio_to_the_liver_without_its_tumour(study, grid):
    images = {phase: np.full(SHAPE, 200.0, np.float32) for phase in PHASES}
    for volume in images.values():
        volume[0], volume[8:12, 6:10, 3:6] = 900, 300
    liver = box(SHAPE, (3, 3, 1), (17, 15, 8))
    if grid == "other":  # the same liver on voxels half as large, edges on edges
        affine = AFFINE @ np.diag([0.5, 0.5, 0.5, 1.0])
        affine[:3, 3] = AFFINE[:3, 3] - AFFINE[:3, :3] @ [0.25, 0.25, 0.25]
        liver = (liver.repeat(2, 0).repeat(2, 1).repeat(2, 2), affine)
    record = measured(study(images, label=box(SHAPE, (8, 6, 3), (12, 10, 6)), liver=liver))
    ratio = record["curves"][0]["lesion_to_liver"]
    assert ratio == pytest.approx(dict.fromkeys(PHASES, 1.5), rel=0.03 if grid == "other" else 1e-6)


def with_repeats(images):
    images["arterial"][:, :, 6:9] = images["arterial"][:, :, 1:4]
    images["delayed"][:, :, :3] = 0  # padding is no repetition


def coronal(images):
    """A body cut off along the second axis alone, in a file that calls itself axial."""
    for volume in images.values():
        volume[:3], volume[-3:], volume[:, :, :2], volume[:, :, -2:] = 1, 1, 1, 1


def swapped(images):
    images["pre"] *= 9


FAULTS = {
    "3 of 9 slices of arterial repeat another slice": with_repeats,
    "pre looks cut off along its second axis: its header may misstate the orientation": coronal,
    "pre is brighter than every later phase: check which phase is which": swapped,
}


@pytest.mark.parametrize("finding", FAULTS)
def test_silent_faults_of_the_images(study, finding):
    images = {phase: gain * body(SHAPE, k) for k, (phase, gain) in enumerate(GAINS.items())}
    FAULTS[finding](images)
    found = measured(study(images, label=box(SHAPE, (6, 5, 3), (9, 9, 6))))["findings"]
    assert finding in found
    assert found == [text for text in found if ("cut off" in text) == ("cut off" in finding)]


def test_an_axial_stack_with_air_around_is_not_suspected(study):
    images = {phase: gain * body(SHAPE, k) for k, (phase, gain) in enumerate(GAINS.items())}
    for volume in images.values():
        volume[:3], volume[-3:], volume[:, :2], volume[:, -2:] = 1, 1, 1, 1
    assert measured(study(images, label=box(SHAPE, (6, 5, 3), (9, 9, 6))))["findings"] == []


def test_silent_faults_of_the_masks(study):
    far = AFFINE.copy()
    far[:3, 3] += (30, 0, 40)
    wide = {phase: (gain * body(OTHER_SHAPE, k), AFFINE) for k, (phase, gain) in enumerate(GAINS.items())}
    mask = box(OTHER_SHAPE, (6, 5, 3), (9, 9, 6))
    assert measured(study(wide, labels={"portal_venous": mask, "arterial": (mask, far)}))["findings"] == [
        "the tumour's centres in the phases lie 50 mm apart"
    ]
    texts = [measured(study(label=box(SHAPE, (6, 5, 3), (9, 9, 6), value)))["findings"] for value in (0, 1, 2, 3)]
    assert texts[0] == ["no tumour in the mask of a study of class HCC"]
    assert texts[1] == texts[2] == []
    assert texts[3][0].startswith("a_label.nii.gz: label values [3]; expected 0 and 1..2")
    other = measured(study(label=box(SHAPE, (6, 5, 3), (9, 9, 6), 2), lesion_class="hemangioma"))
    assert other["findings"][0].startswith("a_label.nii.gz: label value 2 (HCC) in a study of class 'hemangioma'")


@pytest.fixture
def sections(study):
    """Two classes, a healthy study, one without mask and a missing phase, one that cannot be read."""
    images = {phase: gain * body(SHAPE, k) for k, (phase, gain) in enumerate(GAINS.items())}
    label = box(SHAPE, (6, 5, 3), (9, 9, 6))
    fewer = {phase: volume for phase, volume in images.items() if phase != "delayed"}
    broken = study(case="broken", label=label)
    with open(broken["phases"]["arterial"], "r+b") as file:
        file.truncate(100)
    return {
        "training": [study(case="a", label=label), study(case="b", label=label, lesion_class="hemangioma"), broken],
        "validation": [study(case="c", label=0 * label, lesion_class=None), study(fewer, case="d")],
        "test": [],
    }


def test_a_data_set_on_one_page(sections, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    fingerprint = write_fingerprint(sections, out / "my_fingerprint", name="mine", classes=CLASSES, workers=1)
    assert sorted(os.listdir(out)) == ["my_fingerprint.json", "my_fingerprint.png"]
    assert json.loads((out / "my_fingerprint.json").read_text("utf-8")) == fingerprint
    assert str(tmp_path) not in (out / "my_fingerprint.json").read_text("utf-8")
    assert (out / "my_fingerprint.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert fingerprint["sections"]["training"] == {
        "studies": 2,
        "unreadable": 1,
        "classes": {"HCC": 1, "hemangioma": 1},
    }
    assert fingerprint["sections"]["validation"]["classes"] == {"HCC": 1, "healthy": 1}
    assert fingerprint["missing_phases"] == {"pre": 0, "arterial": 0, "portal_venous": 0, "delayed": 1}
    (finding,) = fingerprint["findings"]
    assert (finding["case"], finding["section"]) == ("broken", "training")
    assert finding["finding"].startswith("left out: broken/broken_arterial.nii.gz (arterial): found an unreadable")
    assert [part["studies"] for part in fingerprint["classes"].values()] == [1, 1]
    enhancement = fingerprint["classes"]["HCC"]["relative_enhancement_percent"]
    assert enhancement["arterial"]["mean"] == pytest.approx(150, abs=15)
    assert enhancement["pre"]["mean"] == 0
    assert fingerprint["classes"]["HCC"]["lesion_to_liver"]["pre"] == {"n": 0}
    assert fingerprint["intensity"]["body_median_of_scale"]["delayed"]["n"] == 3


def test_the_fingerprint_of_a_datalist_lies_beside_it(study, tmp_path):
    entry = study(label=box(SHAPE, (6, 5, 3), (9, 9, 6)))
    entry["phases"] = {phase: os.path.basename(path) for phase, path in entry["phases"].items()}
    entry["label"] = [os.path.basename(entry["label"])]
    content = {"classes": ["FNH", "HCC"], "training": [entry], "validation": [], "test": []}
    (tmp_path / "my.json").write_text(json.dumps(content), "utf-8")
    fingerprint = fingerprint_datalist(tmp_path / "my.json")
    assert json.loads((tmp_path / "my_fingerprint.json").read_text("utf-8")) == fingerprint
    assert (tmp_path / "my_fingerprint.png").is_file()
    assert (fingerprint["name"], list(fingerprint["classes"])) == ("my", ["FNH", "HCC"])
    assert fingerprint["classes"]["HCC"]["lesions"] == 1


def test_several_processes_give_the_same(sections):
    assert measure_studies(sections, workers=2) == measure_studies(sections, workers=1)


def test_a_data_set_without_masks_can_be_drawn(study, tmp_path):
    fingerprint = write_fingerprint({"training": [study()], "test": []}, tmp_path / "mine", name="mine")
    assert fingerprint["sections"]["training"]["classes"] == {"HCC": 1}
    assert fingerprint["classes"]["HCC"]["studies"] == 0


def test_a_data_set_of_which_nothing_can_be_read_can_be_drawn(tmp_path):
    fingerprint = {
        "name": "none",
        "reference_phase": "pre",
        **summarise({"training": [{"case": "a", "error": "x"}]}, []),
    }
    assert draw_fingerprint(fingerprint, tmp_path / "none.png").is_file()
    assert fingerprint["findings"] == [{"case": "a", "section": "training", "finding": "left out: x"}]


def test_a_record_does_not_grow_with_the_images(study):
    """What is kept of a study is small, whatever its size: memory stays flat in the number of studies."""
    large = {phase: (gain * body(OTHER_SHAPE, k), AFFINE) for k, (phase, gain) in enumerate(GAINS.items())}
    sizes = [
        len(json.dumps(measured(study(images, label=box(shape, (6, 5, 3), (9, 9, 6))))))
        for images, shape in ((None, SHAPE), (large, OTHER_SHAPE))
    ]
    assert max(sizes) < 1500
    assert abs(sizes[0] - sizes[1]) < 100


def test_relative_enhancement_and_distributions_by_hand():
    assert relative_enhancement({"pre": 80.0, "arterial": 200.0, "delayed": 60.0}) == {
        "pre": 0.0,
        "arterial": 150.0,
        "delayed": -25.0,
    }
    assert relative_enhancement({"arterial": 200.0}) == relative_enhancement({"pre": 0.0, "arterial": 1.0}) == {}
    assert distribution([1.0, None, 3.0, 8.0]) == {
        "n": 3,
        "mean": 4.0,
        "sd": pytest.approx(13**0.5, rel=1e-5),
        "min": 1.0,
        "median": 3.0,
        "max": 8.0,
    }
    assert distribution([5.0])["sd"] == 0
    assert distribution([]) == {"n": 0}

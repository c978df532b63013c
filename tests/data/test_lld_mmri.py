"""LLD-MMRI with MedSAM2 masks, in a generated tree with the set's names, spellings, grids and known faults."""

import json

import nibabel
import numpy as np
import pytest

from custom.data import load_study
from custom.data.datasets import known_entries
from custom.data.datasets.lld_annotation import CLASSES, patient_number
from custom.transforms import LoadStudyd
from custom.types import PHASES, InputError

SEQUENCES = ("C-pre", "C+A", "C+V", "C+Delay", "T2WI", "DWI", "In Phase", "Out Phase")
DYNAMIC = dict(zip(SEQUENCES, PHASES, strict=False))
CATEGORY_INFO = {
    "Hepatic_hemangioma": 0,
    "Intrahepatic_cholangiocarcinoma": 1,
    "Hepatic_abscess": 2,
    "Hepatic_metastasis": 3,
    "Hepatic_cyst": 4,
    "FOCAL_NODULAR_HYPERPLASIA": 5,
    "Hepatocellular_carcinoma": 6,
    "Benign": [0, 2, 4, 5],
    "Malignant": [1, 3, 6],
}


def annotated(category, boxes=1, **geometry):
    """One series of the annotation file without its identifiers."""
    flat = [{"x_min": 2.0, "y_min": 1.0, "x_max": 4.0, "y_max": 3.0, "slice_idx": k} for k in range(1, 1 + boxes)]
    bbox = {"2D_box": flat, "3D_box": None}
    return {"annotation": {"num_targets": 1, "lesion": {"0": {"category": category, "bbox": bbox}}}, **geometry}


class Tree:
    """Writes the set's layout; every volume is asymmetric and each phase has its own grid."""

    def __init__(self, root):
        self.root, self.annotation = root, {}
        (root / "images").mkdir(parents=True)
        (root / "labels").mkdir()

    def volume(self, path, data, phase_number):
        """Direction identity in LPS, as SimpleITK writes it: RAS affine with the first two axes negative."""
        affine = np.diag([-1.5, -1.5, 3.0 + phase_number, 1.0])
        affine[:3, 3] = (6.0, 5.0, -7.0)
        nibabel.save(nibabel.Nifti1Image(data, affine), path)

    def patient(self, name, category, *, file_category=None, annotated_as=None, label_name=None, without=()):
        """All eight sequences of one patient; ``without`` holds ``"C+A"`` (both) or ``"labels C+A"``."""
        k = category if file_category is None else file_category
        for n, sequence in enumerate(SEQUENCES):
            if sequence in without:
                continue
            phase = sequence.replace(" ", "")
            shape = (8, 7, 6 + n % 2)
            image = (np.arange(np.prod(shape)).reshape(shape) % 251 + 10 * n + 50).astype(np.int16)
            self.volume(self.root / "images" / f"{name}_{k}_{phase}_0000.nii.gz", image, n % 2)
            if f"labels {sequence}" not in without:
                mask = np.zeros(shape, np.uint8)
                mask[2:5, 1:4, 1 + n % 2 : 4] = 1
                self.volume(self.root / "labels" / f"{label_name or name}_{k}_{phase}.nii.gz", mask, n % 2)
        self.annotation[annotated_as or name] = [{"phase": s, **annotated(category)} for s in SEQUENCES]

    def finish(self):
        content = {"Category_info": CATEGORY_INFO, "Annotation_info": self.annotation}
        (self.root / "LLD_MMRI_Annotation.json").write_text(json.dumps(content), "utf-8")
        return self.root


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "LLD-MMRI-MedSAM2")


def prepared(tree, classes=("hemangioma", "HCC"), **options):
    found, remarks = known_entries("lld-mmri", tree.finish(), classes=classes, **options)
    return {entry["case"]: entry for entry in found}, remarks


def test_the_middle_number_is_the_class_and_not_a_lesion(tree):
    for number, category in enumerate((0, 6, 6, 3)):
        tree.patient(f"MR{100 + number}", category)
    found, remarks = prepared(tree)
    assert {case: entry["lesion_class"] for case, entry in found.items()} == {
        "MR100": "hemangioma",
        "MR101": "HCC",
        "MR102": "HCC",
    }
    assert "1 studies of other classes were left out (--classes chooses)." in remarks


def test_all_seven_classes_in_the_order_of_the_set(tree):
    for category in range(7):
        tree.patient(f"MR{1 + category}", category)
    found, remarks = prepared(tree, CLASSES)
    assert [entry["lesion_class"] for entry in found.values()] == list(CLASSES)
    assert not any("other classes" in remark for remark in remarks)


def test_each_phase_keeps_its_own_mask_and_grid(tree):
    tree.patient("MR7", 6)
    found, remarks = prepared(tree)
    entry = found["MR7"]
    assert list(entry["phases"]) == list(entry["labels"]) == list(PHASES)
    study = load_study(entry)
    for n, phase in enumerate(PHASES):
        assert study.phases[phase].data.shape[2] == 6 + n % 2
        assert study.phases[phase].data.shape == study.phase_labels[phase].data.shape
        np.testing.assert_array_equal(study.phases[phase].affine, study.phase_labels[phase].affine)
        assert np.argwhere(study.phase_labels[phase].data).min(0).tolist() == [2, 1, 1 + n % 2]
    assert any(remark.startswith("In 1 studies the phases lie on different grids") for remark in remarks)
    assert any("set to identity" in remark for remark in remarks)


def test_training_sees_each_phase_under_its_own_mask(tree):
    """All masks on the reference phase's grid: its own as the label, the arterial one, a slice higher, as its own."""
    tree.patient("MR7", 6)
    entry = prepared(tree)[0]["MR7"]
    item = LoadStudyd(classes=("hemangioma", "HCC"))(entry)
    reference = load_study(entry).phase_labels["portal_venous"]
    np.testing.assert_array_equal(item["label"][0].numpy(), 2 * reference.data)
    np.testing.assert_array_equal(item["phase_label"][PHASES.index("portal_venous")].numpy(), reference.data)
    assert item["phase_label"][PHASES.index("arterial")].sum() > 0
    assert (item["phase_label"][PHASES.index("arterial")].numpy() != reference.data).any()
    assert item["lesion_class"] == 1


def test_other_sequences_are_never_read(tree):
    tree.patient("MR7", 6)
    found, _ = prepared(tree)
    assert not [path for path in found["MR7"]["phases"].values() if "T2WI" in path or "InPhase" in path]


@pytest.mark.parametrize("spelt", [("MR-400851", "MR400851", None), ("MR400851", "MR-400851", "MR-400851")])
def test_patients_are_matched_by_their_digits(tree, spelt):
    image, annotation, label = spelt
    tree.patient(image, 6, annotated_as=annotation, label_name=label)
    found, _ = prepared(tree)
    assert list(found) == ["MR400851"]
    assert len(found["MR400851"]["labels"]) == 4
    assert "set_aside" not in found["MR400851"]


def test_two_spellings_of_one_patient_are_not_mixed(tree):
    tree.patient("MR12", 6)
    tree.patient("MR-12", 6, annotated_as="MR12")
    found, _ = prepared(tree)
    assert "are one phase of one patient" in found["MR12"]["set_aside"]


def test_annotation_and_file_names_must_agree(tree):
    tree.patient("MR1", 6, file_category=0)
    tree.patient("MR2", 6)
    del tree.annotation["MR2"]
    tree.patient("MR3", -1)
    found, _ = prepared(tree)
    assert found["MR1"]["set_aside"] == "its file names speak of class 0, the annotation of class 6"
    assert found["MR2"]["set_aside"] == "it is not in the annotation file"
    assert found["MR3"]["set_aside"] == "its class was withheld (-1)"
    assert not any("lesion_class" in entry for entry in found.values())


def test_without_annotation_the_names_are_all_there_is(tree):
    tree.patient("MR1", 6)
    tree.patient("MR2", 9)
    tree.finish().joinpath("LLD_MMRI_Annotation.json").unlink()
    found, remarks = known_entries("lld-mmri", tree.root, classes=("HCC",))
    assert found[0]["lesion_class"] == "HCC"
    assert "which is unknown" in found[1]["set_aside"]
    assert any("file names alone" in remark for remark in remarks)


def test_missing_phases_and_masks(tree):
    tree.patient("MR94749", 6, without=("In Phase",))
    tree.patient("MR1", 6, without=("C+A",))
    tree.patient("MR2", 6, without=("C+V",))
    tree.patient("MR3", 6, without=("labels C+V",))
    tree.patient("MR4", 6, without=("labels C-pre",))
    found, _ = prepared(tree)
    assert "in-phase" in found["MR94749"]["notes"][0]
    assert set(found["MR94749"]["phases"]) == set(PHASES)
    assert found["MR1"]["notes"] == ["no arterial image"]
    assert load_study(found["MR1"]).flags == ("missing_phase:arterial",)
    assert found["MR2"]["set_aside"] == "no image of the reference phase portal_venous"
    assert found["MR3"]["set_aside"] == "no mask of the reference phase portal_venous"
    assert found["MR4"]["notes"] == ["no pre mask: its curve is measured under the reference phase's"]
    assert "set_aside" not in prepared(tree, reference_phase="arterial")[0]["MR2"]


def test_known_repeated_slices_are_named_and_do_no_harm(tree):
    for name in ("MR2603", "MR3573", "MR13219", "MR17022", "MR17217"):
        tree.patient(name, 0)
    found, _ = prepared(tree)
    assert len(found) == 5
    for entry in found.values():
        assert entry["notes"] == ["known to repeat slices in its in- and opposed-phase images, which are not read"]
        assert "set_aside" not in entry


def test_a_mask_beside_its_image_and_a_broken_file(tree):
    tree.patient("MR1", 6)
    mask = nibabel.load(tree.root / "labels" / "MR1_6_C+A.nii.gz")
    tree.volume(tree.root / "labels" / "MR1_6_C+A.nii.gz", np.asarray(mask.dataobj)[:, :, :-1], 0)
    tree.patient("MR2", 6)
    broken = tree.root / "images" / "MR2_6_C+Delay_0000.nii.gz"
    broken.write_bytes(broken.read_bytes()[:40])
    (tree.root / "images" / "readme.nii.gz").write_bytes(b"?")
    found, remarks = prepared(tree)
    assert found["MR1"]["notes"] == [
        "the arterial mask is on another grid than its image and is resampled in world coordinates"
    ]
    assert found["MR2"]["set_aside"].startswith("MR2_6_C+Delay_0000.nii.gz: an unreadable or truncated file")
    assert any(remark.startswith("1 file(s) are not named") for remark in remarks)


def test_categories_in_another_order_are_refused(tree, monkeypatch):
    tree.patient("MR1", 6)
    monkeypatch.setitem(CATEGORY_INFO, "Hepatocellular_carcinoma", 0)
    monkeypatch.setitem(CATEGORY_INFO, "Hepatic_hemangioma", 6)
    with pytest.raises(InputError, match="category 6 called 'Hepatic_hemangioma'"):
        prepared(tree)


def test_wrong_folder_and_wrong_class(tmp_path, tree):
    with pytest.raises(InputError, match="take --dataset lld-mmri-original"):
        known_entries("lld-mmri", tmp_path, classes=("HCC",))
    with pytest.raises(InputError, match="found the class 'hcc'; expected classes among hemangioma, ICC"):
        prepared(tree, ("hcc",))


@pytest.mark.parametrize(("name", "number"), [("MR-12", "12"), ("mr 7", "7"), ("MR12a", None), ("12", None)])
def test_patient_numbers(name, number):
    assert patient_number(name) == number


def test_nothing_is_written_into_the_source(tree):
    tree.patient("MR1", 6)
    root = tree.finish()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    known_entries("lld-mmri", root, classes=("HCC",))
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before

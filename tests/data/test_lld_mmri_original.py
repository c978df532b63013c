"""LLD-MMRI's original layout in a generated tree: boxes, null boxes, missing geometry, odd spellings."""

import json

import nibabel
import numpy as np
import pytest

from custom.data import load_study
from custom.data.datasets import known_entries
from custom.types import PHASES, InputError

SEQUENCES = {"C-pre": "pre", "C+A": "arterial", "C+V": "portal_venous", "C+Delay": "delayed", "In Phase": None}
CATEGORY_INFO = {"Hepatic_hemangioma": 0, "Hepatocellular_carcinoma": 6, "Benign": [0], "Malignant": [6]}
SHAPE, SPACING_MM, ORIGIN_LPS_MM = (9, 8, 7), (1.25, 1.5, 2.6), (-180.0, -150.5, 12.0)
BOXES = ((2, 1, 2), (5, 6, 4))  # first and last voxel: column, row, slice


def bbox(kind):
    """One box as whole, or as slices of different size whose union it is."""
    (x0, y0, z0), (x1, y1, z1) = BOXES
    whole = {"x_min": x0, "y_min": y0, "z_min": z0, "x_max": x1, "y_max": y1, "z_max": z1}
    flat = [
        {"x_min": x0 + 1.0, "y_min": float(y0), "x_max": x1 - 1.0, "y_max": y1 - 2.0, "slice_idx": z1},
        {"x_min": float(x0), "y_min": y0 + 2.0, "x_max": float(x1), "y_max": y1 - 3.0, "slice_idx": z0},
        {"x_min": x0 + 1.0, "y_min": y0 + 1.0, "x_max": x1 - 2.0, "y_max": float(y1), "slice_idx": z0 + 1},
    ]
    return {"3D_box": whole if kind == "whole" else None, "2D_box": [] if kind == "none" else flat}


class Tree:
    """Writes ``images/<patient>/<studyUID>/<seriesUID>.nii.gz`` and ``labels/Annotation.json``."""

    def __init__(self, root):
        self.root, self.annotation = root, {}
        (root / "labels").mkdir(parents=True)

    def patient(self, name, category, *, folder=None, box="slices", header="none", lesions=1, without=(), **changes):
        """``header``: ``"none"`` (no geometry, as distributed) or ``"full"``; ``changes`` go into each series."""
        self.annotation[name] = []
        for n, (sequence, phase) in enumerate(SEQUENCES.items()):
            study, series = "1.2.840.99.1.7", f"1.2.840.99.1.7.{n + 1}"
            data = (np.arange(np.prod(SHAPE)).reshape(SHAPE) % 97 + 50 + 7 * n).astype(np.int16)
            affine = np.eye(4)
            if header == "full":
                affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
                affine[:3, 3] = np.multiply(ORIGIN_LPS_MM, (-1, -1, 1))
            path = self.root / "images" / (folder or name) / study / f"{series}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            if phase not in without:
                nibabel.save(nibabel.Nifti1Image(data, affine), path)
            lesion = {str(k): {"category": category, "bbox": bbox(box)} for k in range(lesions)}
            entry = {
                "studyUID": study,
                "seriesUID": series,
                "phase": sequence,
                "pixel_spacing": [SPACING_MM[1], SPACING_MM[0]],  # between rows, between columns
                "slice_spacing": SPACING_MM[2],
                "slice_thickness": 5.2,
                "origin": list(ORIGIN_LPS_MM),
                "annotation": {"num_targets": lesions, "lesion": lesion},
            }
            self.annotation[name].append({k: v for k, v in {**entry, **changes}.items() if v != "gone"})

    def finish(self):
        content = {"Category_info": CATEGORY_INFO, "Annotation_info": self.annotation}
        (self.root / "labels" / "Annotation.json").write_text(json.dumps(content), "utf-8")
        return self.root


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "LLD")


def prepared(tree, classes=("hemangioma", "HCC"), **options):
    found, remarks = known_entries("lld-mmri-original", tree.finish(), classes=classes, **options)
    return {entry["case"]: entry for entry in found}, remarks


@pytest.mark.parametrize("kind", ["whole", "slices"])
def test_a_null_box_is_built_from_its_slices(tree, kind):
    tree.patient("MR5", 6, box=kind)
    (lesion,) = prepared(tree)[0]["MR5"]["lesions"]
    assert lesion == {"class": "HCC", "boxes": {phase: [list(end) for end in BOXES] for phase in PHASES}}


def test_studies_have_a_class_and_no_mask(tree):
    tree.patient("MR5", 0)
    tree.patient("MR6", 6)
    found, remarks = prepared(tree, ("HCC",))
    assert list(found) == ["MR6"]
    assert not {"label", "labels"} & set(found["MR6"])
    study = load_study(found["MR6"])
    assert (study.lesion_class, study.label) == ("HCC", None)
    assert any("no masks" in remark for remark in remarks)
    assert "1 studies of other classes were left out (--classes chooses)." in remarks


def test_geometry_comes_from_the_annotation_where_the_image_has_none(tree):
    tree.patient("MR5", 6)
    entry = prepared(tree)[0]["MR5"]
    volume = load_study(entry).phases["arterial"]
    np.testing.assert_allclose(volume.spacing_mm, SPACING_MM)
    # the far corner by hand: LPS origin + index x spacing, then x and y change sign
    corner = np.multiply(np.add(ORIGIN_LPS_MM, np.multiply(np.subtract(SHAPE, 1), SPACING_MM)), (-1, -1, 1))
    np.testing.assert_allclose(volume.corners_mm()[-1], corner)


def test_an_images_own_geometry_is_kept(tree):
    tree.patient("MR5", 6, header="full")
    tree.patient("MR6", 6, header="full", origin=[-180.0, -150.5, 99.0])
    found, _ = prepared(tree)
    assert "affines" not in found["MR5"]
    assert "affines" not in found["MR6"]
    assert found["MR6"]["notes"][0] == "the image of pre lies elsewhere than annotated; its own position is used"


def test_thickness_is_not_taken_for_spacing(tree):
    tree.patient("MR5", 6, slice_spacing="gone")
    tree.patient("MR6", 6, slice_spacing="gone", header="full")
    found, _ = prepared(tree)
    assert "thickness is another thing" in found["MR5"]["set_aside"]
    assert "set_aside" not in found["MR6"]


def test_folders_are_matched_by_digits(tree):
    tree.patient("MR400851", 6, folder="MR-400851")
    tree.patient("MR-12", 6, folder="MR12")
    found, _ = prepared(tree)
    assert [len(found[case]["phases"]) for case in ("MR12", "MR400851")] == [4, 4]


def test_what_sets_a_study_aside(tree):
    tree.patient("MR1", -1)
    tree.patient("MR2", 6, without=("portal_venous",))
    tree.patient("MR3", 6)
    tree.annotation["MR3"][1]["annotation"]["lesion"]["0"]["category"] = 0
    tree.patient("MR4", 6)
    tree.annotation["MR4"].append(tree.annotation["MR4"][2])
    found, _ = prepared(tree)
    reasons = {case: entry["set_aside"] for case, entry in found.items()}
    assert reasons == {
        "MR1": "its class was withheld (-1)",
        "MR2": "no image of the reference phase portal_venous",
        "MR3": "its lesions are of several classes, or none is annotated",
        "MR4": "portal_venous is annotated twice",
    }


def test_what_is_noted(tree):
    tree.patient("MR1", 6, box="none")
    tree.patient("MR2", 6, without=("delayed",))
    tree.patient("MR3", 6, lesions=2)
    for series in tree.annotation["MR3"]:
        series["annotation"]["lesion"]["1"]["bbox"]["2D_box"][0]["x_max"] = 9
    found, _ = prepared(tree)
    assert found["MR1"]["notes"] == [f"no box in {phase}" for phase in PHASES]
    assert found["MR1"]["lesions"] == [{"class": "HCC", "boxes": {}}]
    assert found["MR2"]["notes"] == ["no delayed image"]
    assert "delayed" not in found["MR2"]["lesions"][0]["boxes"]
    assert len(found["MR3"]["lesions"]) == 2
    assert found["MR3"]["notes"] == [
        f"a box of {phase} reaches out of the image of 9 × 8 × 7 voxels" for phase in PHASES
    ]


def test_unreadable_annotation(tree):
    tree.patient("MR1", 6)
    del tree.annotation["MR1"][0]["annotation"]
    with pytest.raises(InputError, match=r"an entry that cannot be read \(KeyError: 'annotation'\) of MR1"):
        prepared(tree)
    tree.annotation = {"MR1": [], "MR-1": []}
    with pytest.raises(InputError, match="each patient once"):
        prepared(tree)
    (tree.root / "labels" / "Annotation.json").write_text("{", "utf-8")
    with pytest.raises(InputError, match="JSONDecodeError"):
        known_entries("lld-mmri-original", tree.root, classes=("HCC",))
    (tree.root / "labels" / "Annotation.json").unlink()
    with pytest.raises(InputError, match="take --dataset lld-mmri"):
        known_entries("lld-mmri-original", tree.root, classes=("HCC",))

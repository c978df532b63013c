"""One's own data in three commands: DICOM as scanners write it, masks beside it, a table; a list; a trained network."""

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from custom.__main__ import main
from custom.data import load_datalist, load_study
from custom.data.phantom import simulate_study, write_dicom
from custom.types import PHASES

TABLE = """\
case;patient;lesion_class;label
ward 3/a;P1;HCC;
b;P2;hemangioma;
c;P3;;
d;P4;none;
e;P5;hcc;
f;P1;HCC;
g;P6;Hemangioma;masks/g.nii.gz
"""
LESIONS = {
    "ward 3/a": ("HCC", "HCC"),
    "b": ("hemangioma",),
    "c": ("HCC", "hemangioma"),
    "d": (),
    "e": ("HCC",),
    "f": ("HCC",),
    "g": ("hemangioma",),
    "later": ("HCC",),
}
LAYOUTS = {"b": "temporal", "c": "trigger", "f": "enhanced"}


def write_slicer(mask: nib.Nifti1Image, path: Path, name: str) -> None:
    """The mask as 3D Slicer saves a segmentation with one segment."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ mask.affine
    vectors = [f"({','.join(map(repr, map(float, lps[:3, axis])))})" for axis in (0, 1, 2, 3)]
    header = [
        *("NRRD0004", "type: uchar", "dimension: 3", "space: left-posterior-superior", "encoding: gzip"),
        *(f"sizes: {' '.join(map(str, mask.shape))}", f"space directions: {' '.join(vectors[:3])}"),
        *(f"space origin: {vectors[3]}", f"Segment0_Name:={name}", "Segment0_LabelValue:=1", "Segment0_Layer:=0"),
    ]
    voxels = (np.asarray(mask.dataobj) > 0).astype(np.uint8).tobytes(order="F")
    path.write_bytes("\n".join([*header, "", ""]).encode() + gzip.compress(voxels))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder of eight exams in several dialects, their masks in several forms, and a table of seven of them."""
    folder = tmp_path_factory.mktemp("own") / "my exams"
    for seed, (case, lesions) in enumerate(LESIONS.items()):
        study = simulate_study(seed=40 + seed, preset="tiny", lesions=lesions)
        phases = PHASES[:3] if case == "e" else PHASES
        layout = LAYOUTS.get(case, "series")
        write_dicom(study, folder / case, layout=layout, seed=seed, phases=phases, localiser=case == "g")
    found = nib.load(folder / "b" / "tumour.nii.gz")
    write_slicer(found, folder / "b" / "Segmentation.seg.nrrd", "Hemangioma")
    (folder / "masks").mkdir()
    (folder / "g" / "tumour.nii.gz").rename(folder / "masks" / "g.nii.gz")
    (folder / "e" / "tumour.nii.gz").rename(folder / "e" / "arterial_seg.nii.gz")
    for case in ("b", "d"):
        (folder / case / "tumour.nii.gz").unlink()
    (folder / "a note.txt").write_text("not DICOM", encoding="utf-8")
    table = folder.parent / "labels.csv"
    table.write_text(TABLE, encoding="utf-8-sig")
    return folder, table


@pytest.fixture(scope="module")
def prepared(own):
    folder, table = own
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    datalist = folder.parent / "lists" / "my.json"
    command = ["prepare", str(folder), "--labels", str(table), "--output", str(datalist)]
    assert main([*command, "--folds", "0", "--validation", "0.3"]) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    return datalist


def test_every_exam_is_listed_as_the_table_says(own, prepared):
    content = json.loads(prepared.read_text(encoding="utf-8"))
    entries = {item["case"]: item for section in ("training", "validation") for item in content[section]}
    assert sorted(entries) == ["b", "c", "d", "e", "f", "g", "ward 3"]
    assert [len(content[section]) for section in ("training", "validation", "test")] == [5, 2, 0]
    assert entries["ward 3"]["image"] == "../my exams/ward 3"
    assert entries["b"]["label"] == "../my exams/b/Segmentation.seg.nrrd@Hemangioma=1"
    assert entries["d"]["lesion_free"]
    assert entries["e"]["labels"] == {"arterial": "../my exams/e/arterial_seg.nii.gz"}
    assert entries["g"]["label"] == "../my exams/masks/g.nii.gz"
    assert {case: item["lesion_class"] for case, item in entries.items()} == {
        **dict.fromkeys(("ward 3", "e", "f"), "HCC"),
        **dict.fromkeys(("b", "g"), "hemangioma"),
        **dict.fromkeys(("c", "d"), None),
    }


def test_masks_of_every_form_lie_on_the_tumour(own, prepared):
    """The phantom's own mask, written by nibabel, against what each form is read as."""
    items = {i["case"]: i for s in ("training", "validation") for i in load_datalist(datalist=prepared, section=s)}
    for case, seed in (("b", 41), ("c", 42), ("g", 46)):
        study = load_study(items[case])
        tumour = simulate_study(seed=seed, preset="tiny", lesions=LESIONS[case])
        there = np.argwhere(tumour.tumour > 0) @ tumour.affine[:3, :3].T + tumour.affine[:3, 3]
        found = np.argwhere(study.label.data > 0) @ study.label.affine[:3, :3].T + study.label.affine[:3, 3]
        np.testing.assert_allclose(np.sort(found, axis=0), np.sort(there, axis=0), atol=1e-3)
    assert set(np.unique(load_study(items["c"]).label.data)) == {0, 1, 2}


def test_training_and_evaluation_need_nothing_but_the_list(shipped, prepared, tmp_path, monkeypatch):
    def no_phantom(*_, **__):
        raise AssertionError("the phantom is made for somebody's own data")

    monkeypatch.setattr("custom.data.datalist.ensure_phantom", no_phantom)
    folders = {"output_dir": str(tmp_path / "outputs"), "ckpt_dir": str(tmp_path / "models")}
    small = {**shipped.small_training, "slices_per_study": 2, **folders, "datalist": str(prepared)}
    said = shipped.run_logged(shipped.build(["train.json"], **small))
    assert "DSC" in said
    metrics = json.loads((tmp_path / "outputs" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["studies"] == 2
    said = shipped.run_logged(shipped.build(["train.json", "evaluate.json"], run_id="evaluating", **small))
    assert "my.json has no studies in the section 'test': 'validation' is taken instead" in said
    metrics = json.loads((tmp_path / "outputs" / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["studies"] == 2

"""Planted identifiers: from headers, folder and file names of an export into nothing that is said or written."""

import json
from types import SimpleNamespace

import pydicom
import pytest

from custom.data.phantom import write_dicom, write_phantom

PLANTED = {
    "PatientName": "Zimtstern^Ernestine",
    "PatientID": "KH-4711-0815",
    "OtherPatientIDs": "Versicherung-998877",
    "PatientBirthDate": "19561203",
    "AccessionNumber": "ACC5550123",
    "InstitutionName": "Klinikum Pusemuckel",
    "ReferringPhysicianName": "Quacksalber^Quintus",
    "OperatorsName": "Knipser^Kuno",
}
WORDS = ("zimtstern", "ernestine", "4711", "998877", "19561203", "acc5550123", "pusemuckel", "quacksalber", "knipser")


def plant(folder):
    """Write the identifiers into headers and descriptions; return the UIDs that must not show either."""
    uids = set()
    for path in sorted(folder.rglob("*.dcm")):
        ds = pydicom.dcmread(path)
        for keyword, value in PLANTED.items():
            setattr(ds, keyword, value)
        ds.SeriesDescription = f"{ds.SeriesDescription} Zimtstern KH-4711-0815"
        ds.save_as(path)
        uids |= {str(ds.StudyInstanceUID), str(ds.SeriesInstanceUID), str(ds.SOPInstanceUID)}
    return uids


def everything_in(folder) -> bytes:
    """Names and contents of all files below a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"\n".join(str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes() for path in files)


def assert_silent(content: bytes, uids):
    lower = content.lower()
    assert [word for word in WORDS if word.encode() in lower] == []
    assert [uid for uid in uids if uid.encode() in content] == []


@pytest.fixture(scope="module")
def exported(tmp_path_factory, shipped, trained, two_classes):
    """Inference over an export: a good exam, one with a torn file, one whose phases cannot be told."""
    folder = tmp_path_factory.mktemp("export")
    studies = folder / "studies"
    places = {
        "good": studies / "ZIMTSTERN_ERNESTINE" / "KH-4711-0815_19561203",
        "torn": studies / "Zimtstern^Ernestine 2" / "ACC5550123",
        "unclear": studies / "case_3" / "Zimtstern",
    }
    uids = set()
    for seed, place in enumerate(places.values(), start=31):
        phases = ("pre", "arterial", "portal_venous", "delayed")
        write_dicom(two_classes, place, seed=seed, layout="series", phases=phases, localiser=True)
        uids |= plant(place)
    for number, path in enumerate(sorted(places["torn"].rglob("*.dcm"))):
        named = path.with_name(f"Zimtstern_{number:04d}.dcm")
        path.rename(named)
    torn = sorted(places["torn"].rglob("S0006/*.dcm"))[0]
    torn.write_bytes(torn.read_bytes()[:-700])
    for path in places["unclear"].rglob("*.dcm"):
        ds = pydicom.dcmread(path)
        ds.SeriesDescription = "t1 art Zimtstern"
        ds.save_as(path)
    results = folder / "results"
    overrides = {"dataset_dir": str(studies), "output_dir": str(results), "ckpt_path": str(trained.weights)}
    workflow = shipped.build(["inference.json"], workflow_type="infer", **shipped.small_network, **overrides)
    return SimpleNamespace(folder=folder, results=results, workflow=workflow, uids=uids)


def test_inference_says_and_writes_no_identifier(exported, shipped, capfd):
    with shipped.listening() as said, pytest.raises(SystemExit):
        exported.workflow.run()
    printed = capfd.readouterr()
    entries = json.loads((exported.results / "summary.json").read_text("utf-8"))["studies"]
    assert [entry["ok"] for entry in entries].count(True) == 1
    assert [entry["ok"] for entry in entries].count(False) == 2
    assert any((path / "study.json").is_file() for path in exported.results.iterdir())
    assert_silent((said.getvalue() + printed.out + printed.err).encode(), exported.uids)
    assert_silent(everything_in(exported.results), exported.uids)


def test_training_writes_no_identifier(tmp_path, shipped, capfd):
    """Checkpoints, cache and outputs of a training on DICOM."""
    write_phantom(tmp_path / "set", preset="tiny", format="dicom", layout="temporal", workers=1)
    uids = plant(tmp_path / "set")
    overrides = {
        **shipped.small_training,
        "dataset_dir": str(tmp_path / "set"),
        "cache_dir": str(tmp_path / "kept" / "cache"),
        "output_dir": str(tmp_path / "kept" / "outputs"),
        "ckpt_dir": str(tmp_path / "kept" / "models"),
    }
    said = shipped.run_logged(shipped.build(["train.json"], **overrides))
    printed = capfd.readouterr()
    kept = sorted(path.suffix for path in (tmp_path / "kept").rglob("*.pt"))
    assert len(kept) > 2, "no cache or no checkpoint to look at"
    assert_silent((said + printed.out + printed.err).encode(), uids)
    assert_silent(everything_in(tmp_path / "kept"), uids)

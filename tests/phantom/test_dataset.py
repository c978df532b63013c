"""Data sets on disk: make-up, lists, truth, atomicity."""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from custom.data.phantom import PRESETS, dataset, ensure, ensure_phantom, plan_studies, simulate_study, write_phantom
from custom.data.phantom.cli import add_arguments, run
from custom.data.prepare.labels import read_labels
from custom.types import InputError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A tiny data set and its lists."""
    path = write_phantom(tmp_path_factory.mktemp("phantom") / "tiny", preset="tiny", seed=3, workers=1)
    return path.parent, json.loads(path.read_text()), json.loads((path.parent / "manifest.json").read_text())


def _classes(planned) -> Counter:
    return Counter("+".join(sorted(set(p.lesions))) or "healthy" for p in planned)


def test_demo_make_up():
    planned = plan_studies(PRESETS["demo"], seed=0)
    by_section = {s: [p for p in planned if p.section == s] for s in ("training", "validation", "test")}
    assert {s: len(p) for s, p in by_section.items()} == {"training": 256, "validation": 32, "test": 80}
    assert _classes(by_section["test"])["healthy"] == 20
    assert _classes(by_section["training"]) == {"hemangioma": 111, "HCC": 111, "HCC+hemangioma": 10, "healthy": 24}
    homes = {}
    for study in planned:
        assert homes.setdefault(study.patient, study.section) == study.section
    assert len(homes) < len(planned)  # some patients have a follow-up
    assert len({p.case for p in planned}) == len(planned) == len({p.acquisition_seed for p in planned})
    assert any(len(p.lesions) == 3 for p in planned)


def test_test_section_does_not_depend_on_the_others():
    test = [p.seed for p in plan_studies(PRESETS["demo"], seed=0) if p.section == "test"]
    training = {p.seed for p in plan_studies(PRESETS["demo"], seed=0) if p.section != "test"}
    assert training.isdisjoint(test)


def test_paper_make_up_and_folds():
    planned = plan_studies(PRESETS["paper"], seed=1)
    assert _classes(planned) == {"hemangioma": 100, "HCC": 138}
    for fold in range(5):
        members = [p for p in planned if p.fold == fold]
        assert _classes(members)["hemangioma"] == 20
        assert _classes(members)["HCC"] in (27, 28)
        assert {p.section for p in members} == {"validation" if fold == 0 else "training"}


@pytest.mark.parametrize("count", [1, 7, 100])
def test_studies_scales_the_whole(count):
    assert len(plan_studies(PRESETS["demo"], seed=0, studies=count)) == count


def test_no_studies_is_an_error():
    with pytest.raises(InputError, match=r"0 studies.*at least 1"):
        plan_studies(PRESETS["demo"], studies=0)


def test_order_and_names_do_not_tell_the_class():
    planned = [p for p in plan_studies(PRESETS["demo"], seed=0) if p.section == "training" and p.lesions]
    is_hcc = np.array([p.lesions[0] == "HCC" for p in planned])
    assert abs(np.corrcoef(is_hcc, np.arange(len(is_hcc)))[0, 1]) < 0.25


def test_datalist_items_match_the_files(written):
    folder, datalist, manifest = written
    entries = {entry["case"]: entry for entry in manifest["studies"]}
    assert datalist["classes"] == ["hemangioma", "HCC"]
    for section in ("training", "validation", "test"):
        for item in datalist[section]:
            entry = entries[item["case"]]
            assert entry["section"] == section
            tumour = nib.load(folder / item["label"])
            values = set(np.unique(np.asarray(tumour.dataobj))) - {0}
            assert values == {datalist["classes"].index(name) + 1 for name in entry["classes"]}
            assert item["lesion_class"] == (entry["classes"][0] if len(entry["classes"]) == 1 else None)
            assert (item["true_enhancement"] is None) == (not values)
            for path in item["phases"].values():
                image = nib.load(folder / path)
                assert image.get_data_dtype() == np.int16
                np.testing.assert_array_equal(image.affine, tumour.affine)


def test_content_hash_is_the_contents(written):
    _, datalist, _ = written
    content = {key: value for key, value in datalist.items() if key != "content_hash"}
    expected = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    assert datalist["content_hash"] == expected


def test_the_table_of_classes_says_what_the_datalist_says(written):
    folder, datalist, _ = written
    rows = {row.case: row for row in read_labels(folder / "labels.csv", datalist["classes"])}
    items = [item for section in ("training", "validation", "test") for item in datalist[section]]
    assert sorted(rows) == sorted(item["case"] for item in items)
    for item in items:
        row = rows[item["case"]]
        assert (row.patient, row.lesion_class) == (item["patient"], item["lesion_class"])
        assert row.lesion_free == (item["true_enhancement"] is None)
    assert any(row.lesion_free for row in rows.values())


def test_manifest_seeds_reproduce_a_study(written):
    folder, _, manifest = written
    entry = next(e for e in manifest["studies"] if e["classes"])
    study = simulate_study(
        seed=entry["seeds"]["patient"],
        preset="tiny",
        lesions=[lesion["class"] for lesion in entry["lesions"]],
        acquisition_seed=entry["seeds"]["acquisition"],
    )
    stored = nib.load(folder / entry["case"] / "arterial.nii.gz")
    np.testing.assert_array_equal(np.asarray(stored.dataobj), study.images[1])
    np.testing.assert_allclose(stored.affine, study.affine, atol=1e-4)
    assert entry["true_enhancement"] == study.truth["true_enhancement"]


def test_workers_do_not_change_the_bits(written, tmp_path, monkeypatch):
    folder, _, _ = written
    monkeypatch.setattr(dataset, "FEW_STUDIES", 0)
    write_phantom(tmp_path / "again", preset="tiny", seed=3, workers=2)
    for path in sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file()):
        assert (tmp_path / "again" / path).read_bytes() == (folder / path).read_bytes(), path


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not empty.*Choose another"):
        write_phantom(tmp_path, preset="tiny")
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_unknown_format_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"'nrrd'.*nifti or dicom"):
        write_phantom(tmp_path / "x", preset="tiny", format="nrrd")


def test_a_run_that_fails_leaves_nothing(tmp_path, monkeypatch):
    done = []

    def fail_on_third(*args, **kwargs):
        done.append(1)
        if len(done) == 3:
            raise OSError("disk full")
        return real(*args, **kwargs)

    real = dataset.write_nifti
    monkeypatch.setattr(dataset, "write_nifti", fail_on_third)
    with pytest.raises(OSError, match="disk full"):
        ensure_phantom(tmp_path / "data", preset="tiny")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_leaves_no_half_data_set(tmp_path):
    target = tmp_path / "data"
    code = f"from custom.data.phantom import write_phantom; write_phantom({str(target)!r}, preset='demo', workers=1)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("*.nii.gz")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    assert list(tmp_path.rglob("*.nii.gz"))  # it had begun
    assert not target.exists()
    (remains,) = tmp_path.iterdir()
    os.utime(remains, (0, 0))  # an hour later
    assert ensure_phantom(target, preset="tiny") == target / "datalist.json"
    assert os.listdir(tmp_path) == ["data"]


def test_an_existing_data_set_is_used_as_it_is(tmp_path):
    (tmp_path / "datalist.json").write_text("{}")
    assert ensure_phantom(tmp_path, preset="demo") == tmp_path / "datalist.json"
    assert [p.name for p in tmp_path.iterdir()] == ["datalist.json"]


def test_two_makers_at_once_leave_one_data_set(tmp_path):
    target = tmp_path / "data"
    paths = []
    makers = [threading.Thread(target=lambda: paths.append(ensure_phantom(target, preset="tiny"))) for _ in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert paths == [target / "datalist.json"] * 2
    assert os.listdir(tmp_path) == ["data"]


def test_other_ranks_wait_and_make_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(ensure, "POLL_S", 0.01)
    monkeypatch.setattr(ensure, "write_phantom", lambda *a, **k: pytest.fail("a waiting rank must not write"))
    target = tmp_path / "data"

    def publish():
        target.mkdir()
        (target / "datalist.json").write_text("{}")

    threading.Timer(0.2, publish).start()
    assert ensure_phantom(target, preset="tiny") == target / "datalist.json"


def test_waiting_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setattr(ensure, "WAIT_LIMIT_S", 0.0)
    with pytest.raises(InputError, match=r"no data set after .* waiting.*python -m custom phantom"):
        ensure_phantom(tmp_path / "data", preset="tiny")


def test_command_line_writes_and_reports(tmp_path, caplog):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    caplog.set_level("INFO")
    run(parser.parse_args(["--output", str(tmp_path / "p"), "--preset", "tiny", "--studies", "3"]))
    assert (tmp_path / "p" / "datalist.json").is_file()
    assert "Wrote 3 studies of a digital phantom (not patients)" in caplog.text

"""What must not be shared is refused with a readable error, and nothing is written."""

from __future__ import annotations

import json
import logging
import re

import pytest
import torch

from custom.package import build as build_module
from custom.package import build_package
from custom.types import InputError


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def change_json(path, key, value):
    content = json.loads(path.read_text("utf-8"))
    content[key] = value
    path.write_text(json.dumps(content), "utf-8")


def unlisted_version(bundle):
    change_json(bundle / "configs/metadata.json", "version", "9.9.9")


def version_missing_for_readers(bundle):
    change_json(bundle / "configs/metadata.json", "version", "9.9.9")
    change_json(bundle / "configs/metadata.json", "changelog", {"9.9.9": "new"})


def spoilt_config(old, new, name="train.json"):
    return lambda bundle: edit(bundle / "configs" / name, old, new)


def no_weights(bundle):
    (bundle / "models/model.pt").unlink()


def other_weights(bundle):
    torch.save({"weight": torch.zeros(3)}, bundle / "models/model.pt")


REFUSALS = {
    "version in no changelog": (unlisted_version, r"metadata\.json#changelog: found no entry for version 9\.9\.9"),
    "version not in CHANGELOG.md": (version_missing_for_readers, r"CHANGELOG\.md: found no entry for version 9\.9\.9"),
    "misspelt key": (spoilt_config('"val_interval":', '"val_intervall":'), "val_intervall"),
    "misspelt argument": (spoilt_config('"fusion":', '"fusoin":', "inference.json"), "'fusoin'"),
    "target of nothing": (spoilt_config("custom.engines.History", "custom.engines.Histroy"), "Histroy.*exists"),
    "foreign target": (spoilt_config('"torch.optim.AdamW"', '"os.system"'), r"train\.json.*'os\.system'.*monai, torch"),
    "MONAI's name of nothing": (spoilt_config('"StatsHandler"', '"StatsHandlr"'), "StatsHandlr"),
    "reference to nothing": (spoilt_config('"@train#dataset"', '"@train#datasett"'), "@train::datasett"),
    "no Python": (spoilt_config("$@network.parameters()", "$@network.parameters("), "does not resolve"),
    "no JSON": (spoilt_config("{", "", "evaluate.json"), r"evaluate\.json"),
    "overlay of nothing": (spoilt_config("network_def#widths", "network_deff#widths", "paper.yaml"), "network_deff"),
    "no weights": (no_weights, r"no such file|model\.pt"),
    "weights of another network": (other_weights, "weights of another network"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_refuses_and_writes_nothing(case, own_tree, tmp_path):
    spoil, message = REFUSALS[case]
    spoil(own_tree.bundle)
    with pytest.raises(InputError, match=message):
        build_package(tmp_path / "dist", source=own_tree)
    assert not (tmp_path / "dist").exists()


def test_an_earlier_package_is_replaced_and_one_that_was_used_is_not(own_tree, tmp_path):
    first = build_package(tmp_path / "dist", source=own_tree)
    (own_tree.bundle / "docs" / "new page.md").write_text("new", "utf-8")
    (first.folder / "scripts" / "__pycache__").mkdir()
    (first.folder / "scripts" / "__pycache__" / "types.pyc").write_bytes(b"")
    second = build_package(tmp_path / "dist", source=own_tree)
    assert (second.folder / "docs" / "new page.md").is_file()
    assert not (second.folder / "scripts" / "__pycache__").exists()
    assert sorted(path.name for path in (tmp_path / "dist").iterdir()) == sorted(
        [second.folder.name, second.archive.name, second.sums.name]
    )

    (second.folder / "outputs").mkdir()
    (second.folder / "outputs" / "metrics.json").write_text("a night's work", "utf-8")
    with pytest.raises(InputError, match=r"outputs/metrics\.json"):
        build_package(tmp_path / "dist", source=own_tree)
    assert (second.folder / "outputs" / "metrics.json").read_text("utf-8") == "a night's work"


def test_a_package_that_fails_while_it_is_written_leaves_the_earlier_one(own_tree, tmp_path, monkeypatch):
    first = build_package(tmp_path / "dist", source=own_tree)
    before = first.archive.read_bytes()
    monkeypatch.setattr("custom.package.write._write_archive", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        build_package(tmp_path / "dist", source=own_tree)
    assert first.archive.read_bytes() == before
    assert (first.folder / "LICENSE").is_file()
    assert len(list((tmp_path / "dist").iterdir())) == 3


def test_files_too_large_for_the_zoo_are_named(own_tree, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(build_module, "LARGE_FILE_BYTES", 1_000_000)
    with caplog.at_level(logging.WARNING):
        build_package(tmp_path / "dist", source=own_tree)
    assert re.search(r"models/model\.pt is too large .*sha256 [0-9a-f]{64}", caplog.text)

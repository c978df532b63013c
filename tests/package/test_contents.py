"""What is in the package, under which names, and that the same tree gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from monai.bundle import ConfigParser

from custom.package import NAME, build_package
from custom.package.collect import collect
from custom.package.rewrite import rewrite


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_its_root_has_the_zoos_form(package):
    assert {path.name for path in package.folder.iterdir()} == {"configs", "docs", "LICENSE", "models", "scripts"}
    version = json.loads((package.folder / "configs" / "metadata.json").read_text("utf-8"))["version"]
    assert package.archive.name == f"{NAME}_v{version}.zip"


def test_scripts_is_a_copy_of_the_code(package, tree):
    assert hashes(package.folder / "scripts") == hashes(tree.code)
    assert "__main__.py" in hashes(tree.code)


def test_the_zip_holds_the_folder(package, unpacked):
    with zipfile.ZipFile(package.archive) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert {name.split("/")[0] for name in names} == {NAME}
    assert (
        hashes(unpacked).items() >= {k: v for k, v in hashes(package.folder).items() if k != "models/model.pt"}.items()
    )


def test_checksums_are_those_of_the_zip_and_of_every_file(package):
    lines = [line.split("  ", 1) for line in package.sums.read_text("utf-8").splitlines()]
    assert {name: digest for digest, name in lines} == {
        name: digest for name, digest in hashes(package.folder.parent).items() if name != package.sums.name
    }


def test_the_same_tree_gives_the_same_bytes(package, own_tree, tmp_path):
    for path in own_tree.code.rglob("*"):
        os.utime(path, (10**9, 10**9))
        path.chmod(0o700 if path.is_dir() else 0o640)
    again = build_package(tmp_path / "again", source=own_tree)
    assert hashes(again.folder.parent) == hashes(package.folder.parent)
    assert again.archive.read_bytes() == package.archive.read_bytes()
    assert {path.stat().st_mode & 0o777 for path in again.folder.rglob("*") if path.is_file()} == {0o644}


def test_what_programs_leave_behind_stays_out(tree, own_tree):
    leftovers = {
        own_tree.code: ["__pycache__/types.cpython-311.pyc", "data/.DS_Store", "data/load.py~", ".ruff_cache/x.py"],
        own_tree.bundle: [
            "models/model_0badcafe.pt",
            "models/.model.pt.tmp",
            "models/resume.pt",
            "models/best.pt",
            "models/model.ts",
            "models/model.onnx",
            "outputs/checkpoints/resume.pt",
            "data/phantom-demo/datalist.json",
            "eval/metrics.json",
            "mlruns.db",
            "configs/.train.json.swp",
            "docs/.ipynb_checkpoints/README.md",
        ],
        own_tree.bundle.parent: ["data/phantom-demo/a.nii.gz", "outputs/metrics.json"],
    }
    for folder, names in leftovers.items():
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"left behind")
    assert collect(own_tree) == collect(tree)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("configs/a.json", '"_target_": "custom.networks.MTINet"', '"_target_": "scripts.networks.MTINet"'),
        ("configs/a.json", '    "bundle_root": "bundle",', '    "bundle_root": ".",'),
        ("configs/a.json", '"x_dir": "data/phantom-demo",', '"x_dir": "$@bundle_root + \'/data/phantom-demo\'",'),
        ("configs/a.yaml", "x_dir: outputs", "x_dir: \"$@bundle_root + '/outputs'\""),
        ("configs/a.json", '"x_dir": "@phantom_dir"', '"x_dir": "@phantom_dir"'),
        ("configs/a.json", '"x_dir": "$@output_dir + \'/cache\'"', '"x_dir": "$@output_dir + \'/cache\'"'),
        ("configs/a.json", '"x_dir": "/absolute"', '"x_dir": "/absolute"'),
        (
            "docs/a.md",
            "`python -m custom phantom`, `custom/types.py`",
            "`python -m scripts phantom`, `scripts/types.py`",
        ),
        ("docs/a.md", "bundle/configs/train.json of monai.bundle", "configs/train.json of monai.bundle"),
        ("docs/a.md", "a custom. This bundle/that", "a custom. This bundle/that"),
        ("scripts/a.py", "python -m custom", "python -m custom"),
        ("LICENSE", "customary use, custom/", "customary use, custom/"),
    ],
)
def test_names_of_the_project_become_names_of_the_package(name, text, expected):
    assert rewrite(name, text.encode()).decode() == expected


def test_nothing_in_the_package_names_the_projects_folders(package):
    configs = [path for path in package.folder.glob("configs/**/*") if path.is_file()]
    for path in [*configs, *package.folder.glob("docs/**/*.md")]:
        text = path.read_text("utf-8")
        assert not re.search(r"\bcustom[./]\w|-m custom|bundle/(configs|docs|models)", text), path.name


def test_code_that_speaks_to_users_calls_itself_by_its_own_name(tree):
    """A message that says ``python -m custom`` would be wrong in the package: types.COMMAND is right in both."""
    for path in tree.code.rglob("*.py"):
        code = re.sub(r'""".*?"""|#[^\n]*', "", path.read_text("utf-8"), flags=re.DOTALL)
        assert "-m custom" not in code, path.name


def test_training_in_the_package_prepares_what_its_weights_were_trained_on(own_tree, tmp_path):
    model = own_tree.bundle / "models" / "model.json"
    trained = {"spacing_mm": 1.25, "reference_phase": "arterial", "residual": False, "classes": ["FNH", "HCC"]}
    model.write_text(json.dumps({**json.loads(model.read_text("utf-8")), **trained}), "utf-8")
    configs = build_package(tmp_path / "dist", source=own_tree).folder / "configs"
    shared = json.loads((configs / "train.json").read_text("utf-8"))
    assert {key: shared[key] for key in trained} == trained
    assert shared["roi_size"] == [224, 192]  # of 112 × 96 pixels of 2.5 mm


def test_default_folders_lie_in_the_bundle_wherever_it_is(package):
    for name in ("train.json", "inference.json"):
        parser = ConfigParser()
        parser.read_config(str(package.folder / "configs" / name))
        parser["bundle_root"] = "elsewhere"
        keys = [key for key in parser.get() if key.endswith("_dir")]
        assert len(keys) >= 3
        assert all(parser.get_parsed_content(key).startswith("elsewhere/") for key in keys)


def test_no_file_needs_the_zoos_list_of_large_files(package):
    assert max(path.stat().st_size for path in package.folder.rglob("*") if path.is_file()) < 25e6


def test_links_of_its_pages_lead_to_its_files(package):
    pages = sorted((package.folder / "docs").rglob("*.md"))
    assert len(pages) > 4
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"

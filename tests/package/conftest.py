"""The package, built once from a copy of the tree, unpacked where nothing of the project is on the path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from custom.package import build_package
from custom.package.source import Source, find_source

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Source:
    """The tree as it is now; the working tree may change while tests run, and running it leaves caches there."""
    folder = tmp_path_factory.mktemp("tree")
    without_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "custom", folder / "custom", ignore=without_caches)
    shutil.copytree(ROOT / "bundle", folder / "bundle")
    for name in ("CHANGELOG.md", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    return find_source(folder / "custom")


@pytest.fixture(scope="session")
def package(tmp_path_factory, tree):
    """The finished package of that tree."""
    return build_package(tmp_path_factory.mktemp("dist"), source=tree)


@pytest.fixture
def own_tree(tmp_path, tree) -> Source:
    """A copy of the tree to spoil."""
    folder = tmp_path / "tree"
    shutil.copytree(tree.bundle.parent, folder)
    return find_source(folder / "custom")


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory, package) -> Path:
    """Root of the bundle after unpacking the zip in a folder with a space and an umlaut."""
    folder = tmp_path_factory.mktemp("foreign") / "fremde Bündel"
    with zipfile.ZipFile(package.archive) as archive:
        archive.extractall(folder)
    (root,) = folder.iterdir()
    return root


@pytest.fixture(scope="session")
def run_there():
    """Run Python in a folder with nothing of the project on the path; the finished process."""

    def run(*arguments, cwd, **environment):
        quiet = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONIOENCODING": "utf-8"}
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env={**inherited, **quiet, **environment},
            timeout=1800,
        )

    return run

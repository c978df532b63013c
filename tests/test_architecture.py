"""The rules of the house that a machine can hold: imports run one way, files stay short, nothing unsafe slips in."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "custom"
FLOW = [
    "types",
    "user_errors",
    "whole_files",
    "coverage",
    "enhancement",
    "enhancement_classifier",
    "config_ranges",
    "config_check",
    "data",
]
FLOW += ["transforms", "networks", "losses", "engines", "inference", "outputs", "annotation"]
FLOW += ["experiments", "exports", "package", "federated", "__main__"]
TORCH_AND_MONAI_ONLY = {"networks", "losses"}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> list[tuple[int, str]]:
    """(level, module) of every import statement; level 0 is absolute."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found += [(node.level, node.module or alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
    return found


def rooms_imported_by(path: Path) -> set[str]:
    depth = len(path.relative_to(PACKAGE).parts)  # this many dots lead from the file to the package
    return {module.split(".")[0] for level, module in imports_of(path) if level == depth and module}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    room = room_of(path)
    if room == "__init__":
        assert not rooms_imported_by(path)
        return
    ahead = {other for other in rooms_imported_by(path) if FLOW.index(other) > FLOW.index(room)}
    assert not ahead, f"{room} imports from rooms further down the flow: {ahead}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_package_imports_itself_relatively(path):
    absolute = {module.split(".")[0] for level, module in imports_of(path) if level == 0}
    assert not absolute & {"custom", "scripts"}


@pytest.mark.parametrize("path", [p for p in SOURCES if room_of(p) in TORCH_AND_MONAI_ONLY], ids=lambda p: p.name)
def test_networks_and_losses_know_torch_and_monai_only(path):
    standard = {"__future__", "collections", "math", "typing", "dataclasses", "contextlib", "functools"}
    outside = {module.split(".")[0] for level, module in imports_of(path) if level == 0} - standard
    assert outside <= {"torch", "monai"}
    assert rooms_imported_by(path) <= {"types", "enhancement", *TORCH_AND_MONAI_ONLY}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_checkpoints_are_only_loaded_as_weights():
    for path in SOURCES:
        for call in re.findall(r"torch\.load\([^)]*\)", path.read_text(encoding="utf-8")):
            assert "weights_only=True" in call, f"{path.name}: {call}"


def test_library_code_does_not_print():
    for path in SOURCES:
        calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
        assert not [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"], path


def test_no_machine_paths_and_nothing_left_over():
    pattern = re.compile(r"/(t[m]p|w[o]rk|r[o]ot|h[o]me)/|\bT[O]DO\b|\bF[I]XME\b")
    for folder in (PACKAGE, ROOT / "bundle" / "configs", ROOT / "bundle" / "docs"):
        for path in folder.rglob("*"):
            if path.suffix in {".py", ".json", ".yaml", ".md", ".conf"}:
                assert not pattern.search(path.read_text(encoding="utf-8")), path

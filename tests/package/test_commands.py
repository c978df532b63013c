"""Every command that the packaged pages show can be typed in the package: verbs, options and files exist there."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest
import yaml
from monai.bundle import run

from custom.__main__ import build_parser
from custom.config_check import OWN_KEY_PREFIX, read_config

ROOT = Path(__file__).resolve().parents[2]
RUN_ARGUMENTS = set(inspect.signature(run).parameters) - {"override"}


def command_lines(folder: Path) -> list[str]:
    """Lines of the fenced blocks without a language in a folder's pages that call Python."""
    pages = [page.read_text("utf-8") for page in sorted(folder.glob("*.md"))]
    blocks = [block for page in pages for block in re.findall(r"^```\n(.*?)^```$", page, re.M | re.S)]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return sorted({line for line in lines if line.startswith("python ")})


def check_workflow(words: list[str], root: Path) -> None:
    """``monai.bundle run``: the files exist, and every option is a key of theirs."""
    options = {word[2:]: words[i + 1] for i, word in enumerate(words) if word.startswith("--")}
    files = yaml.safe_load(options["config_file"])
    keys = set(read_config([str(root / file) for file in ([files] if isinstance(files, str) else files)]))
    assert words[0] in keys
    named = {option.partition("#")[0] for option in options}
    assert {name for name in named if not name.startswith(OWN_KEY_PREFIX)} <= keys | RUN_ARGUMENTS


def check(line: str, root: Path) -> None:
    words = shlex.split(line)
    assert not any("custom" in word for word in words)
    if "monai.bundle" in words and "run" in words:
        check_workflow(words[words.index("run", words.index("monai.bundle")) + 1 :], root)
    elif words[1:3] == ["-m", "scripts"]:
        chosen = build_parser().parse_args(words[3:])
        assert all((root / file).is_file() for file in getattr(chosen, "files", []))
    for word in words:
        if word.startswith(("configs/", "models/", "docs/", "scripts/")):
            assert (root / word).exists() or word.endswith((".ts", ".onnx")), word


def test_there_are_commands_for_every_workflow(package):
    text = "\n".join(command_lines(package.folder / "docs"))
    for what in ("run training", "run evaluating", "run inference", "-m scripts check-config", "-m scripts package"):
        assert what in text


@pytest.mark.parametrize("line", command_lines(ROOT / "bundle" / "docs"))
def test_each_becomes_a_command_of_the_package(line, package):
    from custom.package.rewrite import rewrite

    packaged = rewrite("docs/README.md", line.encode()).decode()
    assert packaged in command_lines(package.folder / "docs")
    check(packaged, package.folder)

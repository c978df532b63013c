"""What ``bundle/docs/monai_label.md`` tells its readers to type, and what it shows them of the answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "bundle" / "docs" / "monai_label.md"


def commands(title: str) -> list[str]:
    """The command lines of a section, in their order."""
    return [line for block in _blocks(title, "") for line in block.splitlines()]


def shown_keys(title: str) -> list[set[str]]:
    """Of each answer that a section shows, the keys in it."""
    return [set(re.findall(r'"([^"\n]+)":', block)) for block in _blocks(title, "text")]


def keys_of(content: Any) -> set[str]:
    """Keys of an answer at any depth."""
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return set(content if isinstance(content, dict) else ()).union(*map(keys_of, inner))


def shown_lines(title: str) -> list[str]:
    """The answers of a section that is shown in full."""
    return [block.rstrip("\n") for block in _blocks(title, "text")]


def _blocks(title: str, language: str) -> list[str]:
    section = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.M)
    (text,) = [text for text in section if text.startswith(f"{title}\n")]
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return [block for kind, block in fenced if kind == language]

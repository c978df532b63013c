"""What is called differently in a shared bundle: the code, the bundle's root, and where data goes by default.

The code itself stays as it is, byte for byte: inside it every import is relative.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

TEXTS = {".json", ".yaml", ".yml", ".md", ".txt"}
NAMES = (
    (r"(?<=-m )custom\b|\bcustom(?=/|\.[a-z_])", "scripts"),  # commands, paths, targets
    (r"\bbundle/(?=(?:configs|models|docs)\b)", ""),
    (r"(?<=-r )requirements\.txt", "docs/requirements.txt"),
)
LITERAL = r"([\w-][\w./-]*)"  # no reference, no expression, no absolute path
IN_BUNDLE = r"$@bundle_root + '/\2'"
DEFAULTS = (
    (r'^(\s*"bundle_root": )"bundle"', r'\1"."'),
    # what lies beside the bundle in the project lies in it when shared, from wherever it is called
    (rf'^(\s*"\w+_dir": )"{LITERAL}"', rf'\1"{IN_BUNDLE}"'),
    (rf"^(\w+_dir: ){LITERAL}$", rf'\1"{IN_BUNDLE}"'),
)


def rewrite(name: str, content: bytes) -> bytes:
    """Content of the file ``name`` of the package, with the names that hold there."""
    if name.startswith("scripts/") or PurePosixPath(name).suffix not in TEXTS:
        return content
    text = content.decode("utf-8")
    for pattern, replacement in NAMES + (DEFAULTS if name.startswith("configs/") else ()):
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text.encode("utf-8")

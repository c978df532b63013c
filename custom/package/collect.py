"""What goes into the package: code, configurations, published weights and documentation, and nothing else.

Code and documentation are taken as they lie, without what programs leave behind.  Of configurations and models only
the kinds of files that a bundle publishes are taken, so that no earlier weights, caches or data slip in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..types import InputError
from .source import Source

CODE_NAME = "scripts"
"""The zoo's name for a bundle's Python package, the one that MONAI Label reloads."""

PUBLISHED = {
    "LICENSE": ("LICENSE",),
    "configs": ("*.json", "*.yaml", "*.yml", "*.conf", "experiments/*.yaml"),
    "models": ("model.pt", "model.json", "training_curves.json", "curve_classifier.json"),
    "docs": ("**/*",),
}
LEFT_BEHIND = {".pyc", ".pyo", ".tmp", ".orig", ".swp"}


def collect(source: Source) -> dict[str, bytes]:
    """Contents by their name in the package, sorted by name, as they are in the tree.

    Raises:
        InputError: the licence, the metadata or another part of the bundle is missing.
    """
    files = {f"{CODE_NAME}/{path.relative_to(source.code).as_posix()}": path for path in _below(source.code)}
    files |= source.beside
    for part, patterns in PUBLISHED.items():
        base = source.bundle if part == "LICENSE" else source.bundle / part
        found = [path for pattern in patterns for path in _below(base, pattern)]
        if not found:
            raise _missing(part, source)
        files |= {path.relative_to(source.bundle).as_posix(): path for path in found}
    return {name: files[name].read_bytes() for name in sorted(files)}


def is_left_behind(path: Path) -> bool:
    """Whether a relative path is a cache, a hidden file or an unfinished one."""
    hidden = any(part == "__pycache__" or part.startswith(".") for part in path.parts)
    return hidden or path.suffix in LEFT_BEHIND or path.name.endswith("~")


def _below(folder: Path, pattern: str = "**/*") -> Iterator[Path]:
    found = (path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink())
    return (path for path in found if not is_left_behind(path.relative_to(folder)))


def _missing(part: str, source: Source) -> InputError:
    return InputError(
        found="nothing to package",
        expected=" or ".join(PUBLISHED[part]),
        where=f"{source.bundle.name}/{part}",
        remedy="Restore it, or train first if it is the weights.",
    )

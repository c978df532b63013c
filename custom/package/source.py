"""Where the parts of the bundle lie: in the project, or in a package that was made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CODE = Path(__file__).resolve().parents[1]
"""The Python package that is running: ``custom`` in the project, ``scripts`` in a shared bundle."""


@dataclass(frozen=True)
class Source:
    """The tree to package.

    Args:
        code: the Python package that the configurations name.
        bundle: folder that holds configs, models, docs and LICENSE.
        beside: further files, by the name that they get in the package.
    """

    code: Path
    bundle: Path
    beside: dict[str, Path]

    @property
    def changelog(self) -> Path:
        """The changelog for readers, wherever it lies."""
        return self.beside.get("docs/CHANGELOG.md", self.bundle / "docs" / "CHANGELOG.md")


def find_source(code: Path = CODE) -> Source:
    """The tree that the package ``code`` belongs to; a shared bundle can be packaged again, e.g. with new weights."""
    root = code.parent
    if not (root / "bundle").is_dir():
        return Source(code, root, {})
    beside = {f"docs/{name}": root / name for name in ("CHANGELOG.md", "requirements.txt")}
    return Source(code, root / "bundle", beside)

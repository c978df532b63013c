"""The package on disk: a folder, a zip of it and their checksums, the same bytes for the same content."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..types import InputError
from .collect import is_left_behind

SUMS = "SHA256SUMS"
FILE_MODE, FOLDER_MODE = 0o644, 0o755
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold
UNIX = 3


@dataclass(frozen=True)
class Package:
    """Where a package lies."""

    folder: Path
    archive: Path
    sums: Path


def write_package(files: Mapping[str, bytes], *, name: str, version: str, output: Path) -> Package:
    """Write ``<name>/``, ``<name>_v<version>.zip`` and ``SHA256SUMS`` into ``output``, in place of an earlier package.

    Everything is written beside its place and moved there when complete.

    Args:
        files: contents by name within the package.

    Raises:
        InputError: ``output/<name>`` holds something that packaging did not write.
    """
    package = Package(output / name, output / f"{name}_v{version}.zip", output / SUMS)
    _check_replaceable(package)
    output.mkdir(parents=True, exist_ok=True)
    inside = {f"{name}/{file}": files[file] for file in sorted(files)}
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=output) as staging:
        new = Package(Path(staging, name), Path(staging, package.archive.name), Path(staging, SUMS))
        _write_folder(Path(staging), inside)
        _write_archive(new.archive, inside)
        contents = {**inside, package.archive.name: new.archive.read_bytes()}
        sums = "".join(f"{sha256(content)}  {file}\n" for file, content in contents.items())
        new.sums.write_text(sums, encoding="utf-8", newline="\n")
        if package.folder.exists():
            os.rename(package.folder, Path(staging, "earlier"))
        for made, place in ((new.folder, package.folder), (new.archive, package.archive), (new.sums, package.sums)):
            os.replace(made, place)
    return package


def sha256(content: bytes) -> str:
    """Hex digest, as ``sha256sum`` prints it."""
    return hashlib.sha256(content).hexdigest()


def _write_folder(root: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(FILE_MODE)
    for folder in (path for path in root.rglob("*") if path.is_dir()):
        folder.chmod(FOLDER_MODE)


def _write_archive(path: Path, files: Mapping[str, bytes]) -> None:
    """A zip without compression: what a compressor makes of the same bytes depends on its version."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, date_time=EARLIEST)
            entry.create_system = UNIX
            entry.external_attr = (0o100000 | FILE_MODE) << 16
            archive.writestr(entry, content)
    path.chmod(FILE_MODE)


def _check_replaceable(package: Package) -> None:
    """An earlier package may go; what a user has trained, predicted or changed in it may not."""
    known = set(package.sums.read_text("utf-8").splitlines()) if package.sums.is_file() else set()
    own = package.folder.parent
    for path in sorted(package.folder.rglob("*")):
        name = path.relative_to(own).as_posix()
        if path.is_dir() or is_left_behind(path.relative_to(own)):
            continue
        if f"{sha256(path.read_bytes())}  {name}" not in known:
            raise InputError(
                found=f"a file that packaging did not write or that was changed since ({name})",
                expected="no folder, or an unchanged earlier package",
                where=str(package.folder),
                remedy="Move it away, or name another folder (--output).",
            )

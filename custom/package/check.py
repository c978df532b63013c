"""What a bundle must be before it is shared: versioned, its configurations in order, its weights of its own network."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from pydoc import ErrorDuringImport, locate
from typing import Any

from monai.bundle import ConfigExpression, ConfigParser

from ..config_check import components, find_mistakes, module_of_monai, raise_mistakes, read_config
from ..engines import load_weights
from ..types import InputError
from .source import Source

WHOLE_WORKFLOWS = ("train.json", "inference.json")
ALLOWED_PACKAGES = ("monai", "torch", "ignite", __name__.split(".")[0])
METADATA = "metadata.json"


def check_bundle(source: Source) -> str:
    """Refuse a bundle that would not work elsewhere.

    Returns:
        Its version.

    Raises:
        InputError: the version is in no changelog, a configuration holds mistakes or does not resolve, or the weights
            are missing or not of the configured network.
    """
    version = check_version(source)
    for file in sorted((source.bundle / "configs").glob("*.*")):
        if file.suffix in {".json", ".yaml", ".yml"} and file.name != METADATA:
            check_config_file(file)
    check_weights(source)
    return version


def check_version(source: Source) -> str:
    """The version of metadata.json, which both changelogs must list."""
    metadata = json.loads((source.bundle / "configs" / METADATA).read_text("utf-8"))
    version = str(metadata.get("version"))
    titles = re.findall(r"^## v?(\S+)", source.changelog.read_text("utf-8"), re.MULTILINE)
    for where, versions in ((f"{METADATA}#changelog", metadata.get("changelog", {})), (source.changelog.name, titles)):
        if version not in versions:
            raise InputError(
                found=f"no entry for version {version}",
                expected="what is new in the version that is to be shared",
                where=where,
                remedy=f"Write what changed in {version}, or correct version in metadata.json.",
            )
    return version


def check_config_file(file: Path) -> None:
    """Check a configuration by itself or, if it is an overlay, on top of the workflow that it belongs to."""
    stacks = [[file], *([file.with_name(base), file] for base in WHOLE_WORKFLOWS)]
    merged, unreadable = [], []
    for stack in stacks:
        try:
            with warnings.catch_warnings():  # an overlay alone has nothing to merge its "+" entries with
                warnings.filterwarnings("ignore", message="Can't merge entry")
                merged.append(_mistakes_of([str(path) for path in stack]))
        except InputError as error:
            unreadable.append(error)
    raise_mistakes(min(merged, key=len) if merged else unreadable[-1:])


def _mistakes_of(files: list[str]) -> list[InputError]:
    config = read_config(files)
    where = " + ".join(Path(file).name for file in files)
    mistakes = find_mistakes(config, files=read_config(files[:1]))  # what an overlay leaves without a use is none
    return [*mistakes, *_foreign_targets(config, where), *_unresolved(files, where)]


def _foreign_targets(config: Mapping[str, Any], where: str) -> Iterator[InputError]:
    for path, component in components(config):
        target = str(component["_target_"])
        module = target if "." in target else f"{module_of_monai(target)}.{target}"
        remedy = "Correct it, or move what it names into the bundle's own package."
        at = f"{where}, configuration key '{path}'"
        if module.split(".")[0] not in ALLOWED_PACKAGES:
            expected = f"a class or function of {', '.join(ALLOWED_PACKAGES)}"
            yield InputError(found=f"the target '{target}'", expected=expected, where=at, remedy=remedy)
        elif not _exists(module):
            expected = "a class or function that exists"
            yield InputError(found=f"the target '{target}'", expected=expected, where=at, remedy=remedy)


def _exists(target: str) -> bool:
    try:
        return locate(target) is not None
    except ErrorDuringImport:
        return False


def _unresolved(files: list[str], where: str) -> list[InputError]:
    """A reference to nothing or in a circle, or an expression that is not Python; nothing is instantiated."""
    parser = ConfigParser()
    try:
        parser.read_config(files)
        parser.read_meta(str(Path(files[0]).with_name(METADATA)))
        for key in parser.get():
            parser.get_parsed_content(key, instantiate=False, eval_expr=False)
        for item in parser.ref_resolver.items.values():
            if isinstance(item, ConfigExpression):
                ast.parse(item.get_config().removeprefix("$"))
    except (ValueError, KeyError, SyntaxError) as error:
        mistake = InputError(
            found=f"a content that does not resolve ({error})",
            expected="references to keys that exist, and Python expressions",
            where=where,
            remedy="Correct the key that the message names.",
        )
        return [mistake]
    return []


def check_weights(source: Source) -> None:
    """Load ``models/model.pt`` into the network of inference.json."""
    parser = ConfigParser()
    parser.read_config(str(source.bundle / "configs" / "inference.json"))
    load_weights(parser.get_parsed_content("network_def"), source.bundle / "models" / "model.pt")

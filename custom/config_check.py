"""Find spelling mistakes in a bundle configuration before anything expensive runs.

MONAI accepts an unknown top-level key in silence (``--epoch 3`` for ``--epochs 3`` trains the default number of epochs)
and reports a misspelt constructor argument without naming it.  Two rules find both, with no list of keys to maintain:

* a top-level key, or a key inside ``train`` or ``validate``, that nothing refers to (``@key`` or ``%key``) and that is
  no entry point of MONAI is a mistake;
* a keyword that the constructor named by ``_target_`` does not take is a mistake.

A third rule finds what the command line makes of ``--amp false``: the text "false", which counts as true.  A fourth
holds numbers and words to what they may be (``config_ranges.py``).
"""

from __future__ import annotations

import argparse
import difflib
import functools
import inspect
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pydoc import locate
from typing import Any

import yaml
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.bundle.config_item import ComponentLocator
from monai.bundle.properties import InferProperties, TrainProperties
from monai.bundle.utils import DEFAULT_MLFLOW_SETTINGS
from monai.utils import BundlePropertyConfig, ensure_tuple

from .config_ranges import RANGES, Choice, values_out_of_range
from .types import InputError
from .user_errors import show_user_errors_plainly

logger = logging.getLogger(__name__)

REFERENCE = re.compile(r"[@%](?:\w+\.(?:json|ya?ml))?:*#*([A-Za-z_]\w*)")
REFERENCE_IN_GROUP = re.compile(r"[@%](?:\w+\.(?:json|ya?ml))?:*#*(train|validate)(?:#|::)([A-Za-z_]\w*)")
GROUPS = ("train", "validate")
WORKFLOW_STEPS = {"initialize", "run", "training", "evaluating", "inference", "finalize", "imports", "verify_def"}
OWN_KEY_PREFIX = "x_"  # a user's own helper keys may be called x_…
COMPONENT_KEYS = {"_target_", "_requires_", "_disabled_", "_desc_", "_mode_", "_imports_", "_debug_"}


def entry_points() -> set[str]:
    """Top-level keys that MONAI, MONAI Label or the experiment tracking look up by name."""
    properties = [*TrainProperties.values(), *InferProperties.values()]
    roots = {re.split("::|#", str(item[BundlePropertyConfig.ID]))[0] for item in properties}
    tracking = set(DEFAULT_MLFLOW_SETTINGS["configs"])
    labels = {"displayable_configs", "network", "preprocessing", "postprocessing", "inferer", "handlers"}
    labels |= {"pre_transforms", "post_transforms"}
    return roots | tracking | WORKFLOW_STEPS | labels | {"_meta_"}


def entry_points_in(group: str) -> set[str]:
    """Keys inside ``train`` or ``validate`` that MONAI looks up by name."""
    paths = [re.split("::|#", str(item[BundlePropertyConfig.ID])) for item in TrainProperties.values()]
    return {path[1] for path in paths if path[0] == group and len(path) > 1}


def find_mistakes(config: Mapping[str, Any], *, files: Mapping[str, Any] | None = None) -> list[InputError]:
    """All mistakes of a merged, unresolved configuration.

    Args:
        config: what ``ConfigParser.get()`` returns: all files merged, overrides applied, nothing instantiated.
        files: the same before the overrides.  A key whose only use is overridden is no mistake: MONAI Label, for one,
            puts its own studies and epochs in the place of ours.

    Returns:
        One error for each mistake, in the order of the file; empty when there is none.
    """
    rules = (_unreferenced_keys_in_groups, _unknown_arguments, _truth_values_as_text, values_out_of_range)
    unreferenced = _unreferenced_keys(config, files or {})
    return [*unreferenced, *(mistake for find in rules for mistake in find(config))]


def _unreferenced_keys(config: Mapping[str, Any], files: Mapping[str, Any]) -> Iterator[InputError]:
    texts = [text for _, text in (*_leaves(config), *_leaves(files)) if isinstance(text, str)]
    referenced = {name for text in texts for name in REFERENCE.findall(text)}
    known = entry_points() | referenced
    for key in config:
        if key not in known and not key.startswith((OWN_KEY_PREFIX, "_")):
            yield InputError(
                found=f"the top-level key '{key}', which nothing in the configuration refers to",
                expected="a key that the configuration uses",
                where=f"configuration key '{key}'",
                remedy=_suggest(key, known & set(config) | referenced),
            )


def _unreferenced_keys_in_groups(config: Mapping[str, Any]) -> Iterator[InputError]:
    texts = [text for _, text in _leaves(config) if isinstance(text, str)]
    referenced = {found for text in texts for found in REFERENCE_IN_GROUP.findall(text)}
    for group in GROUPS:
        content = config.get(group)
        if not isinstance(content, Mapping) or "_target_" in content:
            continue
        known = entry_points_in(group) | {name for owner, name in referenced if owner == group}
        for key in content:
            if key not in known and not key.startswith((OWN_KEY_PREFIX, "_")):
                yield InputError(
                    found=f"the key '{key}' inside '{group}', which nothing in the configuration refers to",
                    expected="a key that the configuration uses",
                    where=f"configuration key '{group}#{key}'",
                    remedy=_suggest(key, known),
                )


def _unknown_arguments(config: Mapping[str, Any]) -> Iterator[InputError]:
    for path, component in components(config):
        target = component["_target_"]
        if not isinstance(target, str) or target.startswith("$"):
            continue
        accepted = _accepted_arguments(target)
        if accepted is None:
            continue
        for name in component:
            if name not in accepted and name not in COMPONENT_KEYS:
                yield InputError(
                    found=f"the argument '{name}'",
                    expected=f"arguments of {target}: {', '.join(sorted(accepted)) or 'none'}",
                    where=f"configuration key '{path}'",
                    remedy=_suggest(name, accepted),
                )


def _truth_values_as_text(config: Mapping[str, Any]) -> Iterator[InputError]:
    meant = {"true": "True", "false": "False", "none": "None", "null": "None"}
    for path, value in _leaves(config):
        is_a_choice = isinstance(RANGES.get(path), Choice)  # "none" is a word there
        if isinstance(value, str) and value.lower() in meant and not is_a_choice and not path.startswith("_meta_"):
            yield InputError(
                found=f"the text '{value}'",
                expected="a value: True, False or None on the command line, true, false or null in a file",
                where=f"configuration key '{path}'",
                remedy=f"On the command line write {meant[value.lower()]} with a capital letter.",
            )


def _accepted_arguments(target: str) -> set[str] | None:
    """Keywords that a target takes; None when it takes any, or when it cannot be inspected (MONAI then reports it)."""
    found = locate(target if "." in target else f"{module_of_monai(target)}.{target}")
    names: set[str] = set()
    for constructor in _constructors(found):
        try:
            parameters = inspect.signature(constructor).parameters.values()
        except (TypeError, ValueError):
            return None
        names |= {p.name for p in parameters}
        if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters):
            return names
    return None


def _constructors(found: Any) -> list[Any]:
    """A target; if it is a class of this package, its base classes too: our ``**arguments`` always go to the base's."""
    ours = inspect.isclass(found) and found.__module__.split(".")[0] == __name__.split(".")[0]
    return list(found.__mro__[:-1]) if ours else [found]


def module_of_monai(short_name: str) -> str | None:
    """The module that MONAI takes a short ``_target_`` such as ``"Compose"`` from."""
    modules = _monai_components().get_component_module_name(short_name)
    return modules[0] if isinstance(modules, list) else modules


@functools.cache
def _monai_components() -> ComponentLocator:
    return ComponentLocator()  # scans all of MONAI once


def _suggest(name: str, candidates: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(candidates), n=1)
    did_you_mean = f"Did you mean '{close[0]}'? " if close else ""
    return f"{did_you_mean}Correct the spelling or remove it (own helper keys start with '{OWN_KEY_PREFIX}')."


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list | tuple) else None
    if items is None:
        yield path, node
        return
    for key, child in items:
        yield from _leaves(child, f"{path}#{key}" if path else str(key))


def components(node: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every part of a configuration that names a ``_target_``, with its path."""
    if isinstance(node, Mapping) and "_target_" in node:
        yield path, node
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list | tuple) else ()
    for key, child in items:
        yield from components(child, f"{path}#{key}" if path else str(key))


def check_config(config: Mapping[str, Any], *, files: Mapping[str, Any] | None = None) -> None:
    """Raise the first mistake of a configuration, if there is one; the message lists all of them."""
    raise_mistakes(find_mistakes(config, files=files))


def raise_mistakes(mistakes: Sequence[InputError]) -> None:
    """Raise the first of some mistakes, if there is one; the message lists all of them."""
    if not mistakes:
        return
    first = mistakes[0]
    others = "".join(f"\n  also: {mistake}" for mistake in mistakes[1:])
    raise InputError(found=first.found, expected=first.expected, where=first.where, remedy=first.remedy + others)


def check_running_config() -> None:
    """Check the configuration of the workflow that is running: the first step of every ``run`` list.

    From here on a user's error also ends the command with its message alone.  A config's expressions cannot reach the
    parser that evaluates them, and overrides live only there; the calling frames do hold it.
    """
    show_user_errors_plainly()
    callers = list(_variables_of_callers())
    workflow = next((own["self"] for own in callers if isinstance(own.get("self"), ConfigWorkflow)), None)
    named = next((own["config_file"] for own in callers if own.get("config_file")), None)  # of monai.bundle.run
    if workflow is not None:
        files = read_config([str(file) for file in ensure_tuple(named)]) if named else None
        check_config(workflow.parser.get(), files=files)


def _variables_of_callers() -> Iterator[Mapping[str, Any]]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame.f_locals
        frame = frame.f_back


def read_config(files: list[str], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Merge configuration files as ``monai.bundle run`` does, without resolving anything.

    Raises:
        InputError: a file is missing or no valid JSON/YAML, or an overlay patches a key that is not there.
    """
    for file in files:
        try:
            ConfigParser.load_config_file(file)
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise InputError(
                found=f"{type(error).__name__} ({str(error).splitlines()[0]})",
                expected="a JSON or YAML configuration",
                where=file,
                remedy="Correct the path or the file.",
            ) from error
    parser = ConfigParser()
    try:
        parser.read_config(files)
        parser.update(dict(overrides or {}))
    except KeyError as error:
        raise InputError(
            found=f"a patch of the key {error}",
            expected="a key that an earlier file defines",
            where=", ".join(files),
            remedy="Put the base configuration first, or correct the key.",
        ) from error
    return parser.get()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``check-config`` to ``parser``."""
    parser.add_argument("files", nargs="+", help="configuration files, merged in this order")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="overrides, as for monai.bundle run")


def run(arguments: argparse.Namespace) -> None:
    """Check merged configuration files and say that they are in order, or raise."""
    overrides = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in arguments.set)}
    check_config(read_config(arguments.files, overrides))
    logger.info("%s: no mistakes found", ", ".join(arguments.files))

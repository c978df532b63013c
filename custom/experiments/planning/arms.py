"""What an experiment compares: arms, each a few overrides of the training configuration, read from a YAML file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from ...types import PHASES, InputError

HELD_OUT = "held out"
"""Name of the evaluation under no other condition than the arm's own."""


@dataclass(frozen=True)
class Arm:
    """One line of an experiment's table.

    Args:
        name: as the table shows it.
        overlays: further configuration files, by their names beside ``train.json``.
        overrides: configuration key (``a#b``) → value, for training and evaluation.
        patients: of the training part, a share (0..1, exclusive of 0) or a whole number of them; None: all.
        conditions: name → overrides under which the trained network is evaluated as well.
        timings: name → phase after contrast → seconds later (below 0: earlier) at which the held-out studies of a
            phantom are examined once more, for a condition of that name.
        class_names: what another hospital would call the classes, ``{}`` standing for the name; None: as it is.
        reported: figure → what the paper reports, as text.
    """

    name: str
    overlays: tuple[str, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    patients: float | int | None = None
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    timings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    class_names: str | None = None
    reported: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return folder_name(self.name)


@dataclass(frozen=True)
class Experiment:
    """Arms, the one that the others are compared with, and whether its curves are also judged by simple means."""

    name: str
    title: str
    compared_with: str
    arms: tuple[Arm, ...]
    curve_baselines: bool = False


def folder_name(name: str) -> str:
    """A name in lower case, fit for a folder."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def read_experiment(name: str, folder: Path) -> Experiment:
    """Read ``<folder>/<name>.yaml``, or a file of the user's own.

    Args:
        name: of a shipped experiment, or the path of a YAML file.
        folder: where the shipped ones lie.

    Raises:
        InputError: no such experiment, or a file that does not describe one.
    """
    path = Path(name) if Path(name).suffix in (".yaml", ".yml") else folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise InputError(
            found=f"no experiment {name!r}",
            expected=f"one of {known}, or a YAML file of your own",
            where="experiment",
            remedy="Correct the name.",
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise _wrong(path, f"text that is no YAML ({str(error).splitlines()[0]})", "YAML") from error
    return _experiment(content, path)


def _experiment(content: Any, path: Path) -> Experiment:
    keys = {"title", "compared_with", "arms"}
    fits = isinstance(content, dict) and set(content) - {"curve_baselines"} == keys
    if not fits or not isinstance(content["arms"], dict):
        found = f"the keys {', '.join(map(str, content))}" if isinstance(content, dict) else "no table"
        raise _wrong(path, found, f"the keys {', '.join(sorted(keys))}, with arms by their names")
    arms = tuple(_arm(str(name), values or {}, path) for name, values in content["arms"].items())
    if content["compared_with"] not in content["arms"]:
        raise _wrong(path, f"compared_with {content['compared_with']!r}", f"one of {', '.join(content['arms'])}")
    if len({arm.folder for arm in arms}) < len(arms):
        raise _wrong(path, "two arms whose names differ in signs or case only", "names that give different folders")
    baselines = bool(content.get("curve_baselines", False))
    return Experiment(path.stem, str(content["title"]), content["compared_with"], arms, baselines)


def _arm(name: str, values: Any, path: Path) -> Arm:
    known = {entry.name for entry in fields(Arm)} - {"name"}
    unknown = set(values) - known if isinstance(values, dict) else {str(values)}
    if unknown:
        raise _wrong(path, f"{', '.join(sorted(unknown))} in the arm {name}", f"keys among {', '.join(sorted(known))}")
    patients = values.get("patients")
    if patients is not None and (isinstance(patients, bool) or not isinstance(patients, int | float) or patients <= 0):
        raise _wrong(path, f"patients {patients!r} in the arm {name}", "a share or a number of patients above 0")
    delays = [delay for delays_s in values.get("timings", {}).values() for delay in delays_s.items()]
    if wrong := [f"{phase}: {s}" for phase, s in delays if phase not in PHASES[1:] or not isinstance(s, int | float)]:
        raise _wrong(path, f"the timing {wrong[0]} in the arm {name}", f"seconds for {', '.join(PHASES[1:])}")
    if "{}" not in str(values.get("class_names", "{}")):
        raise _wrong(path, f"class_names {values['class_names']!r} in the arm {name}", "a text with {} for the name")
    reported = {figure: str(value) for figure, value in values.get("reported", {}).items()}
    return Arm(name, **{**values, "overlays": tuple(values.get("overlays", ())), "reported": reported})


def _wrong(path: Path, found: str, expected: str) -> InputError:
    return InputError(found=found, expected=expected, where=path.name, remedy="Correct the file.")

"""The project's vocabulary: phases, classes, batch keys, and the one error that a user ever sees.

Shape legend, used by every file:

    B batch   P phases (4)   C channels   K classes   H W in-plane pixels   D slices   X Y Z voxels of a native grid
"""

from __future__ import annotations

from typing import Final

PHASES: Final = ("pre", "arterial", "portal_venous", "delayed")
"""The four dynamic phases in acquisition order; the channel order of every image tensor."""

REFERENCE_PHASE: Final = "portal_venous"
"""The phase whose grid the others are brought to, unless the user names another."""

REGISTRATIONS: Final = ("auto", "none", "translation", "rigid", "deformable")
"""How the phases' breath-holds are brought together; ``auto``: by translation what comes as DICOM, else not."""

DEFAULT_CLASSES: Final = ("hemangioma", "HCC")
"""Lesion classes in head order: class ``k`` is value ``k + 1`` in a label map."""

COMMAND: Final = f"python -m {__name__.split('.')[0]}"
"""How this package's commands are called: by the package's name, which is another one in a shared bundle."""

TRAINING: Final = (
    "python -m monai.bundle run training --config_file "
    f"{'bundle/' if COMMAND.endswith('custom') else ''}configs/train.json"
)
"""How training is called from the project's folder, or from that of a shared bundle."""

UNKNOWN_CLASS: Final = -1
"""Class index of a slice or study whose lesion class is unknown or mixed; the classification loss skips it."""


class InputError(ValueError):
    """Input that cannot be used as it is: says what was found, what was expected, where, and what to do.

    Args:
        found: what the file, folder or setting holds, e.g. ``"two portal venous volumes"``.
        expected: what it should hold, e.g. ``"one volume for each phase"``.
        where: file, folder or configuration key, as the user named it (never a patient identifier).
        remedy: one imperative sentence, e.g. ``"Name one of them in a phase map (--phase_map)."``.
    """

    def __init__(self, *, found: str, expected: str, where: str, remedy: str) -> None:
        self.found, self.expected, self.where, self.remedy = found, expected, str(where), remedy
        super().__init__(f"{self.where}: found {found}; expected {expected}. {remedy}")

    def __reduce__(self):  # keyword-only arguments do not survive the default pickling between worker processes
        return _rebuild_input_error, (self.found, self.expected, self.where, self.remedy)


def quoted(path: object) -> str:
    """A path as it is typed in a command, in quotation marks where it needs them."""
    text = str(path)
    return text if all(c.isalnum() or c in "/\\:._-" for c in text) else f'"{text}"'


def _rebuild_input_error(found: str, expected: str, where: str, remedy: str) -> InputError:
    return InputError(found=found, expected=expected, where=where, remedy=remedy)

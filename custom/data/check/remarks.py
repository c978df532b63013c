"""A study's flags in words, and what to do about each."""

from __future__ import annotations

_PHASE_MAP = "name the phases in a phase map (--phase_map)"
_LOOK = f"Look at the phases; if they are wrong, {_PHASE_MAP}."

REMARKS: dict[str, tuple[str, str]] = {
    "missing_phase": (
        "no {} phase",
        f"Add it, or {_PHASE_MAP} when it is there under another name; the network masks out what is missing.",
    ),
    "orientation_unknown": (
        "the {} phase states no orientation: its axes are assumed",
        "Convert it again from its source, with its geometry.",
    ),
    "geometry_contradictory": (
        "the header of the {} phase places its voxels in two ways",
        "Check which is right, and save the file with one geometry.",
    ),
    "label_grid_differs": (
        "the tumour mask lies on another grid than the reference phase",
        "Check that they overlay each other; the mask is brought there by nearest neighbour.",
    ),
    "mask_set_aside": (
        "a file that looks like a mask was not taken, because it is not clear which is meant or what it holds",
        "Name the mask in the entry ('label', 'labels', 'liver'), or in the table for prepare.",
    ),
    "phase_order_from_descriptions": (
        "no usable acquisition times: the descriptions gave the order of the phases",
        _LOOK,
    ),
    "phase_order_from_acquisition_order": (
        "no usable acquisition times or descriptions: series numbers gave the order of the phases",
        _LOOK,
    ),
    "phases_picked_from": ("the phases were picked from {} volumes, by time", _LOOK),
    "phase_choice_uncertain": (
        "another naming of the phases is nearly as good, or a phase looks earlier or later than it should",
        _LOOK,
    ),
    "phase_evidence_against": ("the {} speaks against the naming of the phases", _LOOK),
    "gadoxetate": (
        "the contrast agent is gadoxetate: its 3-minute phase is no delayed phase",
        "Leave such studies out, or keep them apart: none was learnt from.",
    ),
    "scaling_differs": (
        "the phases are scaled differently and the headers do not tell how",
        "Export them with their scaling; curves across these phases are not reliable.",
    ),
    "sheared_stack": ("slices are stacked off their normal", "Check that the series was not re-sliced."),
    "same_series_set_aside": (
        "files of a phase's own series were set aside",
        "Check that the export of the series is complete.",
    ),
    "unread_files": (
        "files of unknown kind beside the images",
        "Check that no slice is among them, and remove them.",
    ),
    "time_points_fewer_than_declared": (
        "the series declares more time points than there are files for",
        "Check that the export is complete.",
    ),
    "time_points_from_instance_numbers": ("only InstanceNumber tells the time points apart", _LOOK),
}
"""Name of a flag → finding (with a place for what stands behind the colon) and remedy."""


def in_words(flag: str) -> tuple[str, str]:
    """Finding and remedy of a flag such as ``"missing_phase:delayed"``."""
    name, _, value = flag.partition(":")
    finding, remedy = REMARKS.get(name, (f"flag {flag}", "See the table of flags in bundle/docs/data.md."))
    return finding.format(value), remedy

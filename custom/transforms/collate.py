"""Batches of whole studies, whose descriptions stay as they are."""

from __future__ import annotations

from monai.data.utils import list_data_collate


class StudyList(list):
    """The ``study`` dicts of a batch, one for each item.

    Collating and decollating nested dicts with lists and nulls takes them apart (and fails on the nulls). ``ndim`` and
    ``item`` make MONAI's ``decollate_batch`` hand each item its own dict, whole.
    """

    ndim = 0

    def item(self) -> list[dict]:
        return list(self)


def collate_studies(items: list[dict]) -> dict:
    """MONAI's ``list_data_collate``, with ``study`` kept as a list of plain dicts.

    Args:
        items: studies of one shape (usually one study).

    Returns:
        The batch; ``batch["study"][i]`` is the dict of item ``i``, before and after ``decollate_batch``.
    """
    batch = list_data_collate([{k: v for k, v in item.items() if k != "study"} for item in items])
    if "study" in items[0]:
        batch["study"] = StudyList(item["study"] for item in items)
    return batch

"""What the engines hand to the network."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor, list_data_collate

from custom.engines import PrepareSlices, PrepareStudy


def test_slices_become_plain_tensors_with_targets_and_the_phase_mask_as_keyword(toys):
    batch = list_data_collate(toys.make_slices(3))
    batch["image"] = MetaTensor(batch["image"])
    image, targets, args, kwargs = PrepareSlices()(batch, "cpu", False)
    assert type(image) is torch.Tensor
    assert image.shape == (3, 4, 8, 8)
    assert set(targets) == {"image", "label", "enhancement", "lesion_class", "has_tumour", "phase_mask"}
    assert all(type(value) is torch.Tensor for value in targets.values())
    assert args == ()
    assert kwargs["phase_mask"] is targets["phase_mask"]
    assert targets["lesion_class"].tolist() == [0, 1, -1]


def test_a_missing_target_is_named(toys):
    batch = list_data_collate(toys.make_slices(2))
    del batch["enhancement"]
    with pytest.raises(KeyError, match="enhancement"):
        PrepareSlices()(batch, "cpu")


def test_a_study_keeps_its_affine_and_may_lack_a_label(study):
    batch = {key: study()[key][None] for key in ("image", "label", "phase_mask")}
    image, label, _, kwargs = PrepareStudy()(batch, "cpu", False)
    assert image.affine[2, 2] == 5.0
    assert label.shape == (1, 1, 10, 8, 5)
    assert kwargs["phase_mask"].tolist() == [[True] * 4]
    del batch["label"]
    assert PrepareStudy()(batch, "cpu", False)[1] is None

import pickle

import torch
from monai.data import DataLoader, MetaTensor, decollate_batch

from custom.transforms import collate_studies


def study(case, flags):
    return {
        "image": MetaTensor(torch.rand(4, 5, 4, 3), affine=torch.eye(4).double(), meta={"spatial_shape": [5, 4, 3]}),
        "phase_mask": torch.tensor([True, True, False, True]),
        "scale": 321.5,
        "lesion_class": -1,
        "study": {
            "case": case,
            "phases": {"pre": {"source": "pre.nii.gz", "time_s": None, "evidence": {"scores": [0.5, None]}}},
            "flags": flags,
            "set_aside": [],
        },
    }


def test_description_survives_the_batch():
    items = [study("a", []), study("b", ["missing_phase:delayed", "gadoxetate"])]
    batch = collate_studies(items)
    assert batch["image"].shape == (2, 4, 5, 4, 3)
    assert batch["study"][1] == items[1]["study"]
    for item, back in zip(items, decollate_batch(batch), strict=True):
        assert back["study"] == item["study"]
        assert type(back["study"]) is dict
        assert back["scale"] == 321.5
        assert back["lesion_class"] == -1
        torch.testing.assert_close(back["image"].as_tensor(), item["image"].as_tensor())


def test_one_study_through_monais_loader():
    item = study("a", ["x"])
    batch = next(iter(DataLoader([item], batch_size=1, collate_fn=collate_studies)))
    batch = pickle.loads(pickle.dumps(batch))  # as between worker processes
    assert decollate_batch(batch)[0]["study"] == item["study"]


def test_items_without_a_description():
    assert "study" not in collate_studies([{"image": torch.ones(1)}])

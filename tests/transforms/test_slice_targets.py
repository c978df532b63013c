import pytest
import torch

from custom.transforms import SliceTargetsd
from custom.types import UNKNOWN_CLASS


def targets(values, class_values=True):
    label = torch.zeros(1, 6, 5, dtype=torch.uint8)
    for n, value in enumerate(values):
        label[0, n, 1:3] = value
    item = {"image": torch.rand(4, 6, 5), "label": label, "lesion_class": 1, "class_values": class_values}
    return SliceTargetsd(classes=["hemangioma", "HCC"])(item)


@pytest.mark.parametrize(
    ("values", "class_values", "lesion_class"),
    [
        ([], True, UNKNOWN_CLASS),
        ([1], True, 0),
        ([2, 2], True, 1),
        ([1, 2], True, UNKNOWN_CLASS),
        ([1], False, UNKNOWN_CLASS),
    ],
)
def test_class_of_a_slice(values, class_values, lesion_class):
    out = targets(values, class_values)
    assert out["lesion_class"].dtype == torch.int64
    assert int(out["lesion_class"]) == lesion_class
    assert bool(out["has_tumour"]) == bool(values)
    assert out["has_tumour"].dtype == torch.bool
    assert out["label"].dtype == torch.float32
    assert out["label"].sum() == 2 * len(values)
    assert set(out["label"].unique().tolist()) <= {0.0, 1.0}
    assert "class_values" not in out

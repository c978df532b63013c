import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from custom.transforms import RandSlicesd
from custom.types import InputError


def study(tumour_slices=(2, 3), depth=10):
    image = torch.arange(depth).float().expand(4, 6, 5, depth) + 100 * torch.arange(4).view(4, 1, 1, 1)
    label = torch.zeros(1, 6, 5, depth, dtype=torch.uint8)
    label[:, 1:3, 2, list(tumour_slices)] = 2
    return {
        "image": MetaTensor(image.clone()),
        "label": MetaTensor(label),
        "phase_mask": torch.ones(4, dtype=torch.bool),
        "lesion_class": 1,
        "class_values": True,
        "study": {"case": "case-01", "flags": []},
        "scale": 2.0,
    }


def slice_numbers(items):
    return [int(i["image"][0, 0, 0]) for i in items]


def test_slices_are_those_of_the_study():
    data = study()
    items = RandSlicesd(num_samples=5, tumour_fraction=0.4)(data)
    assert len(items) == 5
    for item, d in zip(items, slice_numbers(items), strict=True):
        assert type(item["image"]) is torch.Tensor
        torch.testing.assert_close(item["image"], data["image"].as_tensor()[..., d])
        torch.testing.assert_close(item["label"], data["label"].as_tensor()[..., d])
        assert "study" not in item
        assert item["image"].is_contiguous()


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.6, 1.0])
def test_the_share_of_tumour_slices(fraction):
    transform = RandSlicesd(num_samples=4, tumour_fraction=fraction)
    transform.set_random_state(seed=0)
    shown = [bool(i["label"].any()) for _ in range(150) for i in transform(study())]
    assert sum(shown) / len(shown) == pytest.approx(fraction, abs=0.03)


def test_studies_without_tumour_or_without_healthy_slices():
    assert not any(i["label"].any() for i in RandSlicesd(num_samples=4, tumour_fraction=1.0)(study(())))
    items = RandSlicesd(num_samples=4, tumour_fraction=0.0)(study(range(10)))
    assert all(i["label"].any() for i in items)


def test_no_slice_twice_while_there_are_enough():
    numbers = slice_numbers(RandSlicesd(num_samples=8, tumour_fraction=0.0)(study()))
    assert len(set(numbers)) == 8
    assert len(RandSlicesd(num_samples=25, tumour_fraction=0.5)(study())) == 25


def test_same_seed_same_slices():
    def draw(seed):
        return slice_numbers(Compose([RandSlicesd(num_samples=6)]).set_random_state(seed=seed)(study(depth=40)))

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_unlabelled_study_is_not_taken_for_healthy():
    data = study()
    del data["label"]
    with pytest.raises(InputError, match="case-01: found no tumour mask"):
        RandSlicesd()(data)


def test_arguments():
    with pytest.raises(InputError, match=r"tumour_fraction=1\.5"):
        RandSlicesd(tumour_fraction=1.5)


def test_a_phase_that_does_not_reach_a_slice_or_cover_its_tumour_is_absent_there():
    data = study(tumour_slices=(2, 3, 4))
    data["image"] += 1
    data["image"][0, ..., 4:] = 0  # a slab that ends
    data["image"][3, :2, :, 2] = 0  # half of the tumour of slice 2
    mask = {4: [False, True, True, True], 2: [True, True, True, False], 3: [True] * 4, 9: [False, True, True, True]}
    items = RandSlicesd(num_samples=40)(data)
    found = {int(item["image"][1, 0, 0]) - 101: item["phase_mask"].tolist() for item in items}
    assert {d: found[d] for d in mask} == mask
    assert data["phase_mask"].all()

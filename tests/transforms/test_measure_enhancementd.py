import torch

from custom.transforms import MeasureEnhancementd


def slice_item():
    generator = torch.Generator().manual_seed(5)
    label = torch.zeros(1, 7, 6)
    label[0, 2:5, 3] = 1
    return {"image": torch.rand(4, 7, 6, generator=generator), "label": label}


def test_mean_under_the_mask():
    item = slice_item()
    out = MeasureEnhancementd()(item)
    torch.testing.assert_close(out["enhancement"], item["image"][:, 2:5, 3].mean(dim=1))


def test_target_follows_the_image():
    item = slice_item()
    once = MeasureEnhancementd()(item)["enhancement"]
    item["image"] = item["image"] * 1.25 + 0.5
    torch.testing.assert_close(MeasureEnhancementd()(item)["enhancement"], once * 1.25 + 0.5)


def test_phase_with_its_own_mask():
    item = slice_item()
    item["phase_label"] = (item["label"] > 0).to(torch.uint8).repeat(4, 1, 1)
    item["phase_label"][1] = 0
    item["phase_label"][1, 0, 1:4] = 1
    item["phase_label"][3] = 0  # not drawn on this slice: the common mask stands in
    out = MeasureEnhancementd()(item)
    common = item["image"][:, 2:5, 3].mean(dim=1)
    torch.testing.assert_close(out["enhancement"][[0, 2, 3]], common[[0, 2, 3]])
    torch.testing.assert_close(out["enhancement"][1], item["image"][1, 0, 1:4].mean())
    assert "phase_label" not in out


def test_no_tumour_is_zero():
    item = slice_item()
    item["label"] = torch.zeros(1, 7, 6)
    assert MeasureEnhancementd()(item)["enhancement"].tolist() == [0, 0, 0, 0]

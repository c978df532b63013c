import torch

from custom.enhancement import measure_enhancement
from custom.networks.heads import ClassificationHead, RegressionHead, mean_over_present, pool_under_mask


def test_pooling_under_a_mask_is_the_masked_mean():
    generator = torch.Generator().manual_seed(0)
    image, mask = torch.rand(2, 4, 8, 12, generator=generator), torch.zeros(2, 1, 8, 12)
    mask[0, :, 2:5, 3:9], mask[1, :, 1:, :2] = 1.0, 0.5
    pooled = pool_under_mask(image[:, :, None], mask)
    torch.testing.assert_close(pooled[..., 0], measure_enhancement(mask, image), rtol=1e-3, atol=1e-3)


def test_pooling_averages_the_mask_to_the_grid():
    features, mask = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(1, 4, 5, 2, 2), torch.zeros(1, 1, 8, 8)
    mask[..., :4, :2] = 1.0  # half of the first cell
    mask[..., 4:, 4:] = 1.0  # all of the last
    expected = torch.full((1, 4, 5), (0.5 * 1 + 1.0 * 4) / 1.5)
    torch.testing.assert_close(pool_under_mask(features, mask), expected, rtol=1e-3, atol=0)


def test_pooling_under_an_empty_mask_is_the_plain_mean():
    features = torch.rand(2, 4, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(pool_under_mask(features, torch.zeros(2, 1, 64, 64)), features.mean((3, 4)))


def test_mean_over_present():
    values = torch.tensor([[[1.0], [2.0], [3.0], [10.0]]])
    mask = torch.tensor([[True, False, True, False]])
    assert mean_over_present(values, mask).item() == 2.0
    assert mean_over_present(values, None).item() == 4.0
    assert mean_over_present(values, mask & False).item() == 0.0


def classification_head(pool):
    torch.manual_seed(0)
    return ClassificationHead(pool=pool, phases=4, widths=(1, 2, 3, 5), dim=6, num_classes=3)


def test_classification_is_linear_on_the_mean_of_normalised_tokens():
    head, tokens = classification_head("mean"), torch.randn(2, 4, 5, 6)
    mean = torch.nn.functional.layer_norm(tokens, (6,)).mean((1, 2))
    torch.testing.assert_close(head(tokens, [], (2, 3), None), head.linear(mean))


def test_classification_averages_over_the_present_phases_only():
    head, tokens = classification_head("mean"), torch.randn(1, 4, 5, 6)
    mask = torch.tensor([[True, False, True, True]])
    expected = head(tokens[:, [0, 2, 3]], [], (2, 3), None)
    torch.testing.assert_close(head(tokens, [], (2, 3), None, mask), expected)


def test_classification_under_the_mask_compares_phases_side_by_side():
    head, tokens, mask = classification_head("mask"), torch.randn(2, 4, 5, 6), torch.rand(2, 1, 32, 48)
    maps = [torch.rand(2, 4, width, 16 >> k, 24 >> k) for k, width in enumerate((1, 2, 3, 5))]
    pooled = [pool_under_mask(tokens.unflatten(3, (2, 3)), mask), *(pool_under_mask(scale, mask) for scale in maps)]
    features = torch.cat(pooled, -1)  # (B, P, F)
    torch.testing.assert_close(head(tokens, maps, (2, 3), mask), head.linear(features.flatten(1)))
    present = torch.tensor([[True, False, True, True]]).expand(2, 4)
    features[:, 1] = 0.0
    torch.testing.assert_close(head(tokens, maps, (2, 3), mask, present), head.linear(features.flatten(1)))


def test_regression_keeps_amplitude():
    """Twice the features, twice the curve (less its bias): nothing on the path normalises."""
    torch.manual_seed(0)
    tokens, mask = torch.randn(2, 4, 3, 4), torch.rand(2, 1, 32, 32)
    maps = [torch.rand(2, 4, 3, size, size) for size in (16, 8, 4, 2)]
    for pool in ("mask", "mean", "flatten"):
        head = RegressionHead(pool=pool, scales="all", phases=4, widths=(3, 3, 3, 3), dim=4)
        torch.nn.init.zeros_(head.linear.bias)
        once = head(tokens, maps, (2, 2), mask)
        twice = head(2 * tokens, [2 * m for m in maps], (2, 2), mask)
        assert once.shape == (2, 4)
        torch.testing.assert_close(twice, 2 * once)


def test_flatten_is_one_linear_layer_over_all_tokens():
    torch.manual_seed(0)
    head, tokens = (
        RegressionHead(pool="flatten", scales="last", phases=4, widths=(1, 1, 1, 3), dim=4),
        torch.randn(2, 4, 3, 4),
    )
    torch.testing.assert_close(head(tokens, [], (2, 2), None), head.linear(tokens.flatten(1) / 48**0.5))

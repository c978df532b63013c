"""FedAvg: the mean of the sites' weights, in which each site counts as often as it has training studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

Weights = Mapping[str, torch.Tensor]


def federated_average(updates: Sequence[tuple[Weights, int]]) -> dict[str, torch.Tensor]:
    """``w = sum_i n_i w_i / sum_i n_i`` (McMahan et al., AISTATS 2017), for parameters and buffers alike.

    Sums are taken in float64 with whole counts, so that equal float32 weights average to the very same bits. Batch
    norm's running means and variances are averaged like parameters: the result works without any site's statistics.

    Args:
        updates: state_dict and number of training studies of each site, at least one.

    Returns:
        New tensors under the same names, of the same types; whole numbers, such as batch counters, are rounded half up.
    """
    names, total = updates[0][0].keys(), sum(count for _, count in updates)
    assert total > 0
    assert all(weights.keys() == names for weights, _ in updates)
    return {name: _mean([(weights[name], count) for weights, count in updates], total) for name in names}


def _mean(values: list[tuple[torch.Tensor, int]], total: int) -> torch.Tensor:
    first = values[0][0]
    assert all(value.shape == first.shape and value.dtype == first.dtype for value, _ in values)
    if first.is_floating_point():
        weighted = torch.stack([value.double() * count for value, count in values]).sum(0)
        return (weighted / total).to(first.dtype)
    twice = torch.stack([value.long() * (2 * count) for value, count in values]).sum(0)
    return torch.div(twice + total, 2 * total, rounding_mode="floor").to(first.dtype)

"""Federated averaging: exact, by numbers of studies, of the types that came in."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from custom.federated import federated_average

COUNTS = st.lists(st.integers(1, 5000), min_size=1, max_size=5)
FLOATS = st.floats(-1e6, 1e6, width=32)


@given(counts=COUNTS, value=FLOATS)
def test_sites_that_agree_keep_the_very_bits(counts, value):
    tensor = torch.tensor([value, -0.0, 1 / 3], dtype=torch.float32)
    mean = federated_average([({"w": tensor}, count) for count in counts])["w"]
    assert torch.equal(mean, tensor)


@given(data=st.data(), counts=COUNTS)
def test_it_is_the_weighted_mean_rounded_once(data, counts):
    values = [np.float32(data.draw(FLOATS)) for _ in counts]
    mean = federated_average([({"w": torch.tensor(v)}, n) for v, n in zip(values, counts, strict=True)])["w"]
    exact = sum(Fraction(float(v)) * n for v, n in zip(values, counts, strict=True)) / sum(counts)
    one_step = np.spacing(max(np.abs(values))) + np.finfo(np.float32).tiny
    assert abs(float(mean) - float(exact)) <= one_step / 2 * 1.0001


@given(data=st.data(), counts=COUNTS)
def test_whole_numbers_are_exact_and_rounded_half_up(data, counts):
    values = [data.draw(st.integers(-(2**40), 2**40)) for _ in counts]
    mean = federated_average([({"n": torch.tensor(v)}, n) for v, n in zip(values, counts, strict=True)])["n"]
    exact = Fraction(sum(v * n for v, n in zip(values, counts, strict=True)), sum(counts))
    assert mean.item() == (exact + Fraction(1, 2)).__floor__()


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32, torch.int64]
)
def test_types_stay(dtype):
    updates = [({"w": torch.tensor([[1, 2]], dtype=dtype)}, 1), ({"w": torch.tensor([[4, 8]], dtype=dtype)}, 2)]
    mean = federated_average(updates)["w"]
    assert mean.dtype == dtype
    assert mean.tolist() == [[3, 6]]


def test_a_site_counts_as_often_as_it_has_studies():
    twice = federated_average([({"w": torch.tensor([0.0, 3.0])}, 1), ({"w": torch.tensor([3.0, 0.0])}, 2)])["w"]
    apart = federated_average([({"w": torch.tensor(v)}, 1) for v in ([0.0, 3.0], [3.0, 0.0], [3.0, 0.0])])["w"]
    assert torch.equal(twice, apart)
    assert twice.tolist() == [2.0, 1.0]


def test_the_result_shares_no_memory_with_what_came_in():
    tensor = torch.ones(3)
    mean = federated_average([({"w": tensor}, 1)])["w"]
    tensor.zero_()
    assert mean.tolist() == [1, 1, 1]


def test_other_tensors_are_not_averaged():
    with pytest.raises(AssertionError):
        federated_average([({"w": torch.ones(2)}, 1), ({"v": torch.ones(2)}, 1)])
    with pytest.raises(AssertionError):
        federated_average([({"w": torch.ones(2)}, 1), ({"w": torch.ones(3)}, 1)])

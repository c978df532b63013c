"""Values that cannot be are named before anything is built, each with its range or its choices."""

import pytest

from custom.config_check import check_config, read_config
from custom.config_ranges import RANGES, Range, values_out_of_range
from custom.types import InputError

TRAIN = "bundle/configs/train.json"
WRONG = {
    "epochs": [0, -1, 2.5, "ten", None, True, float("nan")],
    "learning_rate": [0, -1e-3, float("inf"), "1e-3", None],
    "studies_per_batch": [0, 1.5],
    "num_workers": [-1],
    "steps_per_epoch": [0, 2.5],
    "tumour_fraction": [-0.1, 1.01],
    "threshold": [0, 1],
    "spacing_mm": [0, -2.5, float("nan")],
    "memory_budget_gb": [0],
    "roi_size": [[0, 96], [112.5, 96], 0],
    "loss_weights": [{"seg": -1.0}],
    "seed": [-1, 2**32],
    "registration": ["affine", "Rigid", None, True, 3],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_a_value_out_of_range_is_an_error_that_names_key_and_range(key, value):
    (mistake,) = values_out_of_range({"device": "cpu", key: value})
    assert mistake.where.startswith(f"configuration key '{key}")
    assert mistake.expected == str(RANGES[key])
    assert f"(--{key}" in mistake.remedy


def test_expressions_references_and_sensible_values_pass():
    config = {"epochs": "$2 * 30", "spacing_mm": "@pixel", "num_workers": 0, "seed": 2**31, "roi_size": [112, 96]}
    config |= {"registration": "rigid"}
    assert not list(values_out_of_range(config))


def test_every_range_belongs_to_a_key_of_the_training_configuration():
    assert set(RANGES) <= set(read_config([TRAIN]))


@pytest.mark.parametrize("config", ["train.json", "inference.json"])
def test_a_choice_may_be_the_word_none(config):
    """Elsewhere the text "none" is what the command line makes of a forgotten capital letter."""
    merged = read_config([f"bundle/configs/{config}"], {"registration": "none"})
    check_config(merged)
    with pytest.raises(InputError, match="'phase_map': found the text 'none'"):
        check_config({**merged, "phase_map": "none"})


def test_a_range_says_what_it_is():
    assert str(Range(int, 1)) == "a whole number of at least 1"
    assert str(RANGES["registration"]) == "one of auto, none, translation, rigid, deformable"
    assert str(Range(float, 0, 1, open_low=True, open_high=True)) == "a number above 0 and below 1"


def test_the_first_mistake_carries_the_others():
    with pytest.raises(InputError, match=r"'epochs': found 0; .*\n  also: configuration key 'learning_rate': found -1"):
        check_config(read_config([TRAIN], {"epochs": 0, "learning_rate": -1}))

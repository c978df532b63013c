"""Spelling mistakes in configurations are found, named, and answered with a suggestion."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from monai.bundle import run

from custom.config_check import check_config, find_mistakes, read_config
from custom.types import InputError

CONFIGS = Path(__file__).resolve().parents[1] / "bundle" / "configs"
WORKFLOWS = [
    ["train.json"],
    ["train.json", "evaluate.json"],
    ["train.json", "multi_gpu_train.json"],
    ["train.json", "paper.yaml"],
    ["train.json", "fine.yaml"],
    ["inference.json"],
]


@pytest.mark.parametrize("files", WORKFLOWS, ids="+".join)
def test_shipped_configurations_hold_no_mistakes(files):
    assert find_mistakes(read_config([str(CONFIGS / name) for name in files])) == []


@pytest.mark.parametrize("files", WORKFLOWS[:4], ids="+".join)
def test_the_discriminator_is_switched_off_by_one_key(files):
    config = read_config([str(CONFIGS / name) for name in files], {"adversarial": False})
    assert find_mistakes(config) == []


def test_a_misspelt_top_level_key_is_named_with_a_suggestion():
    config = read_config([str(CONFIGS / "train.json")], {"epoch": 3})
    with pytest.raises(InputError, match=r"top-level key 'epoch'.*Did you mean 'epochs'"):
        check_config(config)


def test_a_misspelt_constructor_argument_is_named_with_a_suggestion():
    config = read_config([str(CONFIGS / "train.json")], {"network_def#fusoin": "concat"})
    with pytest.raises(InputError, match=r"'network_def'.*argument 'fusoin'.*Did you mean 'fusion'"):
        check_config(config)


def test_a_misspelt_argument_of_our_engines_is_named_though_they_pass_arguments_on():
    config = read_config([str(CONFIGS / "train.json")], {"train#trainer#max_epoch": 3})
    with pytest.raises(InputError, match=r"'train#trainer'.*argument 'max_epoch'.*Did you mean 'max_epochs'"):
        check_config(config)


def test_a_misspelt_key_inside_train_or_validate_is_named():
    for key, meant in (("train#handler", "handlers"), ("validate#preprocesing", "preprocessing")):
        config = read_config([str(CONFIGS / "train.json")], {key: []})
        with pytest.raises(InputError, match=rf"'{key}'.*Did you mean '{meant}'"):
            check_config(config)


def test_arguments_of_monai_short_names_are_checked_too():
    config = {"run": ["$@dataset"], "dataset": {"_target_": "DataLoader", "dataset": [], "batchsize": 2}}
    assert find_mistakes(config) == []  # DataLoader takes any keyword: nothing can be said
    config = {"run": ["$@post"], "post": {"_target_": "Activationsd", "keys": "pred", "sigmod": True, "sigmoid": True}}
    assert find_mistakes(config) == []  # dictionary transforms take any keyword as well
    config = {"run": ["$@scale"], "scale": {"_target_": "ScaleIntensity", "minf": 0}}
    assert "Did you mean 'minv'" in str(find_mistakes(config)[0])


def test_truth_values_given_as_text_are_found():
    mistakes = find_mistakes(read_config([str(CONFIGS / "train.json")], {"amp": "false"}))
    assert "'amp': found the text 'false'" in str(mistakes[0])
    assert "write False" in str(mistakes[0])


def test_own_helper_keys_are_allowed():
    assert find_mistakes({"run": [], "x_note": "mine"}) == []


def test_what_an_override_leaves_without_a_use_is_no_mistake_and_a_misspelt_override_is_one(tmp_path):
    """MONAI Label overrides what holds the only reference to a key."""
    check = {"_target_": "custom.config_check.check_running_config"}
    config = {"epochs": 3, "trainer": {"max_epochs": "@epochs"}, "run": [check, "$@trainer"]}
    (tmp_path / "train.json").write_text(json.dumps(config), "utf-8")
    run(run_id="run", config_file=str(tmp_path / "train.json"), **{"trainer#max_epochs": 2})
    with pytest.raises(RuntimeError) as raised:
        run(run_id="run", config_file=str(tmp_path / "train.json"), epocs=2)
    assert "top-level key 'epocs'" in str(raised.value.__cause__)


@pytest.mark.parametrize(("text", "match"), [("{", "JSONDecodeError"), (None, "FileNotFoundError")])
def test_an_unreadable_file_is_a_clear_error(tmp_path, text, match):
    file = tmp_path / "broken.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=match):
        read_config([str(file)])


def test_the_command_says_what_is_wrong_and_exits_with_2(tmp_path):
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"run": ["$@trainer"], "trainer": 1, "trainr": 2}))
    command = [sys.executable, "-m", "custom", "check-config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CONFIGS.parents[1])
    assert done.returncode == 2
    assert "'trainr'" in done.stderr
    assert "Did you mean 'trainer'" in done.stderr
    assert "Traceback" not in done.stderr

"""The shipped experiments are small overlays of a configuration that knows every key they name."""

from __future__ import annotations

import re

import pytest

from custom.config_check import find_mistakes, read_config
from custom.experiments.planning.arms import read_experiment
from custom.experiments.planning.settings import CONFIGS, EXPERIMENTS, Budget, Settings
from custom.experiments.tables.figures import FIGURES
from custom.types import InputError

SHIPPED = sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_arm_of_a_shipped_experiment_is_a_configuration_without_mistakes(name):
    for arm in read_experiment(name, EXPERIMENTS).arms:
        settings = Settings().with_overlay(arm.overlays, arm.overrides)
        config = read_config([str(file) for file in settings.files], settings.overrides)
        assert find_mistakes(config) == [], arm.name
        for condition, overrides in arm.conditions.items():
            files = [*map(str, settings.files), str(CONFIGS / "evaluate.json")]
            evaluated = read_config(files, {**settings.overrides, **overrides})
            assert find_mistakes(evaluated) == [], f"{arm.name}, {condition}"


@pytest.mark.parametrize("name", SHIPPED)
def test_what_the_paper_reports_stands_beside_a_figure_of_ours(name):
    for arm in read_experiment(name, EXPERIMENTS).arms:
        assert set(arm.reported) <= {figure.key for figure in FIGURES}
        assert all(re.match(r"\d+(\.\d+)?( ± \d+(\.\d+)?)?( %)?$", text) for text in arm.reported.values())


def test_the_ablation_takes_away_what_the_paper_takes_away():
    arms = {arm.name: dict(arm.overrides) for arm in read_experiment("ablation", EXPERIMENTS).arms}
    assert arms == {
        "MTI-Net": {},
        "No MdIEF": {"network_def#fusion": "concat"},
        "No Spe": {"network_def#fusion": "spatial"},
        "No Spa": {"network_def#fusion": "spectral"},
        "No TIM": {"loss_weights#tim": 0.0},
        "No TDD": {"adversarial": False},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: x", "the keys title"),
        ("title: x\ncompared_with: B\narms: {A: {}}", "compared_with 'B'"),
        ("title: x\ncompared_with: A\narms: {A: {override: {}}}", "override in the arm A"),
        ("title: x\ncompared_with: A+B\narms: {A+B: {}, a b: {}}", "signs or case only"),
        ("title: x\ncompared_with: A\narms: {A: {patients: 0}}", "patients 0"),
        ("a: [", "no YAML"),
    ],
)
def test_a_file_of_ones_own_that_is_wrong_says_what(tmp_path, text, said):
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(said)):
        read_experiment(str(path), EXPERIMENTS)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(InputError, match="ablation, comparison, crossval"):
        read_experiment("ablations", EXPERIMENTS)


def test_a_budget_is_whole_epochs_of_the_configurations_number():
    settings = Settings(overrides={"epochs": 10, "studies_per_batch": 4})
    assert Budget.of(settings, steps=95, studies=9) == Budget(10, 10)
    assert Budget.of(settings, steps=3, studies=9) == Budget(3, 1)
    assert Budget.of(settings, steps=None, studies=9) == Budget(10, 3)
    with pytest.raises(InputError, match="0 steps"):
        Budget.of(settings, steps=0, studies=9)


def test_a_misspelt_override_of_an_arm_is_found_before_anything_runs():
    with pytest.raises(InputError, match="Did you mean 'loss_weights'"):
        Settings().with_overlay((), {"loss_weight": 1}).value("epochs")

"""A killed experiment goes on where it was; what is finished is never done again."""

from __future__ import annotations

import pytest

from custom.experiments.files import read_json, write_json
from custom.experiments.manifest import MANIFEST
from custom.experiments.planning.plan import TASK, plan_runs, prepare_folders
from custom.experiments.planning.settings import Settings
from custom.experiments.running import schedule
from custom.experiments.running.schedule import slots, work_off
from custom.types import InputError


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(schedule, "POLL_S", 0.0)


@pytest.fixture
def plan(experiment, datalist, tmp_path):
    def planned(**changes):
        how = {"settings": Settings(), "folds": 2, "seeds": 1, "steps": 10} | changes
        return plan_runs(experiment, datalist=datalist, output=tmp_path / "out", **how)

    return planned


class Done:
    """A process that has ended."""

    def poll(self) -> int:
        return 0


class Pretended:
    """Runs that write their manifest at once, and one that ends the experiment or fails."""

    def __init__(self, *, stop_at=None, fail_at=None):
        self.stop_at, self.fail_at, self.names = stop_at, fail_at, []

    def __call__(self, run, environment):
        self.names.append(run.name)
        if len(self.names) == self.stop_at:
            raise KeyboardInterrupt
        if len(self.names) == self.fail_at:
            (run.folder / schedule.LOG).write_text("error: out of luck\n", encoding="utf-8")
        else:
            write_json(run.folder / MANIFEST, {})
        return Done()


def test_every_arm_comes_once_before_any_comes_twice(plan):
    names = [run.name for run in plan(seeds=2)]
    assert names[:2] == ["Full, fold 0, seed 0", "No TIM, fold 0, seed 0"]
    assert names[-1] == "No TIM, fold 1, seed 1"
    assert len(set(names)) == 8


def test_all_arms_and_folds_have_the_same_budget_and_an_arm_changes_only_its_own_key(plan):
    full, no_tim = plan()[:2]
    assert full.task["budget"] == no_tim.task["budget"]
    assert full.task["config"]["sha256"] != no_tim.task["config"]["sha256"]
    assert no_tim.task["config"]["overrides"] == {"loss_weights#tim": 0.0}
    assert full.task["split"] == no_tim.task["split"]


def test_a_killed_experiment_is_resumed_without_repeating(plan):
    first = Pretended(stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        work_off(prepare_folders(plan(), resume=False), [{}], start=first)
    done = {run.folder: (run.folder / MANIFEST).stat().st_mtime_ns for run in plan() if run.finished}
    assert len(done) == 2
    second = Pretended()
    work_off(prepare_folders(plan(), resume=True), [{}], start=second)
    assert second.names == [run.name for run in plan()][2:]
    assert all((folder / MANIFEST).stat().st_mtime_ns == time for folder, time in done.items())
    assert prepare_folders(plan(), resume=True) == []


def test_an_interrupted_run_keeps_what_it_can_go_on_from(plan):
    run = prepare_folders(plan(), resume=False)[0]
    write_json(run.folder / "checkpoints" / "resume.pt", "half way")
    prepare_folders(plan(), resume=True)
    assert (run.folder / "checkpoints" / "resume.pt").is_file()
    prepare_folders(plan(steps=20), resume=True)  # told otherwise: from the beginning
    assert not (run.folder / "checkpoints").exists()
    assert read_json(run.folder / TASK)["budget"]["steps"] >= 20


def test_a_folder_with_runs_is_not_touched_unless_asked(plan):
    prepare_folders(plan(), resume=False)
    with pytest.raises(InputError, match="Add --resume"):
        prepare_folders(plan(), resume=False)


def test_finished_runs_of_other_settings_are_not_mixed_in(plan):
    work_off(prepare_folders(plan(), resume=False), [{}], start=Pretended())
    with pytest.raises(InputError, match="the finished run Full, fold 0, seed 0, with other settings"):
        prepare_folders(plan(settings=Settings(overrides={"learning_rate": 0.1})), resume=True)


def test_more_seeds_can_be_added_later(plan):
    work_off(prepare_folders(plan(), resume=False), [{}], start=Pretended())
    added = prepare_folders(plan(seeds=2), resume=True)
    assert {run.task["seed"] for run in added} == {1}
    assert len(added) == 4


def test_a_run_that_fails_does_not_stop_the_others_and_is_told_at_the_end(plan):
    start = Pretended(fail_at=2)
    with pytest.raises(InputError, match=r"1 failed: No TIM, fold 0, seed 0[\s\S]*out of luck"):
        work_off(prepare_folders(plan(), resume=False), [{}, {}], start=start)
    assert len(start.names) == 4
    assert len(prepare_folders(plan(), resume=True)) == 1


def test_choosing_weights_by_the_held_out_studies_is_refused(plan):
    with pytest.raises(InputError, match="select_weights_by"):
        plan(settings=Settings(overrides={"select_weights_by": "score"}))


def test_places_share_the_gpus_or_the_cores(monkeypatch):
    monkeypatch.setattr(schedule.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(schedule.torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [place["CUDA_VISIBLE_DEVICES"] for place in slots(None)] == ["0", "1"]
    assert [place["CUDA_VISIBLE_DEVICES"] for place in slots(3)] == ["0", "1", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    assert [place["CUDA_VISIBLE_DEVICES"] for place in slots(None)] == ["5"]
    monkeypatch.setattr(schedule.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(schedule.os, "cpu_count", lambda: 8)
    assert slots(2) == [{"OMP_NUM_THREADS": "4"}] * 2

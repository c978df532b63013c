import json
import logging

import numpy as np
import pytest
import torch
from monai.engines.utils import IterationEvents
from monai.handlers import StatsHandler

from custom.inference import SliceInferer, StudyDataset, StudyEvaluator, StudyFailure, StudyLoader, Summary
from custom.types import InputError


@pytest.fixture
def run(make_preprocessing, postprocessing, network, tmp_path):
    def start(items, *, network=network, handlers=(), **more) -> tuple[StudyEvaluator, Summary]:
        summary = Summary(output_dir=str(tmp_path / "out put"))
        evaluator = StudyEvaluator(
            device=torch.device("cpu"),
            val_data_loader=StudyLoader(StudyDataset(items, make_preprocessing(2.5))),
            network=network,
            inferer=SliceInferer(slice_batch_size=4),
            postprocessing=postprocessing,
            val_handlers=[*handlers, summary],
            **more,
        )
        evaluator.run()
        return evaluator, summary

    return start


def test_a_bad_study_does_not_stop_the_good_ones(run, make_item, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    items = [make_item("a"), {"case": "b", "fail": "input"}, {"case": "c", "fail": "truncated"}, make_item("d")]
    evaluator, summary = run(items)
    assert [outcome.case for outcome in evaluator.state.outcomes] == ["a", "b", "c", "d"]
    assert [outcome.failure is None for outcome in evaluator.state.outcomes] == [True, False, False, True]
    entries = json.loads((tmp_path / "out put" / "summary.json").read_text(encoding="utf-8"))["studies"]
    assert [entry["ok"] for entry in entries] == [True, False, False, True]
    assert entries[1]["error"] == "b: found two arterial volumes; expected one. Name one."
    assert "c: found a file that cannot be read (EOFError)" in entries[2]["error"]
    assert "FAILED: b: found two arterial volumes" in caplog.text
    assert "Traceback" not in caplog.text
    with pytest.raises(SystemExit) as exit_info:
        summary.finish()
    assert exit_info.value.code == 1


def test_without_a_failure_finish_returns(run, make_item):
    _, summary = run([make_item("a")])
    summary.finish()
    assert summary.outcomes[0].seconds > 0


def test_an_error_of_the_program_surfaces_with_its_traceback_after_the_other_studies(run, make_item, caplog):
    evaluator, summary = run([{"case": "a", "fail": "bug"}, make_item("b")])
    assert evaluator.state.outcomes[1].failure is None
    assert "KeyError: 'a slip of the programmer'" in evaluator.state.outcomes[0].failure.details
    caplog.clear()
    with pytest.raises(SystemExit):
        summary.finish()
    assert "Traceback" in caplog.text
    assert "a slip of the programmer" in caplog.text


def test_an_error_of_the_program_in_the_network_surfaces_too(run, make_item):
    class Broken(torch.nn.Module):
        def forward(self, image, phase_mask=None):
            raise AttributeError("no such layer")

    evaluator, _ = run([make_item("a"), make_item("b")], network=Broken())
    for outcome in evaluator.state.outcomes:
        assert outcome.failure.message.startswith("error in the program (AttributeError")
        assert "no such layer" in outcome.failure.details


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_out_of_memory_names_the_key_to_lower(run, make_item, error):
    class Hungry(torch.nn.Module):
        def forward(self, image, phase_mask=None):
            raise error

    evaluator, _ = run([make_item("a")], network=Hungry())
    failure = evaluator.state.outcomes[0].failure
    assert "slice_batch_size" in failure.message
    assert failure.details is None


def test_events_fire_and_handlers_see_one_study(run, make_item):
    seen = []

    class Listener:
        def attach(self, engine):
            engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

        def __call__(self, engine):
            seen.append((tuple(engine.state.batch["image"].shape), sorted(engine.state.output)))

    item = make_item("a")
    evaluator, _ = run([item], handlers=[Listener(), StatsHandler(iteration_log=False)])
    assert seen[0][0][0] == 4
    assert {"pred", "lesions", "study_values", "native_instances"} <= set(seen[0][1])
    assert evaluator.state.batch is None  # the study's arrays are gone before the next one is read


def test_missing_phases_reach_the_network_as_a_mask(run, make_item):
    masks = []

    class Listening(torch.nn.Module):
        def forward(self, image, phase_mask=None):
            masks.append(phase_mask[0].tolist())
            return {"seg": torch.full_like(image[:, :1], -9.0)}

    run([make_item("a", missing=("delayed",))], network=Listening())
    assert masks[0] == [True, True, True, False]


def test_a_second_run_forgets_the_first(run, make_item):
    evaluator, summary = run([make_item("a")])
    evaluator.run()
    assert len(evaluator.state.outcomes) == len(summary.outcomes) == 1


@pytest.mark.parametrize("case", ["../b", "a/b", "a\\b", "..", "", "C:x", None])
def test_unsafe_cases_are_refused(case, make_preprocessing):
    with pytest.raises(InputError, match="expected a short text that can name a folder"):
        StudyDataset([{"case": case}], make_preprocessing())


def test_doubled_cases_and_no_study_are_refused(make_preprocessing):
    with pytest.raises(InputError, match="found two studies with the case 'A'"):
        StudyDataset([{"case": "a"}, {"case": "A"}], make_preprocessing())
    with pytest.raises(InputError, match="dataset_dir: found no study"):
        StudyDataset([], make_preprocessing())


def test_paths_are_studies_too(make_preprocessing):
    dataset = StudyDataset(["data/Fall ä 1.nii.gz", "data/b"], make_preprocessing())
    assert [item["case"] for item in dataset.data] == ["Fall ä 1", "b"]


def test_the_dataset_yields_records_and_keeps_the_item_untouched(make_item, make_preprocessing):
    item = make_item("a")
    before = item["volumes"].copy()
    dataset = StudyDataset([item, {"case": "b", "fail": "input"}], make_preprocessing(2.5))
    assert dataset[0]["case"] == "a"
    np.testing.assert_array_equal(item["volumes"], before)
    assert isinstance(dataset[1], StudyFailure)
    assert dataset[1].details is None

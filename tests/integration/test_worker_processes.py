"""What goes to worker processes survives being started afresh, as on Windows and macOS."""

import json
import pickle
import sys

import pytest
import torch

from custom.user_errors import find_input_error


def test_a_freshly_started_worker_loads_training_batches(shipped, phantom, tmp_path):
    overrides = {**shipped.small_training, "dataset_dir": str(phantom), "output_dir": str(tmp_path), "num_workers": 1}
    overrides |= {"train#dataloader#multiprocessing_context": "spawn", "train#dataloader#shuffle": False}
    workflow = shipped.build(["train.json"], **overrides)
    batches = list(workflow.parser.get_parsed_content("train#dataloader"))
    assert [len(batch["image"]) for batch in batches] == [16, 8]
    assert all(torch.isfinite(batch["enhancement"][batch["has_tumour"]]).all() for batch in batches)


def test_every_other_dataset_can_go_to_a_worker_too(shipped, phantom, predicted, tmp_path):
    train = shipped.build(["train.json"], dataset_dir=str(phantom), output_dir=str(tmp_path), spacing_mm=7.0)
    infer = shipped.build(["inference.json"], workflow_type="infer", dataset_dir=str(predicted.studies), spacing_mm=7.0)
    for workflow, name in ((train, "validate#dataloader"), (infer, "dataloader")):
        loader = workflow.parser.get_parsed_content(name)
        dataset, collate = pickle.loads(pickle.dumps((loader.dataset, loader.collate_fn)))
        assert collate([dataset[0]])["image"].shape[-4] == 4
    studies = pickle.loads(pickle.dumps(train.parser.get_parsed_content("train#studies")))
    assert studies[0]["image"].shape[0] == 4


@pytest.fixture
def torn_overrides(shipped, phantom, tmp_path):
    """A training whose list names a damaged file, read by worker processes."""
    content = json.loads((phantom / "datalist.json").read_text(encoding="utf-8"))
    torn = tmp_path / "torn.nii.gz"
    for number, item in enumerate(content["training"]):
        item["phases"] = {phase: str(phantom / path) for phase, path in item["phases"].items()}
        if number == 0:
            torn.write_bytes((phantom / item["phases"]["arterial"]).read_bytes()[:300])
            item["phases"]["arterial"] = str(torn)
    (tmp_path / "datalist.json").write_text(json.dumps(content), encoding="utf-8")
    folders = {"dataset_dir": str(phantom), "datalist": str(tmp_path / "datalist.json"), "output_dir": str(tmp_path)}
    return {**shipped.small_training, **folders, "num_workers": 2}


SAYS = "torn.nii.gz (arterial): found an unreadable or truncated file"


def test_a_users_error_in_a_worker_ends_the_command_with_its_message_alone(shipped, torn_overrides, capsys):
    workflow = shipped.build(["train.json"], **torn_overrides)
    with pytest.raises(Exception) as error:  # noqa: PT011 (MONAI wraps what happens inside an expression)
        workflow.run()
    capsys.readouterr()
    sys.excepthook(error.type, error.value, error.tb)
    words = capsys.readouterr().err.strip()
    assert words.startswith("error: ")
    assert SAYS in words
    assert len(words.splitlines()) == 1


def test_a_users_error_in_a_freshly_started_worker_is_found(shipped, torn_overrides):
    overrides = {**torn_overrides, "num_workers": 1, "train#dataloader#multiprocessing_context": "spawn"}
    loader = shipped.build(["train.json"], **overrides).parser.get_parsed_content("train#dataloader")
    with pytest.raises(RuntimeError, match="in DataLoader worker") as error:
        list(loader)
    assert SAYS in find_input_error(error.value)

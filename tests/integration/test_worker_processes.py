"""What goes to worker processes survives being started afresh, as on Windows and macOS."""

import pickle

import torch


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

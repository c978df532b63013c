"""The overlays over train.json: the paper's settings, and several processes."""

import torch
from monai.bundle import ConfigParser


def test_paper_overlay_says_what_the_paper_says(shipped):
    parser = ConfigParser()
    parser.read_config([str(shipped.configs / name) for name in ("train.json", "paper.yaml")])
    config = parser.get()
    assert config["learning_rate"] == 1e-4  # a number: YAML reads 1e-4 as a text
    assert config["epochs"] == 100
    assert config["studies_per_batch"] * config["slices_per_study"] == 1
    assert config["roi_size"] == [256, 256]
    assert not parser.get_parsed_content("network_def").residual
    assert config["optimizer"]["_target_"] == "torch.optim.Adam"


def test_paper_overlay_trains(shipped, phantom, tmp_path):
    overrides = {
        "dataset_dir": str(phantom),
        "output_dir": str(tmp_path / "outputs"),
        "ckpt_dir": str(tmp_path / "models"),
        "network_def#widths": [4, 4, 8, 8],
        "spacing_mm": 7.0,
        "roi_size": [48, 48],
        "epochs": 1,
        "val_interval": 1,
    }
    workflow = shipped.build(["train.json", "paper.yaml"], **overrides)
    trainer = workflow.parser.get_parsed_content("train#trainer")
    said = shipped.run_logged(workflow)
    assert trainer.state.iteration == 6  # one slice of one study a step
    assert isinstance(trainer.optimizer, torch.optim.Adam)
    assert not isinstance(trainer.optimizer, torch.optim.AdamW)
    assert trainer.optimizer.param_groups[0]["lr"] == 1e-4
    assert "Results:" in said


def test_two_processes_train_and_end(run_command, as_options, shipped, phantom, tmp_path):
    overrides = {
        **shipped.small_training,
        "network_def#widths": [4, 4, 8, 8],
        "dataset_dir": phantom,
        "output_dir": tmp_path / "outputs",
        "ckpt_dir": tmp_path / "models",
    }
    files = "['bundle/configs/train.json','bundle/configs/multi_gpu_train.json']"
    done = run_command(
        *("torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "monai.bundle", "run", "training"),
        *("--config_file", files, *as_options(overrides)),
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.count("Results:") == 1  # one process speaks
    state = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert not any(name.startswith("module.") for name in state)
    assert (tmp_path / "outputs" / "metrics.json").is_file()
    assert (tmp_path / "outputs" / "checkpoints" / "resume.pt").is_file()

"""What only a process of its own can show: options, exit codes, the last lines, paths as users have them."""

import json
import os
import shutil
import sys

import pytest
import torch

from custom.data.phantom import write_dicom

WEIRD = "Prüfung ä ö ß"


@pytest.fixture(scope="module")
def trained_by_command(run_command, as_options, shipped, phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("command") / WEIRD
    shutil.copytree(phantom, folder / "Daten hier")
    folders = {
        "dataset_dir": folder / "Daten hier",
        "output_dir": folder / "Aus gabe",
        "ckpt_dir": folder / "Ge wichte",
    }
    options = as_options({**shipped.small_training, **folders})
    done = run_command("monai.bundle", "run", "training", "--config_file", "bundle/configs/train.json", *options)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done


def test_training_with_spaces_and_umlauts_in_every_path(trained_by_command):
    folder, done = trained_by_command
    assert "Results:" in done.stdout
    assert str(folder / "Ge wichte" / "model.pt") in done.stdout
    for path in (
        "Ge wichte/model.pt",
        "Ge wichte/model.json",
        "Aus gabe/metrics.json",
        "Aus gabe/checkpoints/resume.pt",
    ):
        assert (folder / path).is_file(), path
    assert "Training" in done.stderr  # the progress bar


def test_inference_by_command_reads_the_weights_of_that_training(
    trained_by_command, run_command, as_options, shipped, two_classes
):
    folder, _ = trained_by_command
    write_dicom(two_classes, folder / "Studien" / "Fall für drei", layout="temporal", seed=8)
    torn = folder / "Studien" / "leer"
    torn.mkdir()
    (torn / "IM0001.dcm").write_bytes(b"\0" * 128 + b"DICM")
    paths = {
        "dataset_dir": folder / "Studien",
        "output_dir": folder / "Er gebnis",
        "ckpt_path": folder / "Ge wichte" / "model.pt",
    }
    options = as_options({**shipped.small_network, **paths})
    done = run_command("monai.bundle", "run", "--config_file", "bundle/configs/inference.json", *options)
    assert done.returncode == 1, done.stderr[-3000:]
    assert "Traceback" not in done.stderr + done.stdout
    report = json.loads((folder / "Er gebnis" / "Fall für drei" / "study.json").read_text("utf-8"))
    assert report["case"] == "Fall für drei"
    assert "1 of 2 studies failed" in done.stdout


def test_a_misspelt_option_ends_with_one_readable_line(run_command, phantom, tmp_path):
    done = run_command(
        *("monai.bundle", "run", "training", "--config_file", "bundle/configs/train.json", "--epoch", "1"),
        *("--dataset_dir", phantom, "--output_dir", tmp_path / "out", "--ckpt_dir", tmp_path / "models"),
    )
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "'epoch'" in last
    assert "'epochs'" in last
    assert "Traceback" not in done.stderr + done.stdout
    assert not (tmp_path / "models").exists()


def last_words(workflow, capsys) -> str:
    """Run a workflow that must fail; what the interpreter would show on its way out."""
    with pytest.raises(Exception) as error:  # noqa: PT011 (MONAI wraps what happens inside an expression)
        workflow.run()
    capsys.readouterr()
    sys.excepthook(error.type, error.value, error.tb)
    return capsys.readouterr().err


def test_a_misspelt_constructor_argument_ends_with_one_readable_line(shipped, phantom, tmp_path, capsys):
    overrides = {"dataset_dir": str(phantom), "output_dir": str(tmp_path), "network_def#fusoin": "concat"}
    words = last_words(shipped.build(["train.json"], **overrides), capsys)
    assert words.strip().startswith("error: ")
    assert "'fusoin'" in words
    assert "'fusion'" in words
    assert "Traceback" not in words


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content[: len(content) // 2], "a truncated or damaged file"),
        (lambda content: b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (None, "no such file"),
    ],
    ids=["truncated", "pointer", "missing"],
)
def test_bad_weights_end_with_one_readable_line(shipped, predicted, trained, tmp_path, capsys, damage, says):
    weights = tmp_path / "model.pt"
    if damage is not None:
        weights.write_bytes(damage(trained.weights.read_bytes()))
    overrides = {**shipped.small_network, "dataset_dir": str(predicted.studies), "output_dir": str(tmp_path / "out")}
    workflow = shipped.build(["inference.json"], workflow_type="infer", ckpt_path=str(weights), **overrides)
    words = last_words(workflow, capsys)
    assert words.strip().startswith("error: ")
    assert "model.pt" in words
    assert says in words
    assert "Traceback" not in words
    assert not (tmp_path / "out").exists()


def test_weights_of_another_network_are_named_as_such(shipped, predicted, trained, tmp_path, capsys):
    overrides = {**shipped.small_network, "dataset_dir": str(predicted.studies), "output_dir": str(tmp_path / "out")}
    overrides["network_def#widths"] = [4, 4, 8, 8]
    workflow = shipped.build(["inference.json"], workflow_type="infer", ckpt_path=str(trained.weights), **overrides)
    words = last_words(workflow, capsys)
    assert "weights of another network" in words
    assert "Traceback" not in words


def test_weights_that_would_run_code_are_refused(shipped, predicted, tmp_path, capsys):
    torch.save({"encoder": Harmful(str(tmp_path / "ran"))}, tmp_path / "model.pt")
    overrides = {**shipped.small_network, "dataset_dir": str(predicted.studies), "output_dir": str(tmp_path / "out")}
    overrides["ckpt_path"] = str(tmp_path / "model.pt")
    words = last_words(shipped.build(["inference.json"], workflow_type="infer", **overrides), capsys)
    assert "could run code" in words
    assert not (tmp_path / "ran").exists()


class Harmful:
    """Unpickled without care, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)

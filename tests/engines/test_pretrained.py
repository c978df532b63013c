"""Fine-tuning: what is taken from other weights, what starts anew, and what is held still."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from custom.config_check import find_mistakes, read_config
from custom.engines import start_from
from custom.networks import MTINet
from custom.types import InputError

CONFIGS = Path(__file__).resolve().parents[2] / "bundle" / "configs"
SMALL = {"widths": [4, 4, 4, 8], "token_grid": [4, 4], "head_dim": 16, "transformer_blocks": 1, "cls_pool": "mask"}
CLASSES = ["hemangioma", "HCC"]


def a_network(seed=0, **options) -> MTINet:
    torch.manual_seed(seed)
    return MTINet(**{**SMALL, **options})


@pytest.fixture
def weights(tmp_path):
    """Weights of two classes, with their description."""
    path = tmp_path / "model.pt"
    torch.save(a_network(seed=1).state_dict(), path)
    path.with_suffix(".json").write_text(json.dumps({"classes": CLASSES, "spacing_mm": 2.5}), encoding="utf-8")
    return path


def differing(network, path) -> set[str]:
    """Names of the tensors that are not those of the file."""
    theirs = torch.load(path, weights_only=True)
    own = network.state_dict()
    return {name for name, value in own.items() if name not in theirs or not torch.equal(value, theirs[name])}


def test_of_the_same_classes_everything_is_taken(weights):
    network = a_network()
    start_from(network=network, path=weights, describe={"classes": CLASSES, "spacing_mm": 2.5})
    assert differing(network, weights) == set()


@pytest.mark.parametrize("classes", [["HCC", "FNH", "metastasis"], ["HCC", "hemangioma"]])
def test_of_other_classes_only_the_class_head_starts_anew_and_says_so(weights, caplog, classes):
    network = a_network(num_classes=len(classes))
    head = {name: value.clone() for name, value in network.state_dict().items() if name.startswith("classification.")}
    with caplog.at_level(logging.INFO):
        start_from(network=network, path=weights, describe={"classes": classes})
    assert differing(network, weights) == set(head)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in head.items())
    assert f"for hemangioma, HCC, this training's for {', '.join(classes)}" in caplog.text


def test_weights_of_another_network_are_refused(weights):
    network = a_network(widths=[4, 4, 8, 8])
    with pytest.raises(InputError, match="weights of another network"):
        start_from(network=network, path=weights, describe={"classes": CLASSES})


def test_another_spacing_is_a_warning(weights, caplog):
    start_from(network=a_network(), path=weights, describe={"classes": CLASSES, "spacing_mm": 1.5})
    assert "spacing_mm 2.5; this training has 1.5" in caplog.text


def test_what_is_held_still_keeps_weights_and_batch_statistics_while_the_rest_learns(weights):
    network = a_network()
    start_from(network=network, path=weights, describe={"classes": CLASSES}, freeze=["encoder", "transformer"])
    network.train()
    pred = network(torch.rand(2, 4, 32, 32))
    sum(value.square().mean() for value in pred.values()).backward()
    torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1).step()
    changed = differing(network, weights)
    assert not [name for name in changed if name.startswith(("encoder.", "transformer."))]
    assert {name.partition(".")[0] for name in changed} == {"decoder", "regression", "classification"}


def test_a_part_that_is_not_there_is_named(weights):
    with pytest.raises(InputError, match=r"no part 'enc'.*encoder"):
        start_from(network=a_network(), path=weights, describe={}, freeze=["enc"])


def test_the_overlay_prepares_the_network_before_anything_is_read(weights):
    files = [str(CONFIGS / name) for name in ("train.json", "finetune.json")]
    assert find_mistakes(read_config(files)) == []
    as_made = {**SMALL, "skip_connections": False, "downsampling": "pool"}
    overrides = {f"network_def#{name}": value for name, value in as_made.items()}
    workflow = ConfigWorkflow(
        config_file=files,
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=False,
        workflow_type="train",
        **{**overrides, "pretrained": str(weights), "network_def#num_classes": 3, "classes": ["a", "b", "c"]},
    )
    workflow.initialize()
    network = workflow.parser.get_parsed_content("network_def")
    assert differing(network, weights) == {"classification.linear.weight", "classification.linear.bias"}


def test_fine_tuning_prepares_what_the_weights_were_trained_on(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps({"spacing_mm": 1.25, "residual": False}), encoding="utf-8")
    parser = ConfigParser(read_config([str(CONFIGS / name) for name in ("train.json", "finetune.json")]))
    parser["pretrained"] = str(tmp_path / "model.pt")
    assert parser.get_parsed_content("roi_size") == [224, 192]  # of 280 × 240 mm
    assert not parser.get_parsed_content("network_def").residual
    expected = parser.get_parsed_content("expected_input")
    assert (expected["spacing_mm"], expected["residual"], expected["reference_phase"]) == (1.25, False, "portal_venous")


def test_an_overlay_that_would_drop_the_weights_in_silence_is_a_mistake():
    files = [str(CONFIGS / name) for name in ("train.json", "finetune.json", "multi_gpu_train.json")]
    assert [mistake for mistake in find_mistakes(read_config(files)) if "'freeze'" in str(mistake)]

"""Two rounds over two sites: what is exchanged, what stays, what is written, and how a killed run goes on."""

from __future__ import annotations

import csv
import json
import re
import shutil

import pytest
import torch
from monai.bundle import ConfigParser
from monai.fl.client.monai_algo import disable_ckpt_loaders

from custom.config_check import read_config
from custom.data import load_datalist
from custom.engines import load_weights
from custom.federated import federated_average
from custom.package.source import find_source

BUNDLE = find_source().bundle


def equal(first, second) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def read(path):
    return torch.load(path, map_location="cpu", weights_only=True)


def test_every_round_sends_all_sites_the_average_of_what_they_trained(federated):
    first, second = federated.exchanged[:2], federated.exchanged[2:]
    assert [part.site.name for part in federated.exchanged] == ["early", "late"] * 2
    assert equal(first[0].received, first[1].received)
    for part in federated.exchanged:
        assert not equal(part.received, part.sent)
    assert not equal(first[0].sent, first[1].sent)
    for parts, average in ((first, second[0].received), (second, read(federated.output / "model.pt"))):
        assert equal(average, federated_average([(part.sent, part.site.training_studies) for part in parts]))
    assert equal(second[0].received, second[1].received)


def test_sites_count_by_their_training_studies(federated, sites):
    for part, folder in zip(federated.exchanged[:2], sites, strict=True):
        studies = load_datalist(section="training", datalist=folder / "datalist.json")
        assert part.site.training_studies == len(studies)
    assert federated.exchanged[0].site.training_studies != federated.exchanged[1].site.training_studies


def test_the_discriminators_stay_where_they_are(federated):
    state, sent = read(federated.output / "resume.pt"), federated.exchanged[0].sent
    early, late = (state["sites"][name]["discriminator"] for name in ("early", "late"))
    assert not equal(early, late)
    network = federated.exchanged[0].site.algo.trainer.network
    assert sent.keys() == network.state_dict().keys()
    assert not any("discriminator" in name for name in sent)
    assert equal(early, federated.exchanged[0].site.algo.trainer.discriminator.state_dict())


def test_the_curves_unit_is_the_federations_from_the_second_round_on(federated):
    own, second = federated.exchanged[:2], federated.exchanged[2:]
    assert not torch.equal(own[0].sent["enhancement_mean"], own[1].sent["enhancement_mean"])
    for part in second:
        assert torch.equal(part.sent["enhancement_mean"], part.received["enhancement_mean"])
        unit = part.site.algo.trainer.loss_function.enhancement_std
        assert torch.equal(unit, part.received["enhancement_std"])


def test_learning_rate_runs_once_over_all_rounds(federated):
    with open(federated.output / "sites" / "early" / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2]
    state = read(federated.output / "resume.pt")["sites"]["early"]
    assert state["scheduler_0"]["total_steps"] == state["scheduler_0"]["last_epoch"] == state["trainer"]["iteration"]


def test_the_global_weights_load_where_inference_loads_them(federated, small):
    overrides = {key: value for key, value in small.items() if key.startswith("network_def")}
    parser = ConfigParser(read_config([str(BUNDLE / "configs" / "inference.json")], overrides))
    network = parser.get_parsed_content("network_def")
    load_weights(network, federated.output / "model.pt")
    assert equal(network.state_dict(), read(federated.output / "model.pt"))
    described = json.loads((federated.output / "model.json").read_text("utf-8"))
    assert described["classes"] == ["hemangioma", "HCC"]
    assert described["training"]["sites"] == {"early": 2, "late": 4}


def test_figures_of_every_round_are_printed_and_written(federated):
    rounds = json.loads((federated.output / "metrics.json").read_text("utf-8"))["rounds"]
    with open(federated.output / "metrics.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["round"], row["site"]) for row in rows] == [
        (number, site) for number in "12" for site in ("early", "late", "all sites")
    ]
    for record in rounds:
        counts = {name: site["validation_studies"] for name, site in record["sites"].items()}
        scores = {name: site["metrics"]["score"] for name, site in record["sites"].items()}
        mean = sum(scores[name] * counts[name] for name in counts) / sum(counts.values())
        assert record["global"]["metrics"]["score"] == pytest.approx(mean)
        assert f"Round {record['round']} of 2" in federated.said
    assert float(rows[-1]["score"]) == rounds[-1]["global"]["metrics"]["score"]
    assert federated.said.count("all sites") == 2


def test_monais_filters_see_what_leaves_a_site(federated):
    assert federated.spoken.count("Summary of ExchangeObject") == 5  # the first weights, then two sites in two rounds


def test_a_run_that_was_killed_goes_on_to_the_same_bits(federated, federate, tmp_path):
    output = tmp_path / "results"
    shutil.copytree(federated.between, output)
    (output / "metrics.json").write_text("half a", "utf-8")
    assert len(read(output / "resume.pt")["history"]) == 1
    assert federate(output, "--resume") == 0
    assert equal(read(output / "model.pt"), read(federated.output / "model.pt"))
    assert (output / "metrics.json").read_bytes() == (federated.output / "metrics.json").read_bytes()
    course = (folder / "sites" / "late" / "history.csv" for folder in (output, federated.output))
    first, second = ([row["loss"] for row in csv.DictReader(path.open(newline=""))] for path in course)
    assert first == second


def test_weights_to_start_from(federated, federate, tmp_path, monkeypatch):
    received = []
    monkeypatch.setattr("custom.federated.site.Site.train", lambda site, weights: received.append(weights) or weights)
    monkeypatch.setattr("custom.federated.site.Site.evaluate", lambda site, weights: {"score": 0.5})
    assert federate(tmp_path / "results", "--start", federated.output / "model.pt", rounds=1) == 0
    assert equal(received[0], read(federated.output / "model.pt"))


def test_weights_made_for_another_grid_are_no_start(federated, federate, tmp_path, capsys):
    shutil.copy(federated.output / "model.pt", tmp_path)
    described = json.loads((federated.output / "model.json").read_text("utf-8"))
    (tmp_path / "model.json").write_text(json.dumps({**described, "spacing_mm": 1.5}), encoding="utf-8")
    assert federate(tmp_path / "results", "--start", tmp_path / "model.pt", rounds=1) == 2
    assert '--set spacing_mm="1.5"' in capsys.readouterr().err


def test_the_overlay_changes_what_it_says():
    overlay = (BUNDLE / "configs" / "federated.yaml").read_text("utf-8")
    config = read_config([str(BUNDLE / "configs" / name) for name in ("train.json", "federated.yaml")])
    handlers = [*config["train"]["handlers"], *config["validate"]["handlers"]]
    changed = [handler for handler in handlers if handler.get("keep") or handler.get("_disabled_") is True]
    named = [line.partition("true  # ")[2] for line in overlay.splitlines() if "true  # " in line]
    assert [handler["_target_"].split(".")[-1] for handler in changed] == named
    assert len(named) == 7


def test_monaialgos_own_evaluation_does_not_load_a_file_over_what_it_is_sent():
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / "configs" / name) for name in ("train.json", "evaluate.json")])
    disable_ckpt_loaders(parser)
    (loader,) = [handler for handler in parser["validate#handlers"] if "path" in handler]
    assert loader["_disabled_"] is True


@pytest.mark.slow
def test_the_pages_monaialgo_runs(sites, small, tmp_path, monkeypatch):
    """The snippet of the page, on the project's own bundle, but for the size of the network."""
    page = (BUNDLE / "docs" / "federated.md").read_text("utf-8")
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", page.partition("## NVFlare")[0], re.M | re.S)
    (tmp_path / "liver_mri_mti_net").symlink_to(BUNDLE)
    (tmp_path / "data").symlink_to(sites[0].parent)
    monkeypatch.chdir(tmp_path)
    made = {}
    exec(snippet.replace("site = MonaiAlgo(", f"settings |= {small!r}\nsite = MonaiAlgo("), made)
    assert 0 <= made["figures"]["score"] <= 1
    assert (tmp_path / "outputs" / "early" / "history.csv").is_file()


@pytest.mark.parametrize("steps", [1, 2, 9, 10, 11, 100])
def test_the_learning_rates_course_exists_for_any_number_of_steps(steps):
    """With train.json's share of rising steps torch divides by zero at ten of them, which a small site has."""
    config = read_config([str(BUNDLE / "configs" / name) for name in ("train.json", "federated.yaml")])
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    rising = config["lr_scheduler"]["pct_start"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, pct_start=rising)
    for _ in range(steps):
        assert 0 < optimizer.param_groups[0]["lr"] <= 1
        optimizer.step()
        schedule.step()

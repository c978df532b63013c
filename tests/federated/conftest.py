"""Two small sites of the phantom, and one federated training over them that every test looks at."""

from __future__ import annotations

import io
import json
import logging
import shutil
import sys
from contextlib import redirect_stdout
from types import SimpleNamespace

import pytest
from monai.fl.client import monai_algo
from monai.utils import set_determinism

from custom.__main__ import main
from custom.data.phantom import write_phantom
from custom.federated import Site

SMALL = {
    "spacing_mm": 7.0,
    "roi_size": [48, 48],
    "network_def#widths": [4, 4, 4, 8],
    "network_def#head_dim": 16,
    "network_def#transformer_blocks": 1,
    "slices_per_study": 4,
    "adversarial_warmup_epochs": 0,
    "amp": False,
    "min_volume_ml": 1.0,
    "min_certainty": 0.0,
    "device": "$torch.device('cpu')",
}
QUIETED = (monai_algo.logger.name, "monai.bundle.workflows", "monai.networks.utils", "ignite")


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """A federated training changes the interpreter that it runs in: put back what other tests rely on."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    levels = {name: logging.getLogger(name).level for name in QUIETED}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    set_determinism(None)


@pytest.fixture(scope="session")
def small():
    """Configuration values of a network that trains in no time."""
    return SMALL


@pytest.fixture(scope="session")
def sites(tmp_path_factory):
    """Folders of two sites with different numbers of training studies."""
    folder = tmp_path_factory.mktemp("sites")
    write_phantom(folder / "early", preset="tiny", studies=4, seed=1, site="early", workers=1)
    write_phantom(folder / "late", preset="tiny", studies=7, seed=2, site="late", workers=1)
    return folder / "early", folder / "late"


@pytest.fixture(scope="session")
def federate(sites):
    """Run the verb over the two sites; its exit code."""

    def run(output, *more, rounds=2, over=sites):
        settings = [f"{key}={json.dumps(value)}" for key, value in SMALL.items()]
        command = ["federate", *map(str, over), "--rounds", str(rounds), "--output", str(output)]
        return main([*command, *map(str, more), "--set", *settings])

    return run


@pytest.fixture(scope="session")
def federated(tmp_path_factory, federate, sites):
    """Two rounds over the two sites: the folder, a copy from between, what was exchanged, and what was said."""
    output = tmp_path_factory.mktemp("federated") / "results"
    between = output.parent / "after one round"
    filters = output.parent / "filters.json"
    filters.write_text('{"post_weight_filters": [{"_target_": "monai.fl.utils.filters.SummaryFilter"}]}', "utf-8")
    exchanged, said, spoken = [], io.StringIO(), io.StringIO()
    train, root = Site.train, logging.getLogger()

    def watched(site, weights):
        received = {name: tensor.clone() for name, tensor in weights.items()}
        if len(exchanged) == len(sites):
            shutil.copytree(output, between)
        sent = train(site, weights)
        exchanged.append(SimpleNamespace(site=site, received=received, sent=sent))
        return sent

    handler, level = logging.StreamHandler(said), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    Site.train = watched
    try:
        with redirect_stdout(spoken):
            code = federate(output, "--filters", filters)
    finally:
        Site.train = train
        root.removeHandler(handler)
        root.setLevel(level)
    assert code == 0, said.getvalue()
    return SimpleNamespace(
        output=output, between=between, exchanged=exchanged, said=said.getvalue(), spoken=spoken.getvalue()
    )

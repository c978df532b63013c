"""The unpacked bundle in a federation, with nothing of the project on the path: its own command, and NVFlare."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from custom.config_check import read_config
from custom.data.phantom import write_phantom

TRAIN = Path(__file__).resolve().parents[2] / "bundle" / "configs" / "train.json"
NVFLARE = os.environ.get("MTINET_NVFLARE")
NETWORK = {"widths": [4, 4, 4, 8], "head_dim": 16, "transformer_blocks": 1}
SETTINGS = {
    "spacing_mm": 7.0,
    "roi_size": "[48,48]",
    "adversarial_warmup_epochs": 0,
    "amp": False,
    **{f"network_def#{key}": str(value).replace(" ", "") for key, value in NETWORK.items()},
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """The folder of two sites' folders."""
    folder = tmp_path_factory.mktemp("hospitals")
    for seed, site in enumerate(("early", "late")):
        write_phantom(folder / site, preset="tiny", studies=4 + 3 * seed, seed=seed, site=site, workers=1)
    return folder


def test_its_own_command_federates(unpacked, studies, run_there, tmp_path):
    values = [f"{key}={value}" for key, value in SETTINGS.items()]
    command = ("-m", "scripts", "federate", studies / "early", studies / "late", "--rounds", 2)
    done = run_there(*command, "--output", tmp_path / "out", "--set", *values, cwd=unpacked)
    assert done.returncode == 0, done.stderr[-4000:]
    with open(tmp_path / "out" / "metrics.csv", newline="", encoding="utf-8") as file:
        assert [row["site"] for row in csv.DictReader(file)] == ["early", "late", "all sites"] * 2
    assert len(torch.load(tmp_path / "out" / "model.pt", weights_only=True)) > 50
    assert not (unpacked / "outputs").exists()


@pytest.mark.skipif(not NVFLARE, reason="MTINET_NVFLARE names no environment with NVFlare and the requirements")
def test_the_pages_job_runs_under_nvflare(unpacked, studies, tmp_path):
    """client.py and job.py as the page prints them, but for the size of the network."""
    page = (unpacked / "docs" / "federated.md").read_text("utf-8")
    client, job = re.findall(r"^```python\n(.*?)^```$", page.partition("## NVFlare")[2], re.M | re.S)
    job = re.sub(r"^SETTINGS = .*$", f"SETTINGS = {SETTINGS!r}", job, flags=re.M)
    job = re.sub(r"^(network \|= .*)$", rf"\1\nnetwork |= {NETWORK!r}", job, flags=re.M)
    (tmp_path / "client.py").write_text(client, "utf-8")
    (tmp_path / "job.py").write_text(job, "utf-8")
    bundle = tmp_path / "dist" / "liver_mri_mti_net"
    shutil.copytree(unpacked, bundle)
    small = {f"network_def#{key}": value for key, value in NETWORK.items()}
    network = ConfigParser(read_config([str(TRAIN)], small)).get_parsed_content("network_def")
    torch.save(network.state_dict(), bundle / "models" / "model.pt")
    (tmp_path / "data").symlink_to(studies)
    quiet = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(bundle)}
    done = subprocess.run(
        [Path(NVFLARE) / "bin" / "python", "job.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **quiet},
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    (saved,) = (tmp_path / "outputs" / "nvflare").rglob("FL_global_model.pt")
    weights = torch.load(saved, weights_only=True)["model"]
    assert all(value.isfinite().all() for value in weights.values())
    for site in ("site-1", "site-2"):
        with open(tmp_path / "outputs" / site / "history.csv", newline="", encoding="utf-8") as file:
            assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]

"""MONAI Deploy's own bundle operator on the packaged bundle, by the application that docs/export.md shows.

It runs where MTINET_DEPLOY_PYTHON names a Python with monai-deploy-app-sdk and the bundle's packages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import nibabel as nib
import numpy as np
import pytest

from custom.data.phantom import simulate_study, write_nifti

PYTHON = os.environ.get("MTINET_DEPLOY_PYTHON")


@pytest.mark.skipif(not PYTHON, reason="MTINET_DEPLOY_PYTHON names no Python with monai-deploy-app-sdk")
def test_the_documented_application_gives_the_tumour_of_the_label_map(unpacked, run_there, tmp_path):
    shutil.copytree(unpacked, tmp_path / unpacked.name)
    study = simulate_study(seed=9001, preset="tiny", lesions=("HCC",))
    write_nifti(study, tmp_path / "studies" / "one")
    write_nifti(study, tmp_path / "my_study")
    (code,) = re.findall(r"^```python\n(.*?)^```$", (unpacked / "docs" / "export.md").read_text("utf-8"), re.M | re.S)
    (tmp_path / "application.py").write_text(code, "utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [PYTHON, "application.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert (tmp_path / "mask.npy").is_file(), done.stdout[-3000:] + done.stderr[-3000:]

    root = tmp_path / unpacked.name
    config = ("--config_file", root / "configs" / "inference.json", "--bundle_root", root, "--device", "cpu")
    command = ("-m", "monai.bundle", "run", "inference", *config, "--dataset_dir", "studies", "--output_dir", "out")
    done = run_there(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    expected = np.asarray(nib.load(tmp_path / "out" / "one" / "tumour.nii.gz").dataobj) > 0  # (X, Y, Z)
    found = np.load(tmp_path / "mask.npy")  # (Z, Y, X)
    assert expected.any()
    assert np.array_equal(found.swapaxes(0, 2) > 0, expected)

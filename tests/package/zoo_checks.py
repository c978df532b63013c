"""What the model zoo asks of a bundle, and what MONAI's Python interface does with it, as a program of its own.

    python zoo_checks.py BUNDLE DATASET SCHEMA OUTPUT

It knows nothing of the project: like the zoo's own checks it only puts the bundle's root on the path.  It is started in
the folder OUTPUT and prints one JSON object that holds, for each check, "passed" or the traceback.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
import traceback
from pathlib import Path

import torch
from monai.bundle import ConfigWorkflow, ckpt_export, verify_metadata, verify_net_in_out

BUNDLE, DATASET, SCHEMA, OUTPUT = map(Path, sys.argv[1:])
CONFIGS = BUNDLE / "configs"
METADATA = json.loads((CONFIGS / "metadata.json").read_text("utf-8"))
SCHEMA_MD5 = "06954cad2cc5d3784e72077ac76f0fc8"
LARGE_FILE_BYTES = 25_000_000
NAMES = {"config_file": str(CONFIGS / "inference.json"), "meta_file": str(CONFIGS / "metadata.json")}


def workflow(*files: str, kind: str, **overrides) -> ConfigWorkflow:
    made = ConfigWorkflow(
        config_file=[str(CONFIGS / file) for file in files],
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=str(CONFIGS / "logging.conf"),
        workflow_type=kind,
        bundle_root=str(BUNDLE),
        dataset_dir=str(DATASET),
        output_dir=str(OUTPUT / kind),
        device="$torch.device('cpu')",
        **overrides,
    )
    made.initialize()
    return made


def only_the_bundle_is_on_the_path():
    assert importlib.util.find_spec("custom") is None
    assert Path(importlib.util.find_spec("scripts").origin).parent == (BUNDLE / "scripts")


def required_files_are_there():
    for name in ("LICENSE", "configs/metadata.json", "configs/inference.json", "configs/logging.conf"):
        assert (BUNDLE / name).is_file(), name
    for name in ("models/model.pt", "docs/README.md", "docs/data_license.txt", "scripts/__init__.py"):
        assert (BUNDLE / name).is_file(), name


def large_files_are_listed():
    large = [path for path in BUNDLE.rglob("*") if path.is_file() and path.stat().st_size > LARGE_FILE_BYTES]
    assert not large or (BUNDLE / "large_files.yml").is_file()


def version_is_in_the_changelog():
    assert METADATA["version"] in METADATA["changelog"]


def required_packages_are_pinned():
    lines = (BUNDLE / "docs" / "requirements.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    own = {"torch": "pytorch_version", "monai": "monai_version", "numpy": "numpy_version"}
    named = {name: METADATA[key] for name, key in own.items()} | METADATA["required_packages_version"]
    assert named == pins
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in named.values())


def metadata_follows_the_schema():
    copy = OUTPUT / "schema.json"  # it is there and has the right hash: nothing is downloaded
    shutil.copyfile(SCHEMA, copy)
    verify_metadata(meta_file=NAMES["meta_file"], filepath=str(copy), hash_val=SCHEMA_MD5, create_dir=False)


def network_takes_and_gives_what_the_metadata_says():
    verify_net_in_out(net_id="verify_def", device="cpu", p=2, n=3, **NAMES)


def network_exports_to_torchscript():
    path = OUTPUT / "model.ts"
    ckpt_export(net_id="network_def", filepath=str(path), ckpt_file=str(BUNDLE / "models" / "model.pt"), **NAMES)
    assert set(torch.jit.load(str(path))(torch.rand(1, 4, 32, 48))) == {"seg", "enhancement", "class_logits"}


def training_has_monais_properties():
    assert workflow("train.json", kind="train").check_properties() == []


def evaluation_has_monais_properties():
    assert workflow("train.json", "evaluate.json", kind="evaluation").check_properties() == []


def inference_has_monais_properties():
    assert workflow("inference.json", kind="infer").check_properties() == []


def the_cards_python_loads_and_predicts():
    """The study comes with its tumour mask, which inference does not look at."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", (BUNDLE / "docs" / "README.md").read_text("utf-8"), re.M | re.S)
    study = next(path for path in sorted(DATASET.iterdir()) if path.is_dir())
    shutil.copytree(study, OUTPUT / "my_studies" / "one")
    shutil.copytree(BUNDLE, OUTPUT / BUNDLE.name)
    made = {}
    exec(compile(code, "README.md", "exec"), made)

    published, loaded = torch.load(BUNDLE / "models" / "model.pt", weights_only=True), made["network"].state_dict()
    assert loaded.keys() == published.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in published.items())
    report = json.loads((OUTPUT / "my_results" / "one" / "study.json").read_text("utf-8"))
    assert report["case"] == "one"
    assert report["versions"]["mti_net"] == METADATA["version"]


CHECKS = [check for check in list(globals().values()) if getattr(check, "__module__", None) == "__main__"]
CHECKS = [check for check in CHECKS if callable(check) and check is not workflow]


def outcome_of(check) -> str:
    try:
        check()
    except (Exception, SystemExit):
        return traceback.format_exc()
    return "passed"


if __name__ == "__main__":
    sys.path.insert(0, str(BUNDLE))
    outcomes = {check.__name__: outcome_of(check) for check in CHECKS}
    sys.stdout.write("\n" + json.dumps(outcomes) + "\n")

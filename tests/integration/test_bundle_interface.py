"""What MONAI's own tools see of the bundle."""

import hashlib
import os
import shutil

import pytest
import torch
from monai.bundle import load, verify_metadata, verify_net_in_out
from monai.bundle.config_parser import ConfigParser

SCHEMA_MD5 = "06954cad2cc5d3784e72077ac76f0fc8"


@pytest.fixture(scope="module")
def schema(shipped):
    """MONAI's schema of metadata.json, which is not part of the project."""
    beside = shipped.root.parent / "shared" / "reference" / "meta_schema_20240725.json"
    path = os.environ.get("MTINET_METADATA_SCHEMA", beside)
    if not os.path.isfile(path):
        pytest.skip("MONAI's metadata schema is not at hand (MTINET_METADATA_SCHEMA names the file)")
    return path


@pytest.mark.parametrize(
    ("files", "workflow_type"),
    [
        (["train.json"], "train"),
        (["train.json", "evaluate.json"], "train"),
        (["train.json", "evaluate.json"], "evaluation"),
        (["inference.json"], "infer"),
    ],
    ids=["train", "evaluate as train", "evaluate", "inference"],
)
def test_check_properties_finds_nothing(shipped, phantom, tmp_path, files, workflow_type):
    overrides = {"dataset_dir": str(phantom), "output_dir": str(tmp_path), "network_def#widths": [4, 4, 8, 8]}
    workflow = shipped.build(files, workflow_type=workflow_type, **overrides)
    assert workflow.check_properties() == []


def test_metadata_follows_monais_schema(shipped, schema, tmp_path):
    copy = tmp_path / "schema.json"  # already there and of the right hash: nothing is downloaded
    shutil.copyfile(schema, copy)
    assert hashlib.md5(copy.read_bytes()).hexdigest() == SCHEMA_MD5
    meta_file = str(shipped.configs / "metadata.json")
    verify_metadata(meta_file=meta_file, filepath=str(copy), hash_val=SCHEMA_MD5, create_dir=False)


def test_metadata_lists_its_own_version(shipped):
    from custom import __version__

    metadata = ConfigParser.load_config_file(str(shipped.configs / "metadata.json"))
    assert metadata["version"] == __version__
    assert metadata["version"] in metadata["changelog"]


@pytest.mark.parametrize("n", [1, 3])
def test_verify_net_in_out_accepts_verify_def(shipped, n):
    verify_net_in_out(
        net_id="verify_def",
        config_file=str(shipped.configs / "inference.json"),
        meta_file=str(shipped.configs / "metadata.json"),
        device="cpu",
        n=n,
        **{"network_def#widths": [4, 4, 8, 8]},
    )


def shipped_network(shipped):
    parser = ConfigParser()
    parser.read_config(str(shipped.configs / "inference.json"))
    return parser.get_parsed_content("network_def")


@pytest.mark.filterwarnings("ignore:parsing config_file")
def test_load_returns_the_network_with_its_weights(shipped, tmp_path):
    bundle = tmp_path / "bundles" / "mti_net"
    shutil.copytree(shipped.configs, bundle / "configs")
    (bundle / "models").mkdir()
    torch.manual_seed(5)
    network = shipped_network(shipped)
    torch.save(network.state_dict(), bundle / "models" / "model.pt")
    loaded = load("mti_net", bundle_dir=str(tmp_path / "bundles"), source="monaihosting", device="cpu")
    assert type(loaded) is type(network)
    expected, found = network.state_dict(), loaded.state_dict()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []

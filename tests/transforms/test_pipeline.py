"""The transforms together, as a configuration composes them: cached, sliced, augmented, collated."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import DataLoader, Dataset, decollate_batch
from monai.data.utils import pickle_hashing
from monai.transforms import Invertd

from custom.data import load_study
from custom.enhancement import measure_enhancement
from custom.transforms import LoadStudyd, StudyCacheDataset, collate_studies, study_enhancement
from custom.types import PHASES

KEYS = ["image", "label", "phase_label"]
OPTIONAL = {"keys": KEYS, "allow_missing_keys": True}
DETERMINISTIC = [
    {"_target_": "custom.transforms.LoadStudyd", "classes": ["hemangioma", "HCC"], "phase_map": None},
    {"_target_": "custom.transforms.CheckSliceAxisd"},
    {"_target_": "Orientationd", "axcodes": "LPS", "labels": None, **OPTIONAL},
    {"_target_": "custom.transforms.AntiAliasd", "spacing_mm": 2.5},
    {
        "_target_": "Spacingd",
        "pixdim": [2.5, 2.5, -1.0],
        "mode": ["bilinear", "nearest", "nearest"],
        "dtype": "float32",
        **OPTIONAL,
    },
    {"_target_": "custom.transforms.JointScaled", "percentile": 99.5},
    {"_target_": "ResizeWithPadOrCropd", "spatial_size": [48, 32, -1], **OPTIONAL},
]
RANDOM = [
    {"_target_": "custom.transforms.RandSlicesd", "num_samples": 4, "tumour_fraction": 0.5},
    {"_target_": "custom.transforms.RandSliceAffined", "prob": 0.5, "spacing_mm": 2.5},
    {"_target_": "custom.transforms.RandPhaseShiftd", "prob": 0.2, "spacing_mm": 2.5},
    {"_target_": "custom.transforms.RandCommonIntensityd", "prob": 0.5},
    {"_target_": "custom.transforms.RandNoised", "prob": 0.5},
    {"_target_": "custom.transforms.RandPhaseDropoutd", "prob": 0.1},
    {"_target_": "custom.transforms.SliceTargetsd", "classes": ["hemangioma", "HCC"]},
    {"_target_": "custom.transforms.MeasureEnhancementd"},
]
VALIDATION = [*DETERMINISTIC[:-1], {"_target_": "DivisiblePadd", "k": [16, 16, 1], **OPTIONAL}]


def compose(transforms):
    return ConfigParser({"t": {"_target_": "Compose", "transforms": transforms}}).get_parsed_content("t")


@pytest.fixture
def items(tmp_path):
    """Two small studies in files: an HCC without the delayed phase, and a healthy liver."""
    rng = np.random.default_rng(2)
    affine = np.diag([-2.0, -2.0, 6.0, 1.0])

    def write(folder, name, data):
        nib.save(nib.Nifti1Image(data, affine), tmp_path / folder / f"{name}.nii.gz")
        return str(tmp_path / folder / f"{name}.nii.gz")

    entries = []
    for case, phases in (("hcc", PHASES[:3]), ("healthy", PHASES)):
        (tmp_path / case).mkdir()
        mask = np.zeros((52, 36, 9), np.uint8)
        if case == "hcc":
            mask[20:30, 12:22, 3:6] = 2
        paths = {}
        for level, phase in enumerate(phases, 1):
            image = rng.normal(100, 5, mask.shape) + 100 * level * (mask > 0)
            paths[phase] = write(case, phase, image.astype(np.float32))
        entries.append({"case": case, "patient": case, "phases": paths, "label": write(case, "tumour", mask)})
    entries[0] |= {"lesion_class": "HCC", "true_enhancement": [200.0, 300.0, 400.0, None], "site": "A"}
    return entries


def test_training_batch(items):
    loader = DataLoader(Dataset(items, compose(DETERMINISTIC + RANDOM)), batch_size=2)
    batch = next(iter(loader))
    shapes = {k: (tuple(v.shape), v.dtype) for k, v in batch.items()}
    assert shapes == {
        "image": ((8, 4, 48, 32), torch.float32),
        "label": ((8, 1, 48, 32), torch.float32),
        "enhancement": ((8, 4), torch.float32),
        "lesion_class": ((8,), torch.int64),
        "has_tumour": ((8,), torch.bool),
        "phase_mask": ((8, 4), torch.bool),
    }
    assert all(type(v) is torch.Tensor for v in batch.values())
    assert batch["lesion_class"].tolist() == [1, 1, -1, -1, -1, -1, -1, -1]
    assert batch["has_tumour"].tolist() == [True, True] + [False] * 6
    assert not batch["phase_mask"][:4, 3].any()
    torch.testing.assert_close(batch["enhancement"], measure_enhancement(batch["label"], batch["image"]))


def test_validation_batch(items):
    loader = DataLoader(Dataset(items, compose(VALIDATION)), batch_size=1, collate_fn=collate_studies)
    hcc, healthy = loader
    assert hcc["image"].shape == (1, 4, 48, 32, 9)
    assert hcc["label"].shape == (1, 1, 48, 32, 9)
    assert hcc["label"].unique().tolist() == [0, 2]
    assert hcc["phase_mask"].tolist() == [[True, True, True, False]]
    assert hcc["study"][0]["case"] == "hcc"
    back = decollate_batch(hcc)[0]
    raw = study_enhancement(back) * hcc["scale"]
    assert raw[:3].tolist() == pytest.approx([200, 300, 400], rel=0.03)
    assert study_enhancement(decollate_batch(healthy)[0]).tolist() == [0, 0, 0, 0]
    assert back["study"]["flags"] == ["missing_phase:delayed"]
    assert back["true_enhancement"][:3].tolist() == [200, 300, 400]
    np.testing.assert_allclose(back["image"].affine[:3, :3], np.diag([-2.5, -2.5, 6.0]), atol=1e-9)


def test_cache_holds_what_was_computed(items, tmp_path):
    """Loaded back by weights_only, with affines, and once more in a run that makes its transforms anew."""
    cache = tmp_path / "cache"

    def dataset(percentile=99.5):
        steps = [{**t, "percentile": percentile} if "JointScaled" in t["_target_"] else t for t in VALIDATION]
        return StudyCacheDataset(data=items, transform=compose(steps), cache_dir=cache)

    computed = list(dataset())
    files = {f: f.stat().st_mtime_ns for f in cache.iterdir()}
    assert len(files) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a file that does not load is recomputed with no more than a warning
        cached = list(dataset())
    assert {f: f.stat().st_mtime_ns for f in cache.iterdir()} == files
    for a, b in zip(computed, cached, strict=True):
        assert a.keys() == b.keys()
        assert (a["study"], a["scale"], a["lesion_class"]) == (b["study"], b["scale"], b["lesion_class"])
        torch.testing.assert_close(a["image"].as_tensor(), b["image"].as_tensor(), rtol=0, atol=0)
        np.testing.assert_array_equal(a["image"].affine, b["image"].affine)
    list(dataset(percentile=90.0))
    assert len(list(cache.iterdir())) == 4
    image = nib.load(items[0]["phases"]["pre"])
    nib.save(nib.Nifti1Image(image.get_fdata(dtype=np.float32) * 2, image.affine), items[0]["phases"]["pre"])
    changed = dataset()[0]["image"][0] * dataset()[0]["scale"]
    assert changed.mean() > 1.8 * (computed[0]["image"][0] * computed[0]["scale"]).mean()


def test_cached_training_is_the_same_bit_for_bit(items, tmp_path):
    def batch():
        transform = compose(DETERMINISTIC + RANDOM)
        data = StudyCacheDataset(data=items, transform=transform, cache_dir=tmp_path / "cache")
        transform.set_random_state(seed=11)
        return next(iter(DataLoader(data, batch_size=2)))

    first, second = batch(), batch()
    for key, value in first.items():
        torch.testing.assert_close(second[key], value, rtol=0, atol=0)


def test_transforms_have_the_same_key_in_another_process():
    code = (
        "import runpy, sys; m = runpy.run_path(sys.argv[1]); from monai.data.utils import pickle_hashing; "
        "print(pickle_hashing(list(m['compose'](m['DETERMINISTIC']).transforms)).decode())"
    )
    root = Path(__file__).parents[2]
    keys = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, __file__], cwd=root, capture_output=True, text=True, check=True
        ).stdout.split()[-1]
    ]
    assert keys[0] == pickle_hashing(list(compose(DETERMINISTIC).transforms)).decode()


def test_random_part_copes_with_every_gap(items):
    """Twenty epochs of strong augmentation: finite, absent phases stay absent, targets match the tensors."""
    steps = [{**t, "prob": 1.0} if t.get("prob", 0) >= 0.2 else t for t in RANDOM]
    prepared = compose(DETERMINISTIC)(items[0])
    random_part = compose(steps)
    random_part.set_random_state(seed=5)
    for _ in range(20):
        for item in random_part(prepared):
            assert torch.isfinite(item["image"]).all()
            assert float(item["image"][3].abs().max()) == 0
            assert set(item["label"].unique().tolist()) <= {0.0, 1.0}
            assert bool(item["has_tumour"]) == bool(item["label"].any())
            assert int(item["lesion_class"]) == (1 if item["has_tumour"] else -1)


@pytest.mark.realdata
def test_a_real_series_with_time_points():
    """Another organ, four of ten time points of one GE series: its grid comes back, its values stay."""
    root = os.environ.get("MTINET_REAL_DATA")
    if not root:
        pytest.skip("MTINET_REAL_DATA names no folder of real scanner files")
    folder = Path(root) / "ge_multiphase" / "SliceTimingMPh" / "2_fMRI_Multiphase_Des"
    phase_map = {"*": {phase: f"2@{k}" for k, phase in enumerate(PHASES, 1)}}
    study = load_study({"case": "ge", "image": folder}, phase_map=phase_map)
    preprocessing = compose(VALIDATION[1:])
    loaded = LoadStudyd(phase_map=phase_map, registration="none")({"case": "ge", "image": str(folder)})
    for p, phase in enumerate(PHASES):
        np.testing.assert_array_equal(loaded["image"][p].numpy(), study.phases[phase].data)
    item = preprocessing(loaded)
    assert item["image"].shape[1] % 16 == item["image"].shape[2] % 16 == 0
    item["pred"] = item["image"].clone()
    native = Invertd(keys="pred", transform=preprocessing, orig_keys="image", nearest_interp=False)(item)["pred"]
    reference = study.phases["portal_venous"]
    assert native.shape[1:] == reference.data.shape
    np.testing.assert_allclose(native.affine.numpy(), reference.affine, atol=1e-9)
    body = reference.data > 0.2 * reference.data.max()
    restored = native[2].numpy() * item["scale"]
    assert np.corrcoef(restored[body], reference.data[body])[0, 1] > 0.9

"""Several mask files of one study are read as one label map, or refused."""

import json

import numpy as np
import pytest

from custom.data import load_datalist, load_study
from custom.transforms import study_key
from custom.types import PHASES, InputError

SHAPE = (7, 5, 4)  # of the volumes in conftest.py


def boxes(*values):
    """Label maps with one box each, at different places along the first axis; the boxes touch but do not overlap."""
    masks = []
    for k, value in enumerate(values):
        mask = np.zeros(SHAPE, np.uint8)
        mask[2 * k : 2 * k + 2, k : k + 2, 1:3] = value
        masks.append(mask)
    return masks


@pytest.fixture
def listed(nifti_study, save_nifti, tmp_path):
    """``listed(*masks)`` writes a datalist whose one entry names these masks as its label; returns the folder."""

    def write(*masks, affines=None, key="label"):
        name = nifti_study.name
        paths = []
        for k, mask in enumerate(masks):
            more = {} if affines is None else {"affine": affines[k]}
            paths.append(save_nifti(nifti_study / f"tumour{k + 1}.nii.gz", mask, **more).relative_to(tmp_path))
        files = [path.as_posix() for path in paths]
        entry = {"case": "a", "phases": {p: f"{name}/{p}.nii.gz" for p in PHASES}, "lesion_class": "HCC"}
        entry[key] = {"arterial": files} if key == "labels" else files
        content = {"classes": ["hemangioma", "HCC"], "training": [entry], "validation": [], "test": []}
        (tmp_path / "datalist.json").write_text(json.dumps(content), "utf-8")
        (item,) = load_datalist(dataset_dir=tmp_path, section="training")
        return item

    return write


@pytest.mark.parametrize("key", ["label", "liver", "labels"])
def test_files_of_a_list_are_read_as_one_mask(listed, key):
    masks = boxes(1, 1, 1)
    study = load_study(listed(*masks, key=key))
    merged = study.phase_labels["arterial"] if key == "labels" else getattr(study, key)
    np.testing.assert_array_equal(merged.data, sum(masks))
    assert merged.source == "tumour1.nii.gz, tumour2.nii.gz, tumour3.nii.gz"


def test_class_values_survive(listed):
    first, second = boxes(1, 2)
    np.testing.assert_array_equal(load_study(listed(first, second)).label.data, first + second)


def test_masks_of_one_tumour_may_overlap_but_not_in_class(listed):
    (mask,) = boxes(1)
    np.testing.assert_array_equal(load_study(listed(mask, mask)).label.data, mask)
    with pytest.raises(InputError, match=r"tumour2\.nii\.gz gives another class"):
        load_study(listed(mask, 2 * mask))


def test_masks_on_different_grids_are_refused(listed):
    shifted = np.diag([2.0, 2.0, 4.0, 1.0])
    with pytest.raises(InputError, match=r"tumour2\.nii\.gz on another grid than tumour1\.nii\.gz"):
        load_study(listed(*boxes(1, 1), affines=[np.eye(4), shifted]))


def test_a_changed_file_of_the_list_is_not_found_in_the_cache(listed, save_nifti):
    item = listed(*boxes(1, 1))
    before = study_key(item)
    with open(item["label"][1], "ab") as file:
        file.write(b"more")
    assert study_key(item) != before

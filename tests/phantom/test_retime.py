"""The same examination at other times: only what time changes is changed."""

import json
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from custom.data.phantom import SITES, phantom_manifest, write_phantom, write_retimed
from custom.data.phantom.retime import later
from custom.types import PHASES


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """One study of each class of a tiny data set, 10 s later in the arterial and 5 s earlier in the delayed phase."""
    folder = tmp_path_factory.mktemp("retime")
    content = json.loads(write_phantom(folder / "usual", preset="tiny", seed=2, workers=1, site="late").read_text())
    items = [item for item in content["test"] if item["lesion_class"]]
    delays_s = {"arterial": 10.0, "delayed": -5.0}
    return SimpleNamespace(
        folder=folder,
        before=items,
        after=write_retimed(folder / "usual", items, delays_s=delays_s, output=folder / "other"),
    )


def test_only_the_phases_whose_time_changes_change(again):
    for before, after in zip(again.before, again.after, strict=True):
        same = {}
        for name in (*PHASES, "label"):
            first = before["phases"][name] if name in PHASES else before[name]
            second = after["phases"][name] if name in PHASES else after[name]
            images = [nib.load(again.folder / where / path) for where, path in (("usual", first), ("other", second))]
            np.testing.assert_array_equal(images[0].affine, images[1].affine)
            same[name] = np.array_equal(*(np.asarray(image.dataobj) for image in images))
        assert same == {"pre": True, "arterial": False, "portal_venous": True, "delayed": False, "label": True}


def test_the_true_curve_is_that_of_the_other_times(again):
    for before, after in zip(again.before, again.after, strict=True):
        pairs = list(zip(before["true_enhancement"], after["true_enhancement"], strict=True))
        assert [first == second for first, second in pairs] == [True, False, True, False]
        assert {**before, "true_enhancement": 0, "site": 0} == {**after, "true_enhancement": 0, "site": 0}


def test_later_adds_to_a_sites_own_times():
    assert later(SITES["early"], {"arterial": -4.0}).arterial_s == (24.0, 30.0)
    assert later(SITES["early"], {"arterial": -4.0}).delayed_s == SITES["early"].delayed_s


def test_a_folder_without_a_phantom_has_no_manifest(tmp_path):
    assert phantom_manifest(tmp_path) is None
    (tmp_path / "manifest.json").write_text("{}")
    assert phantom_manifest(tmp_path) is None

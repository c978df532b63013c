"""The place of an image that only the datalist knows."""

import numpy as np
import pytest

from custom.data import load_study
from custom.types import PHASES, InputError

TURNED = [[2.0, 0.0, 0.0, 5.0], [0.0, -1.5, 0.1, -20.0], [0.0, 0.0, 4.0, 37.0], [0.0, 0.0, 0.0, 1.0]]


@pytest.mark.parametrize("form", ["phases", "image"])
def test_a_stated_affine_replaces_the_files_own(nifti_study, volumes, form):
    images = {p: str(nifti_study / f"{p}.nii.gz") for p in PHASES} if form == "phases" else str(nifti_study)
    plain = load_study({"case": "a", form: images})
    study = load_study({"case": "a", form: images, "affines": {"arterial": TURNED}})
    np.testing.assert_array_equal(study.phases["arterial"].affine, TURNED)
    np.testing.assert_array_equal(study.phases["arterial"].data, volumes["arterial"])
    assert study.phases["arterial"].evidence["affine"] == "datalist"
    np.testing.assert_array_equal(study.phases["pre"].affine, plain.phases["pre"].affine)


@pytest.mark.parametrize(
    ("affines", "message"),
    [
        ({"art": TURNED}, "found phase 'art'"),
        ({"pre": [[1, 2], [3]]}, "4 rows of 4 numbers"),
        ({"pre": np.zeros((4, 4)).tolist()}, "singular affine"),
        ({"pre": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}, "singular affine"),
    ],
)
def test_what_is_no_affine(nifti_study, affines, message):
    with pytest.raises(InputError, match=message):
        load_study({"case": "a", "image": str(nifti_study), "affines": affines})

"""What messages show of file names and descriptions that may name somebody."""

from pathlib import PurePosixPath

import pytest

from custom.data.shown import place_in_exam, redacted, shown


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("series5/0001.dcm", "series5/0001.dcm"),
        ("DICOM/S0007/IM000012.dcm", "DICOM/S0007/IM000012.dcm"),
        ("art/MR.1.2.840.113619.2.5.1762583153.215519.978957063.78", "art/MR.…57063.78"),
        ("Zimtstern^Erna/20250102/IM1", "…^…/20250102/IM1".replace("20250102", "…102")),
        ("Li_Wu_0017.IMA", "…_…_0017.IMA"),
        ("4711081500/z12/I10", "…500/z12/I10"),
    ],
)
def test_a_place_keeps_what_is_technical(place, expected):
    assert place_in_exam(PurePosixPath(place)) == expected


def test_a_file_the_user_named_keeps_its_name():
    assert shown("/data/study/c01_arterial.nii.gz") == "c01_arterial.nii.gz"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("T1 dyn ZIMTSTERN erna", "T1 dyn … …"),
        ("t1_art_Zimtsternstrasse", "t1_art_…strasse"),
        ("sleep study of Lee", "sleep study of …"),
        ("t1_lee_art", "t1_…_art"),
        ("exam 4711", "exam …"),
    ],
)
def test_identifiers_are_taken_out_of_descriptions(text, expected):
    assert redacted(text, {"zimtstern", "erna", "lee", "4711", "1.2.3"}) == expected

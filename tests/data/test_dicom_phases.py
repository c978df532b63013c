"""Which volume is which phase: names, times and image against each other, and never a silent guess."""

import numpy as np
import pytest

from custom.data import load_study
from custom.types import PHASES, InputError

ENHANCING = dict(zip(PHASES, (1.0, 1.2, 1.4, 1.3), strict=True))


@pytest.fixture
def enhancing(volumes):
    """Volumes whose brightness follows a contrast injection."""
    return {phase: (200 + volumes[phase] * ENHANCING[phase] * 2).astype(np.int16) for phase in PHASES}


def assert_named(study, volumes):
    assert tuple(study.phases) == PHASES
    for phase in PHASES:
        np.testing.assert_array_equal(study.phases[phase].data, volumes[phase])


def test_four_series_by_times(dicom, enhancing):
    dicom.four_series(enhancing)
    study = load_study(dicom.root)
    assert_named(study, enhancing)
    assert [study.phases[phase].time_s for phase in PHASES] == [0, 60, 95, 205]
    assert study.phases["pre"].evidence["rule"] == "acquisition order, times"
    assert study.flags == ()


def test_times_count_from_the_injection_where_it_is_known(dicom, enhancing):
    dicom.four_series(enhancing, ContrastBolusStartTime="100025")
    study = load_study(dicom.root)
    assert [study.phases[phase].time_s for phase in PHASES] == [-25, 35, 70, 180]


def test_descriptions_without_times(dicom, enhancing):
    texts = dict(zip(PHASES, ("T1 nativ", "T1 arteriell", "T1 portalvenös", "T1 spät"), strict=True))
    for number, phase in enumerate(("delayed", "pre", "portal_venous", "arterial"), 5):
        dicom.series([enhancing[phase]], number, texts[phase])
    study = load_study(dicom.root)
    assert_named(study, enhancing)
    assert "phase_order_from_descriptions" in study.flags


def test_folder_names_speak_where_descriptions_do_not(dicom, enhancing):
    for number, (phase, folder) in enumerate(zip(PHASES, ("pre", "art", "pv", "del"), strict=True), 5):
        paths = dicom.series([enhancing[phase]], 20 - number, "")
        (dicom.root / folder).mkdir()
        for path in paths:
            path.rename(dicom.root / folder / path.name)
    assert_named(load_study(dicom.root), enhancing)


def test_one_series_with_four_time_points(dicom, enhancing):
    dicom.series(list(enhancing.values()), 5, tags=lambda t, k: {"TemporalPositionIdentifier": t + 1})
    study = load_study(dicom.root)
    assert_named(study, enhancing)
    assert "phase_order_from_acquisition_order" in study.flags


def test_other_images_of_the_exam_are_set_aside_with_reasons(dicom, enhancing):
    dicom.four_series(enhancing)
    other = enhancing["pre"]
    dicom.series(
        [other], 1, "3-plane localizer", AcquisitionTime="095500", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]
    )
    dicom.series([other], 2, "t2_haste_cor", AcquisitionTime="095600")
    dicom.series([other], 3, "DWI b800", AcquisitionTime="095700")
    dicom.series([other], 20, "art SUB", AcquisitionTime="101000", ImageType=["DERIVED", "PRIMARY", "SUBTRACT"])
    dicom.series([other], 21, "art MIP", AcquisitionTime="101000")
    dicom.series([other], 22, "T1 dyn F", AcquisitionTime="100100", ImageType=["DERIVED", "PRIMARY", "DIXON", "FAT"])
    dicom.series([other], 23, "T1 dyn opp", AcquisitionTime="100100")
    (dicom.root / "README.txt").write_text("not DICOM")
    study = load_study(dicom.root)
    assert_named(study, enhancing)
    reasons = {entry["series"]: entry["reason"] for entry in study.set_aside}
    assert reasons == {
        "1": "localiser",
        "2": "another contrast than T1",
        "3": "diffusion or its map",
        "20": "subtraction",
        "21": "projection (MIP)",
        "22": "Dixon fat image",
        "23": "Dixon opposed-phase image",
        "other files": "not DICOM",
    }


def test_a_hepatobiliary_phase_is_not_delayed(dicom, enhancing):
    dicom.four_series(enhancing, ContrastBolusAgent="Gadoxetate disodium")
    dicom.series([enhancing["pre"] + 30], 9, "T1 HBP 20min", AcquisitionTime="102000.00")
    study = load_study(dicom.root)
    assert_named(study, enhancing)
    assert "gadoxetate" in study.flags
    assert {"series": "9", "reason": "not one of the four phases"} in study.set_aside


def test_two_series_that_claim_one_phase_are_an_error(dicom, enhancing):
    dicom.four_series(enhancing, descriptions=("pre", "art", "pv", "delayed"))
    dicom.series([enhancing["arterial"]], 9, "art", AcquisitionTime="100110.00")
    with pytest.raises(InputError, match=r"phase arterial twice: series 6 and series 9;.*--phase_map"):
        load_study(dicom.root)


def test_an_early_arterial_series_beside_the_arterial_one_is_no_doubled_phase(dicom, enhancing):
    dicom.four_series(enhancing, seconds=(0, 80, 95, 205), descriptions=("pre", "art", "pv", "delayed"))
    dicom.series([enhancing["arterial"]], 9, "early art", AcquisitionTime="100100.00")
    study = load_study(dicom.root)
    assert study.phases["arterial"].source == "series 6"


def test_descriptions_against_times_are_an_error(dicom, enhancing):
    dicom.four_series(enhancing, descriptions=("pre", "pv", "art", "delayed"))
    with pytest.raises(
        InputError, match=r"which speaks of (arterial|portal_venous) but does not lie there in the order of time"
    ):
        load_study(dicom.root)


def test_three_volumes_without_evidence_are_an_error_that_lists_them(dicom, volumes):
    dicom.series(list(volumes.values())[:3], 5, tags=lambda t, k: {"TemporalPositionIdentifier": t + 1})
    with pytest.raises(InputError, match=r'among 3 volume\(s\): 5@1…@3 "T1 dyn".*Name the phases in a phase map'):
        load_study(dicom.root)


def test_patients_and_exams_are_not_mixed(dicom, enhancing):
    dicom.four_series(enhancing)
    dicom.exam = dicom.exam + ".7"
    dicom.series([enhancing["pre"]], 30, "T1 dyn", AcquisitionTime="110000")
    with pytest.raises(InputError, match="found 2 different exams"):
        load_study(dicom.root)
    dicom.patient = "ID-9"
    dicom.series([enhancing["pre"]], 31, "T1 dyn", AcquisitionTime="110000")
    with pytest.raises(InputError, match="found 2 different patients"):
        load_study(dicom.root)
    with pytest.raises(InputError, match="found 2 different patients"):
        load_study(dicom.root, phase_map={"*": {"pre": "31", "portal_venous": "7"}})
    assert_named(
        load_study(dicom.root, phase_map={"*": dict(zip(PHASES, ("5", "6", "7", "8"), strict=True))}), enhancing
    )


def test_phases_named_one_by_one_as_dicom_folders(dicom, enhancing):
    dicom.four_series(enhancing)
    item = {"case": "x", "phases": {phase: str(dicom.root / f"series{n}") for n, phase in enumerate(PHASES, 5)}}
    assert_named(load_study(item), enhancing)
    dicom.patient = "ID-9"
    dicom.series([enhancing["pre"]], 31)
    item["phases"]["pre"] = str(dicom.root / "series31")
    with pytest.raises(InputError, match="found 2 different patients"):
        load_study(item)
    item["phases"]["pre"] = str(dicom.root)
    with pytest.raises(InputError, match="found 5 volumes for phase pre"):
        load_study(item)


def test_no_identifier_leaves_the_room(dicom, enhancing, caplog):
    dicom.four_series(enhancing)
    study = load_study(dicom.root)
    said = repr([study.case, study.flags, study.set_aside, study.patient, caplog.text])
    said += repr([(volume.source, volume.evidence) for volume in study.phases.values()])
    dicom.patient = "ID-9"
    dicom.series([enhancing["pre"]], 31)
    with pytest.raises(InputError) as error:
        load_study(dicom.root)
    said += str(error.value)
    for secret in ("Zimtstern", "4711", "ID-9", dicom.exam, str(dicom.root.parent)):
        assert secret not in said


def test_a_second_delayed_series_is_set_aside_and_told(dicom, enhancing):
    texts = ("T1 blanco", "T1 arterieel", "T1 portoveneus", "T1 laat")
    for number, (phase, text) in enumerate(zip(PHASES, texts, strict=True), 5):
        dicom.series([enhancing[phase]], number, text)
    dicom.series([enhancing["delayed"] - 20], 9, "T1 laat 2")
    study = load_study(dicom.root)
    assert_named(study, enhancing)
    assert "phase_choice_uncertain" in study.flags
    assert {"series": "9", "reason": "not one of the four phases"} in study.set_aside


def test_an_early_arterial_series_alone_is_flagged(dicom, enhancing):
    dicom.four_series(enhancing, descriptions=("pre", "ART EARLY", "PV", "DEL 3MIN"))
    study = load_study(dicom.root)
    assert_named(study, enhancing)
    assert "phase_choice_uncertain" in study.flags

"""Which volume is which phase: names, times and image against each other, and never a silent guess."""

import numpy as np
import pytest

from custom.data import load_study
from custom.data.dicom.automatic import TIE, UNSURE
from custom.data.dicom.blood_and_liver import Curves
from custom.data.dicom.evidence import Evidence
from custom.data.dicom.phases import name_phases
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


def evidence(
    names=None, times=None, blood=None, liver=None, arteries=None, count=4, injection=None, agents=None, early=None
):
    """Evidence on as many candidates as there are names, times, or values of blood; arteries as all blood."""
    count = len(next((given for given in (names, times, blood) if given is not None), range(count)))
    arteries = blood if arteries is None else arteries
    curves = None if blood is None else Curves(*np.array([blood, arteries, liver], dtype=float))
    return Evidence(
        names=names or [set()] * count,
        times_s=np.full(count, np.nan) if times is None else np.array(times, dtype=float),
        injection_s=injection,
        curves=curves,
        groups=np.zeros(count, dtype=int),
        sequences=np.zeros(count, dtype=int),
        agents=np.array(agents or [True] * count),
        early=np.array(early or [False] * count),
    )


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
    assert study.phases["arterial"].source in ("series 6", "series 9")
    assert "phase_choice_uncertain" in study.flags


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


# The scoring itself, on evidence without files: blood and liver relative to the body, as the phantom's are


def phases_of(**known):
    return name_phases(evidence(**known)).phases


def test_the_image_tells_a_missing_phase_without_times_and_names():
    assert phases_of(blood=[1.2, 3.4, 2.3], liver=[1.6, 1.8, 2.2]) == {"pre": 0, "arterial": 1, "portal_venous": 2}
    assert phases_of(blood=[1.2, 2.4, 1.9], liver=[1.6, 2.2, 1.8]) == {"pre": 0, "portal_venous": 1, "delayed": 2}
    assert phases_of(blood=[3.4, 2.3, 1.9], liver=[1.8, 2.2, 1.8]) == {"arterial": 0, "portal_venous": 1, "delayed": 2}


def test_times_tell_a_missing_phase_without_names_and_image():
    assert phases_of(times=[0, 40, 75], injection=5) == {"pre": 0, "arterial": 1, "portal_venous": 2}
    assert phases_of(times=[40, 75, 190], injection=5) == {"arterial": 0, "portal_venous": 1, "delayed": 2}


def test_dense_series_is_reduced_by_times_after_the_first_enhanced_volume():
    times = np.arange(0, 300, 5.0)
    blood = np.where(times < 40, 1.0, 2.0)  # contrast arrives between 35 and 40 s: injection at about 20 s
    naming = name_phases(evidence(times=times, blood=blood, liver=np.full(60, 2.0)))
    chosen = {phase: times[i] - 20 for phase, i in naming.phases.items()}
    assert 0 <= chosen["pre"] <= 15
    assert 30 <= chosen["arterial"] <= 40
    assert 60 <= chosen["portal_venous"] <= 80
    assert 120 <= chosen["delayed"] <= 300


def test_dense_series_without_enhancement_or_names_is_no_answer():
    assert name_phases(evidence(times=np.arange(8) * 2.0)).margin < 0.5


def test_repeated_pre_contrast_volume_takes_the_last_before_the_injection():
    naming = name_phases(evidence(times=[0, 40, 110, 145, 260], injection=75))
    assert naming.phases == {"pre": 1, "arterial": 2, "portal_venous": 3, "delayed": 4}


def test_the_late_arterial_phase_is_the_better_one():
    names = [{"pre"}, {"arterial"}, {"arterial"}, {"portal_venous"}, {"delayed"}]
    assert phases_of(names=names, early=[False, True, False, False, False])["arterial"] == 2
    assert phases_of(times=[-30, 20, 35, 70, 180], injection=0)["arterial"] == 2


def test_names_outweigh_the_image_and_the_disagreement_is_told():
    names = [{"pre"}, {"arterial"}, {"portal_venous"}, {"delayed"}]
    naming = name_phases(
        evidence(names=names, blood=[2.4, 2.3, 2.2, 1.2], liver=[1.6, 1.6, 1.6, 1.6], times=[0, 60, 95, 200])
    )
    assert list(naming.phases.values()) == [0, 1, 2, 3]
    assert naming.against == ("image",)


def test_a_recorded_agent_parts_before_from_after():
    naming = name_phases(evidence(agents=[False, True, True]))
    assert naming.phases["pre"] == 0
    assert naming.scores["pre"]["agent"] > 0


def test_without_times_the_next_volume_is_the_likelier_phase_but_no_certain_one():
    blood, liver = [1.2, 3.4, 2.3, 1.9, 1.9], [1.6, 1.8, 2.2, 1.8, 1.8]
    naming = name_phases(evidence(blood=blood, liver=liver))
    assert list(naming.phases.values()) == [0, 1, 2, 3]
    assert TIE < naming.margin < UNSURE


def test_a_volume_right_before_the_arterial_phase_is_not_from_before_the_injection():
    blood, liver = [1.36, 3.8, 2.1, 1.92], [1.63, 1.93, 2.15, 1.88]  # contrast has just arrived in the first
    assert phases_of(times=[0, 13, 66, 109], blood=blood, liver=liver) == {
        "arterial": 1,
        "portal_venous": 2,
        "delayed": 3,
    }
    assert phases_of(times=[0, 53, 106, 149], blood=blood, liver=liver)["pre"] == 0


def test_a_volume_with_blood_as_dark_as_before_is_no_enhanced_phase():
    blood, liver = [1.42, 4.31, 2.53, 1.45], [1.73, 2.06, 2.27, 1.65]  # hepatobiliary: washed out
    assert phases_of(blood=blood, liver=liver) == {"pre": 0, "arterial": 1, "portal_venous": 2}
    blood, liver = [1.2, 1.17, 2.78, 2.02], [1.76, 1.7, 2.36, 1.75]
    assert "arterial" not in phases_of(times=[0, 45, 96, 268], blood=blood, liver=liver)


def test_blood_that_washes_out_after_the_first_volume_is_not_as_dark_as_before():
    blood, liver = [3.06, 1.85, 1.51], [2.18, 2.28, 1.89]
    assert phases_of(times=[0, 49, 196], blood=blood, liver=liver) == {"arterial": 0, "portal_venous": 1, "delayed": 2}


def test_the_arterial_phase_has_the_brightest_blood():
    times, liver = [0, 54, 64, 116, 164], [1.53, 1.64, 2.1, 2.05, 1.88]
    assert phases_of(times=times, blood=[1.26, 2.3, 3.96, 2.22, 2.1], liver=liver)["arterial"] == 2


def test_many_volumes_without_times_are_told_by_their_peaks_and_their_end():
    blood = [1.2] * 5 + [1.5, 3.9, 3.2, 2.8, 2.6, 2.4] + [2.2] * 9
    liver = [1.6] * 6 + [1.9, 2.1, 2.3, 2.4, 2.3] + [1.9] * 9
    naming = name_phases(evidence(blood=blood, liver=liver))
    assert naming.phases["pre"] <= 5
    assert [naming.phases[phase] for phase in PHASES[1:]] == [6, 9, 19]


@pytest.mark.parametrize("late", [400, 1200])
def test_a_late_volume_is_not_taken_for_the_delayed_phase(late):
    assert phases_of(times=[-30, 35, 70, 180, late], injection=0)["delayed"] == 3
    assert "delayed" not in phases_of(times=[-30, 35, 70, 1200], injection=0)

"""How namings are scored, on evidence without files: blood and liver relative to the body, as the phantom's are."""

import numpy as np
import pytest

from custom.data.dicom.blood_and_liver import Curves
from custom.data.dicom.doubts import TIE, UNSURE, is_uncertain
from custom.data.dicom.evidence import Evidence
from custom.data.dicom.image_scores import looks_early, looks_late
from custom.data.dicom.phase_scores import time_scores
from custom.data.dicom.phases import name_phases
from custom.types import PHASES


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


def test_an_arterial_phase_before_the_veins_fill_has_bright_arteries_all_the_same():
    blood, arteries = [1.08, 1.93, 2.89, 1.95], [1.04, 3.93, 2.24, 1.83]  # of all blood, more is venous than arterial
    naming = name_phases(evidence(blood=blood, arteries=arteries, liver=[1.81, 1.75, 2.35, 1.88]))
    assert list(naming.phases.values()) == [0, 1, 2, 3]
    assert naming.margin > UNSURE


def test_of_two_arterial_phases_the_one_with_filled_veins_is_the_late_one():
    blood, arteries = [1.38, 1.75, 3.89, 2.45, 2.13], [1.02, 5.73, 3.52, 2.56, 2.38]
    naming = name_phases(evidence(blood=blood, arteries=arteries, liver=[1.7, 1.74, 2.19, 2.41, 2.11]))
    assert list(naming.phases.values()) == [0, 2, 3, 4]
    assert naming.margin > UNSURE


def test_names_outweigh_an_image_that_shows_no_enhancement():
    names = [{"arterial"}, {"portal_venous"}, {"delayed"}]
    naming = name_phases(evidence(names=names, blood=[1.38, 2.62, 2.11], liver=[1.75, 2.28, 1.95]))
    assert naming.phases == {"arterial": 0, "portal_venous": 1, "delayed": 2}
    assert naming.against == ("image",)


def test_a_volume_that_is_described_as_something_else_is_no_missing_phase():
    names = [{"pre"}, {"arterial"}, {"portal_venous"}, {"other"}]
    naming = name_phases(evidence(names=names, blood=[1.24, 4.0, 2.15, 1.57], liver=[1.8, 2.3, 2.33, 1.79]))
    assert naming.phases == {"pre": 0, "arterial": 1, "portal_venous": 2}


def test_of_several_delayed_series_the_first_is_meant_unless_times_tell():
    names = [{"pre"}, {"arterial"}, {"portal_venous"}, {"delayed"}, {"delayed"}]
    naming = name_phases(evidence(names=names))
    assert naming.phases["delayed"] == 3
    assert TIE < naming.margin < UNSURE
    assert phases_of(names=names, times=[-30, 35, 60, 95, 180], injection=0)["delayed"] == 4


def test_enhancement_tells_an_early_arterial_and_a_late_delayed_volume():
    phases = dict(zip(PHASES, range(4), strict=True))

    def curves(arterial, delayed):
        values = np.array([1.0, arterial, 2.0, delayed])
        return Curves(blood=values, arteries=values, liver=np.ones(4))

    assert looks_early(curves(1.5, 1.8), phases)
    assert not looks_early(curves(2.5, 1.8), phases)
    assert looks_late(curves(2.5, 1.4), phases)
    assert not looks_late(curves(2.5, 1.6), phases)
    assert not looks_late(curves(2.5, 1.4), {"portal_venous": 2, "delayed": 3})


def test_dark_veins_beside_bright_arteries_are_no_volume_from_before_contrast():
    blood, arteries, liver = [1.8, 2.79, 1.83], [2.76, 2.04, 1.51], [2.15, 2.41, 1.98]
    naming = name_phases(evidence(blood=blood, arteries=arteries, liver=liver))
    assert naming.phases == {"arterial": 0, "portal_venous": 1, "delayed": 2}


def test_of_two_arterial_volumes_that_tell_the_same_the_later_is_taken_and_it_is_no_tie():
    blood, liver = [1.25, 3.86, 3.12, 2.28, 1.94], [1.57, 2.03, 2.03, 2.04, 1.67]
    alike = evidence(blood=blood, liver=liver)
    naming = name_phases(alike)
    assert naming.phases == {"pre": 0, "arterial": 2, "portal_venous": 3, "delayed": 4}
    assert naming.margin > TIE and is_uncertain(naming, alike)


def test_a_volume_with_bright_blood_is_not_from_before_contrast_although_only_its_arteries_are_filled():
    blood, arteries, liver = [2.32, 3.7, 2.35, 1.81], [5.99, 3.69, 2.56, 2.08], [2.01, 2.27, 2.43, 1.91]
    naming = name_phases(evidence(blood=blood, arteries=arteries, liver=liver))
    assert naming.phases == {"arterial": 1, "portal_venous": 2, "delayed": 3}


def test_a_delayed_phase_keeps_a_third_of_the_portal_venous_phases_enhancement():
    washed_out = {"blood": [1.52, 3.48, 2.65, 1.67], "liver": [1.75, 2.24, 2.27, 1.77]}
    assert "delayed" not in phases_of(**washed_out)
    assert phases_of(**(washed_out | {"blood": [1.52, 3.48, 2.65, 1.97]}))["delayed"] == 3


def test_a_delayed_phase_hardly_brighter_than_before_contrast_is_one_where_the_portal_venous_phase_is_weak_too():
    blood, liver = [1.37, 3.43, 1.95, 1.59], [1.87, 2.12, 2.48, 1.98]
    assert phases_of(times=[0, 64, 101, 319], blood=blood, liver=liver)["delayed"] == 3


@pytest.mark.parametrize(("step_s", "arterial"), [(9, 3), (25, 2)], ids=["dense", "apart"])
def test_the_volume_in_which_contrast_arrives_is_no_late_arterial_one_where_the_next_follows_at_once(step_s, arterial):
    blood, liver = [1.0, 1.0, 4.5, 2.9, 2.5, 2.2], [1.7, 1.7, 1.8, 2.0, 2.3, 2.1]
    naming = name_phases(evidence(times=[step_s * k for k in range(6)], blood=blood, liver=liver))
    assert naming.phases["arterial"] == arterial


@pytest.mark.filterwarnings("error")
def test_two_volumes_of_one_moment_divide_by_no_zero():
    blood, liver = [1.0, 1.0, 4.5, 2.9, 2.5], [1.7, 1.7, 1.8, 2.0, 2.3]
    assert np.isfinite(time_scores(evidence(times=[0, 60, 60, 75, 110], blood=blood, liver=liver))).all()


def test_of_two_volumes_that_look_unenhanced_the_first_is_from_before_contrast():
    blood, liver = [1.2, 1.2, 3.4, 2.3, 1.9], [1.6, 1.6, 1.8, 2.2, 1.8]
    assert phases_of(blood=blood, liver=liver)["pre"] == 0


def test_what_may_be_arterial_or_portal_venous_is_portal_venous_as_no_dynamic_is_without():
    blood, liver = [1.46, 3.14, 2.49], [1.69, 2.24, 1.86]
    assert phases_of(times=[0, 122, 295], blood=blood, liver=liver)["portal_venous"] == 1


def test_of_many_volumes_without_times_the_portal_venous_one_is_amid_the_livers_best():
    rng, step_s = np.random.default_rng(3), 8
    since_arrival_s = np.arange(-40, 280, step_s)
    liver = 1.6 + 0.5 * np.interp(since_arrival_s, [5, 45, 75, 280], [0, 1, 1, 0.5])
    arteries = 1.0 + np.interp(since_arrival_s, [0, 12, 25, 280], [0, 4, 1.6, 1])
    for noise in rng.normal(0, 0.01, (10, len(liver))):
        phases = phases_of(blood=arteries, liver=liver + noise)
        assert 45 <= since_arrival_s[phases["portal_venous"]] <= 90
        assert since_arrival_s[phases["arterial"]] in (8, 16)


def test_arteries_at_their_best_with_empty_veins_are_too_early_where_a_later_volume_has_both():
    blood, arteries = [1.16, 1.81, 3.16, 2.27, 1.96], [0.97, 4.93, 2.63, 2.08, 1.93]
    naming = name_phases(evidence(blood=blood, arteries=arteries, liver=[1.83, 1.79, 2.05, 2.35, 2.03]))
    assert naming.phases == {"pre": 0, "arterial": 2, "portal_venous": 3, "delayed": 4}
    assert naming.margin > UNSURE


def test_a_weakly_enhanced_portal_venous_phase_is_told_by_what_is_brighter_than_liver():
    blood, liver = [1.29, 2.77, 1.54, 1.40], [1.80, 1.89, 1.82, 1.59]
    assert list(phases_of(blood=blood, liver=liver).values()) == [0, 1, 2, 3]

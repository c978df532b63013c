"""What a dynamic's images tell of its phases, on a coarse abdomen whose tissues' brightness is set for each phase."""

import shutil

import numpy as np
import pytest

from custom.data import load_study
from custom.types import PHASES

BLOCK = (6, 5)  # pixels of 1.25 x 1.5 mm in a block of 7 mm
BODY, LIVER, ARTERIES, VEINS = range(4)
USUAL = {LIVER: (1.75, 1.8, 2.35, 1.9), ARTERIES: (1.05, 3.9, 2.3, 1.9), VEINS: (1.1, 1.0, 3.3, 2.1)}
"""Brightness of tissues over the body's, before contrast, arterial with empty veins, portal venous, delayed."""


@pytest.fixture
def write(dicom):
    """Write four volumes of given brightness, without times and without names; returns the folder."""
    tissue = np.full((24, 20), BODY)
    tissue[1:12, 1:19] = LIVER
    grain = np.random.default_rng(5).uniform(0.95, 1.05, tissue.shape)
    tissue[13, 4:9], tissue[15:17, 4:10] = ARTERIES, VEINS

    def write(brightness, grain=grain):
        volumes = []
        for phase in range(len(PHASES)):
            levels = np.array([1.0, *(brightness[kind][phase] for kind in (LIVER, ARTERIES, VEINS))])
            plane = 300 * np.kron(levels[tissue] * grain, np.ones(BLOCK))
            volumes.append(np.repeat(plane[:, :, None], 2, axis=2).astype(np.int16))
        dicom.series(volumes, 5, tags=lambda t, k: {"TemporalPositionIdentifier": t + 1})
        return dicom.root

    return write


def time_points(study):
    return {phase: volume.evidence["time_point"] for phase, volume in study.phases.items()}


def test_few_arteries_among_many_veins_show_the_arterial_phase(write):
    study = load_study(write(USUAL))
    assert time_points(study) == dict(zip(PHASES, (1, 2, 3, 4), strict=True))
    assert study.flags == ("phase_order_from_acquisition_order", "phase_choice_uncertain")  # an early arterial phase
    assert study.phases["arterial"].evidence["blood_to_liver"] == pytest.approx(3.9 / 1.8, abs=0.1)


def test_a_delayed_phase_by_its_place_alone_is_flagged_when_its_blood_has_washed_out(write, dicom):
    filled = USUAL | {VEINS: (1.1, 2.9, 3.3, 2.1)}
    assert "phase_choice_uncertain" not in load_study(write(filled)).flags
    shutil.rmtree(dicom.root / "series5")
    study = load_study(write(filled | {ARTERIES: (1.05, 3.9, 2.3, 1.6)}))
    assert time_points(study) == dict(zip(PHASES, (1, 2, 3, 4), strict=True))
    assert "phase_choice_uncertain" in study.flags


def test_images_of_a_few_flat_levels_tell_nothing(write):
    study = load_study(write(USUAL, grain=1))
    assert time_points(study) == dict(zip(PHASES, (1, 2, 3, 4), strict=True))
    assert study.flags == ("phase_order_from_acquisition_order",)
    assert study.phases["arterial"].evidence["blood_to_liver"] is None

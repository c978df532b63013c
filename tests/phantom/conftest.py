"""Simulated populations that several test files look at, made once."""

from types import SimpleNamespace

import numpy as np
import pytest

from custom.data.phantom.acquisition import draw_acquisition
from custom.data.phantom.patient import draw_patient
from custom.data.phantom.presets import get_preset
from custom.data.phantom.render import sample_curves
from custom.data.phantom.simulate import simulate_study
from custom.data.phantom.tissues import phase_signals
from custom.types import DEFAULT_CLASSES


@pytest.fixture(scope="session")
def population():
    """500 patients with one lesion each at the demo's size: true curves and shapes, nothing rendered."""
    rows = []
    for seed in range(500):
        name = DEFAULT_CLASSES[seed % 2]
        patient = draw_patient(seed, get_preset("demo"), (name,))
        exam = draw_acquisition(np.random.default_rng([seed, 3]))
        lesion = patient.lesions[0]
        organs = [patient.organs[organ] for organ in ("liver", "aorta", "kidney_cortex", "spleen")]
        signals = phase_signals([*lesion.kinetics.tissues, *organs], np.array(exam.times_s), exam.circulation)
        rows.append((name, lesion, sample_curves(lesion, signals[:-4]).mean(1), signals[-4], signals[-3:].max()))
    names, lesions, curves, liver, brightest = zip(*rows, strict=True)
    return SimpleNamespace(
        labels=list(names), lesions=lesions, curves=np.array(curves), liver=np.array(liver), scale=np.array(brightest)
    )


@pytest.fixture(scope="session")
def tiny_study():
    """A small study with one lesion of each class."""
    return simulate_study(seed=11, preset="tiny", lesions=("HCC", "hemangioma"))

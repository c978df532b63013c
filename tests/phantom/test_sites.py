"""Hospitals of the phantom: the same patients, examined in other ways."""

from __future__ import annotations

import numpy as np
import pytest

from custom.data.phantom import SITES, simulate_study
from custom.types import PHASES, InputError


def draws(site):
    return [simulate_study(seed=seed, preset="tiny", lesions=(), site=site).truth for seed in range(6)]


@pytest.mark.parametrize("name", ["early", "late"])
def test_a_sites_examinations_lie_in_its_ranges(name):
    site, truths = SITES[name], draws(name)
    times = np.array([[truth["times_s"][phase] for phase in PHASES[1:]] for truth in truths])  # (N, 3)
    found = [*times.T, [truth["snr"] for truth in truths], [truth["gain"] for truth in truths]]
    spans = (site.arterial_s, site.portal_venous_s, site.delayed_s, site.snr, site.gain)
    for values, (low, high) in zip(found, spans, strict=True):
        assert low <= min(values)
        assert max(values) <= high
        assert min(values) < max(values)


def test_sites_differ_in_gain_noise_and_every_time():
    early, late = SITES["early"], SITES["late"]
    for name in ("arterial_s", "portal_venous_s", "delayed_s", "gain"):
        assert getattr(early, name)[1] <= getattr(late, name)[0]
    assert late.snr[1] < early.snr[0]


def test_the_patient_does_not_depend_on_the_site():
    early, late = (simulate_study(seed=5, preset="tiny", lesions=("HCC",), site=name) for name in ("early", "late"))
    np.testing.assert_array_equal(early.tumour, late.tumour)
    np.testing.assert_array_equal(early.affine, late.affine)
    assert early.truth["shifts_ras_mm"] == late.truth["shifts_ras_mm"]
    assert late.truth["gain"] > early.truth["gain"]


def test_an_unknown_site_is_an_error():
    with pytest.raises(InputError, match=r"'south'.*any, early, late"):
        simulate_study(seed=0, preset="tiny", site="south")

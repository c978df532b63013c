import numpy as np
import pytest

from custom.transforms.alignment.gate import Alignment, Gate, displacement, edge_agreement, plausible
from custom.transforms.alignment.region import metric_region
from custom.transforms.alignment.report import alignment_flags, describe_alignment
from custom.transforms.motion import Motion


@pytest.fixture
def gate(abdomen):
    reference = abdomen.working("portal_venous")
    phase = abdomen.working("arterial", abdomen.shifted((1, -2, 8)))
    return Gate(reference, phase.at(reference), metric_region(reference))


def test_agreement_is_one_for_the_same_edges_whatever_their_contrast(abdomen):
    reference = abdomen.working("portal_venous")
    region = metric_region(reference)
    assert edge_agreement(reference, reference, region) == pytest.approx(1.0)
    inverted = reference._replace(data=1000.0 - 3.0 * reference.data)
    assert edge_agreement(reference, inverted, region) == pytest.approx(1.0)
    assert edge_agreement(reference, reference._replace(data=np.zeros_like(reference.data)), region) == 0.0


def test_the_true_motion_is_applied_and_worse_ones_are_not(gate):
    assert gate.judge(Motion.translation((1, -2, 8))).outcome == "applied"
    for wrong in ((1, -2, -8), (-9, -2, 0), (0, 9, 0)):
        found = gate.judge(Motion.translation(wrong))
        assert (found.outcome, found.motion) == ("rejected", None)
        assert found.shift_mm == pytest.approx(wrong)


def test_a_shift_within_the_error_of_measurement_is_left_alone(gate):
    found = gate.judge(Motion.translation((0.3, 0.3, 0.8)))
    assert (found.outcome, found.motion) == ("negligible", None)


def test_a_richer_motion_must_improve_on_the_simpler_one(gate):
    shift = gate.judge(Motion.translation((1, -2, 8)))
    assert gate.judge(Motion.translation((1, -2, 8)), simpler=shift).outcome == "rejected"
    assert gate.judge(Motion.translation((1, -2, 8)), simpler=Alignment("negligible")).outcome == "applied"


def test_what_breathing_does_not_do():
    centre = np.array([60.0, 0.0, 100.0])
    assert plausible(Motion.translation((3, 4, 24)), centre)
    assert not plausible(Motion.translation((3, 8, 24)), centre)
    c, s = np.cos(np.radians(12)), np.sin(np.radians(12))
    turned = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    turned[:3, 3] = centre - turned[:3, :3] @ centre
    assert not plausible(Motion(turned), centre)


def test_a_folded_field_is_not_plausible():
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    x = np.arange(12.0)[None, :, None, None] * np.ones((1, 12, 5, 5))
    field = np.concatenate([np.zeros_like(x), x, np.zeros_like(x)])[:, :, :, :]
    field[1] = 0.0
    field[0] = np.sin(x[0])  # at most 1 mm in 10: smooth
    assert plausible(Motion(np.eye(4), field, affine), np.array([50.0, 20, 20]))
    assert not plausible(Motion(np.eye(4), 15 * field, affine), np.array([50.0, 20, 20]))
    assert displacement(Motion(np.eye(4), field, affine), np.array([20.0, 20, 20]))[0] == pytest.approx(np.sin(2))


def test_what_the_record_says():
    applied = Alignment("applied", Motion.translation((0, 3, 12)), (0.0, 3.0, 12.0), (0.5, 0.8))
    alignments = {"pre": Alignment("rejected"), "arterial": applied, "delayed": applied._replace(shift_mm=(0, 0, 2.0))}
    assert alignment_flags(alignments) == ["registration_rejected:pre", "breath_hold_shift:arterial"]
    assert describe_alignment(applied) == {
        "outcome": "applied",
        "shift_mm": [0.0, 3.0, 12.0],
        "distance_mm": 12.37,
        "edge_agreement": {"before": 0.5, "after": 0.8},
    }
    assert describe_alignment(alignments["pre"])["shift_mm"] is None
    assert describe_alignment(None) is None

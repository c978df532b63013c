"""The lines that say which volume was taken for which phase."""

from custom.inference.phase_table import phase_table

STUDY = {
    "case": "c01",
    "reference_phase": "portal_venous",
    "flags": ["missing_phase:delayed", "gadoxetate"],
    "set_aside": [{"series": "1", "reason": "localiser"}, {"series": "other files", "reason": "not DICOM", "files": 2}],
    "phases": {
        "pre": {
            "source": "series 5",
            "time_s": -31.6,
            "evidence": {"description": "t1 nativ", "scores": {"description": 3.0, "time": 0.9}},
        },
        "arterial": {"source": "series 6", "time_s": None, "evidence": {"rule": "phase map"}},
        "portal_venous": {"source": "pv.nii.gz", "time_s": None, "evidence": {"rule": "file name"}},
    },
}


def test_each_phase_with_what_speaks_for_it():
    assert phase_table(STUDY).splitlines() == [
        "c01: phases",
        '  pre             series 5 "t1 nativ"  -32 s  description +3.0, time +0.9',
        "  arterial        series 6                    phase map",
        "  portal_venous*  pv.nii.gz                   file name",
        "  delayed         missing",
        "  set aside: localiser (1); not DICOM (other files)",
        "  flags: missing_phase:delayed, gadoxetate",
    ]


def test_what_registration_did_stands_beside_each_phase():
    moved = {"outcome": "applied", "shift_mm": [0.0, -1.0, 6.0], "distance_mm": 6.08}
    alignments = {"pre": moved, "arterial": {**moved, "outcome": "rejected"}, "portal_venous": None}
    phases = {phase: {**STUDY["phases"][phase], "alignment": found} for phase, found in alignments.items()}
    assert phase_table({**STUDY, "phases": phases}).splitlines()[1:4] == [
        '  pre             series 5 "t1 nativ"  -32 s  moved back 6.1 mm  description +3.0, time +0.9',
        "  arterial        series 6                    not aligned        phase map",
        "  portal_venous*  pv.nii.gz                                      file name",
    ]


def test_a_folder_full_of_other_series_does_not_flood_the_log():
    many = [{"series": str(k), "reason": "localiser"} for k in range(40)]
    assert (
        phase_table({**STUDY, "set_aside": many})
        .splitlines()[-2]
        .endswith("localiser (0, 1, 2, 3, 4, 5, 6, 7, 32 more)")
    )

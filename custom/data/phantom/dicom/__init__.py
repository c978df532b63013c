"""The phantom's DICOM form: exams as scanners of several vendors write them, with everything else an exam holds."""

from .dialects import DIALECTS, Dialect, get_dialect
from .random_exam import RandomExam, draw_exam
from .scanner import Scanner, draw_scanner
from .series import Moment
from .verdict import INCOMPLETE, REFUSED, RIGHT, WRONG, Outcome, is_doubted, judge, outcome_of
from .write import write_dicom, write_exam

__all__ = [
    "DIALECTS",
    "INCOMPLETE",
    "REFUSED",
    "RIGHT",
    "WRONG",
    "Dialect",
    "Moment",
    "Outcome",
    "RandomExam",
    "Scanner",
    "draw_exam",
    "draw_scanner",
    "get_dialect",
    "is_doubted",
    "judge",
    "outcome_of",
    "write_dicom",
    "write_exam",
]

"""What a run leaves behind for each study: label map, report and overview."""

from .enhancement_words import arterial_phase_hyperenhancement, washout
from .nifti import write_label_map, write_volume
from .overview import draw_overview
from .section import Section, largest_section
from .study_json import ReportStudyd, file_sha256
from .writer import StudyWriter, write_study

__all__ = [
    "ReportStudyd",
    "Section",
    "StudyWriter",
    "arterial_phase_hyperenhancement",
    "draw_overview",
    "file_sha256",
    "largest_section",
    "washout",
    "write_label_map",
    "write_study",
    "write_volume",
]

"""DICOM → the phases of one exam: headers, series, time points, phase names, pixels."""

from .exam import plan_dicom_exam, plan_dicom_phases
from .identity import files_of_exam
from .open_file import holds_dicom

__all__ = ["files_of_exam", "holds_dicom", "plan_dicom_exam", "plan_dicom_phases"]

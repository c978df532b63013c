"""DICOM → the phases of one exam: headers, series, time points, phase names, pixels."""

from .exam import read_dicom_exam, read_dicom_phases
from .headers import holds_dicom

__all__ = ["holds_dicom", "read_dicom_exam", "read_dicom_phases"]

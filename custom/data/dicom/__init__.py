"""DICOM → the phases of one exam: headers, series, time points, phase names, pixels."""

from .exam import read_dicom_exam, read_dicom_phases

__all__ = ["read_dicom_exam", "read_dicom_phases"]

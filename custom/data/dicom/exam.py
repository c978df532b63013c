from ...types import InputError


def read_dicom_exam(files, *, folder, where, selectors, budget):
    raise InputError(found="DICOM", expected="NIfTI", where=where, remedy="Wait.")


def read_dicom_phases(folders, *, where, budget, evidence):
    raise InputError(found="DICOM", expected="NIfTI", where=where, remedy="Wait.")

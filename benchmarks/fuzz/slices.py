"""A second reading of DICOM slices, by pydicom and nothing of ours: values and places frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

_FLIP = np.array([-1.0, -1.0, 1.0])


def dicom_slices(path: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Frame → (affine of the slice, voxel (column, row, 0) to RAS mm; real values ``(rows, columns)``), by pydicom."""
    dataset = pydicom.dcmread(path, force=True)
    stored = _stored(dataset).astype(np.float64)
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        return {0: (_place(dataset, dataset, dataset), _real(stored, dataset, dataset, dataset))}
    slices = {}
    for n, own in enumerate(frames):
        value = _group(own, shared, "PixelValueTransformationSequence")
        private = _group(own, shared, (0x2005, 0x140F))
        place = _place(
            *(_group(own, shared, name) for name in ("PlanePositionSequence", "PlaneOrientationSequence")),
            _group(own, shared, "PixelMeasuresSequence"),
        )
        holder = value if len(value) else private
        slices[n] = (place, _real(stored[n], holder, private, dataset))
    return slices


def _stored(dataset: Dataset) -> np.ndarray:
    """Stored values ``([frames,] rows, columns)``; uncompressed ones without pydicom, which insists on every tag."""
    signed = bool(dataset.get("PixelRepresentation") or 0)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        stored = dataset.pixel_array
    else:
        shape = (dataset.get("NumberOfFrames") or 1, dataset.Rows, dataset.Columns)
        stored = np.frombuffer(dataset.PixelData, f"<{'i' if signed else 'u'}{dataset.BitsAllocated // 8}")
        stored = stored[: np.prod(shape)].reshape(shape[1:] if shape[0] == 1 else shape)
    bits = dataset.get("BitsStored") or dataset.BitsAllocated
    return stored if signed else stored & ((1 << bits) - 1)


def _group(own: Dataset, shared: Dataset, name) -> Dataset:
    for groups in (own, shared):
        if name in groups and groups[name].value:
            return groups[name].value[0]
    return Dataset()


def _place(position: Dataset, orientation: Dataset, measures: Dataset) -> np.ndarray:
    cosines = np.array(orientation.ImageOrientationPatient, dtype=float)
    rows_mm, columns_mm = (float(value) for value in measures.PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = cosines[:3] * columns_mm, cosines[3:] * rows_mm
    affine[:3, 3] = np.array(position.ImagePositionPatient, dtype=float)
    affine[:3] *= _FLIP[:, None]
    return affine


def _real(stored: np.ndarray, holder: Dataset, private: Dataset, file: Dataset) -> np.ndarray:
    slope, intercept = holder.get("RescaleSlope"), holder.get("RescaleIntercept")
    slope, intercept = 1.0 if slope in (None, "") else float(slope), float(intercept or 0)
    if "philips" in str(file.get("Manufacturer", "")).lower() and (0x2005, 0x100E) in private:
        return (stored * slope + intercept) / (slope * float(private[0x2005, 0x100E].value))
    return stored * slope + intercept

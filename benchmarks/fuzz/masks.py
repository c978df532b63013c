"""Masks to damage, as 3D Slicer and DICOM writers make them, and a reading of them that shares no code with ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_LPS = np.array([-1.0, -1.0, 1.0])  # to RAS and back


def write_nrrd(path: Path, mask: np.ndarray, affine: np.ndarray, *, segment: str = "", compressed: bool = True) -> None:
    """A label map ``(X, Y, Z)`` on a grid of RAS mm; with a segment's name as 3D Slicer describes it."""
    image = SimpleITK.GetImageFromArray(mask.transpose(2, 1, 0).astype(np.uint8))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin((_LPS * affine[:3, 3]).tolist())
    image.SetDirection((_LPS[:, None] * affine[:3, :3] / spacing).ravel().tolist())
    if segment:
        for key, value in {"Name": segment, "LabelValue": "1", "Layer": "0", "ID": "Segment_1"}.items():
            image.SetMetaData(f"Segment0_{key}", value)
    SimpleITK.WriteImage(image, str(path), useCompression=compressed)


def write_seg(path: Path, mask: np.ndarray, affine: np.ndarray, *, segment: str) -> None:
    """A DICOM SEG of one binary segment; slices without it are left out, as writers do."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SEGMENTATION, generate_uid(entropy_srcs=["fuzz"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = SEGMENTATION, meta.MediaStorageSOPInstanceUID, "SEG"
    ds.SegmentationType, ds.SamplesPerPixel, ds.PhotometricInterpretation = "BINARY", 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 1, 1, 0, 0
    ds.Columns, ds.Rows = mask.shape[:2]
    ds.SegmentSequence = [_dataset(SegmentNumber=1, SegmentLabel=segment)]
    axes = _LPS[:, None] * affine[:3, :3]
    spacing = np.linalg.norm(axes, axis=0)
    cosines = [f"{x:.8f}" for x in (axes / spacing)[:, :2].T.ravel()]
    measures = _dataset(PixelSpacing=[float(spacing[1]), float(spacing[0])], SpacingBetweenSlices=float(spacing[2]))
    orientation = _dataset(ImageOrientationPatient=cosines)
    ds.SharedFunctionalGroupsSequence = [
        _dataset(PlaneOrientationSequence=[orientation], PixelMeasuresSequence=[measures])
    ]
    shown = [k for k in range(mask.shape[2]) if mask[:, :, k].any()]
    ds.NumberOfFrames = len(shown)
    ds.PerFrameFunctionalGroupsSequence = [
        _dataset(
            SegmentIdentificationSequence=[_dataset(ReferencedSegmentNumber=1)],
            PlanePositionSequence=[
                _dataset(ImagePositionPatient=[f"{x:.4f}" for x in _LPS * affine[:3, 3] + k * axes[:, 2]])
            ],
        )
        for k in shown
    ]
    bits = np.packbits(mask[:, :, shown].transpose(2, 1, 0).ravel() > 0, bitorder="little")
    ds.PixelData = bits.tobytes() + b"\0" * (bits.size % 2)
    pydicom.dcmwrite(path, ds, enforce_file_format=True)


def _dataset(**values) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def places_in(path: Path) -> dict[int, np.ndarray]:
    """Value → places ``(N, 3)`` in RAS mm of a mask's voxels, by SimpleITK or pydicom alone; a segment's value is 1."""
    return _nrrd_places(path) if path.name.endswith(".nrrd") else {1: _seg_places(path)}


def _nrrd_places(path: Path) -> dict[int, np.ndarray]:
    image = SimpleITK.ReadImage(str(path))
    values = SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0)
    axes = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    wanted = {int(value): int(value) for value in np.unique(values) if value > 0}
    if image.HasMetaDataKey("Segment0_LabelValue"):
        wanted = {1: int(image.GetMetaData("Segment0_LabelValue"))}
    return {name: (np.argwhere(values == value) @ axes.T + image.GetOrigin()) * _LPS for name, value in wanted.items()}


def _seg_places(path: Path) -> np.ndarray:
    ds = pydicom.dcmread(path, force=True)
    frames = ds.pixel_array.reshape(-1, ds.Rows, ds.Columns)
    shared = ds.SharedFunctionalGroupsSequence[0]
    places = [np.zeros((0, 3))]
    for pixels, own in zip(frames, ds.PerFrameFunctionalGroupsSequence, strict=True):
        plane = own if "PlaneOrientationSequence" in own else shared
        measures = own if "PixelMeasuresSequence" in own else shared
        cosines = np.array(plane.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float)
        down_mm, along_mm = (float(value) for value in measures.PixelMeasuresSequence[0].PixelSpacing)
        origin = np.array(own.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        rows, columns = np.nonzero(pixels)
        offsets = columns[:, None] * along_mm * cosines[:3] + rows[:, None] * down_mm * cosines[3:]
        places.append((origin + offsets) * _LPS)
    return np.concatenate(places)

"""Small studies on disk: NIfTI by nibabel, DICOM by pydicom; every volume is asymmetric so that flips show."""

import gzip

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SHAPE = (7, 5, 4)
AFFINE = np.array([[0.0, -2.0, 0.3, 11.0], [1.5, 0.0, 0.0, -23.0], [0.0, 0.4, 4.0, 35.0], [0, 0, 0, 1]])


def asymmetric(seed: int, shape=SHAPE) -> np.ndarray:
    """A volume without any symmetry: noise plus a different ramp along each axis."""
    i, j, k = np.indices(shape)
    return (np.random.default_rng(seed).integers(0, 50, shape) + 100 + 10 * i + 3 * j + 40 * k).astype(np.int16)


@pytest.fixture
def volumes():
    """The four phases' voxels, (X, Y, Z) int16."""
    return {phase: asymmetric(k) for k, phase in enumerate(("pre", "arterial", "portal_venous", "delayed"))}


@pytest.fixture
def save_nifti():
    """Write a NIfTI file: ``save_nifti(path, data, affine=...)``."""

    def save(path, data, affine=AFFINE, **header):
        path.parent.mkdir(parents=True, exist_ok=True)
        image = nibabel.Nifti1Image(data, affine)
        for key, value in header.items():
            image.header[key] = value
        nibabel.save(image, path)
        return path

    return save


@pytest.fixture
def nifti_study(tmp_path, volumes, save_nifti):
    """A folder with one NIfTI per phase under the plain names; returns the folder."""
    folder = tmp_path / "case 01 ä"
    for phase, data in volumes.items():
        save_nifti(folder / f"{phase}.nii.gz", data)
    return folder


OBLIQUE = ((0.8, 0.6, 0.0), (0.36, -0.48, 0.8))  # row and column cosines: oblique, and the columns run against y
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
MR, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
SECRET = "Zimtstern^Erna"


class DicomFolder:
    """Writes small MR series into one folder; ``placed`` keeps (position, pixels) of every slice for comparison.

    Volumes are ``(X, Y, Z)``; slice k of a volume lies at ``origin + k * step_mm`` along the normal.
    """

    def __init__(self, root):
        self.root, self.count = root, 0
        self.patient, self.exam = "ID-4711", generate_uid()
        self.placed = {}

    def dataset(self, sop_class=MR):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SOPClassUID, ds.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
        ds.PatientName, ds.PatientID, ds.StudyInstanceUID = SECRET, self.patient, self.exam
        ds.Modality, ds.Manufacturer, ds.StudyDate = "MR", "Acme", "20250102"
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        return ds

    def save(self, ds, name=None):
        self.count += 1
        path = self.root / (name or f"series{ds.SeriesNumber}/{self.count:04d}.dcm")
        path.parent.mkdir(parents=True, exist_ok=True)
        ds.is_little_endian, ds.is_implicit_VR = True, False
        pydicom.dcmwrite(path, ds, write_like_original=False)
        return path

    def series(
        self,
        volumes,
        number,
        description="T1 dyn",
        axes=AXIAL,
        origin=(-12.0, 31.0, 7.0),
        step_mm=3.0,
        tags=None,
        **more,
    ):
        """One series of one or more time points; ``tags(t, k)`` gives further header values of slice k at time t."""
        uid, normal = generate_uid(), np.cross(*axes)
        order = np.random.default_rng(number).permutation(sum(v.shape[2] for v in volumes))
        paths, n = [], 0
        for t, volume in enumerate(volumes):
            for k in range(volume.shape[2]):
                ds = self.dataset()
                ds.SeriesInstanceUID, ds.SeriesNumber, ds.SeriesDescription = uid, number, description
                ds.ImageType = ["ORIGINAL", "PRIMARY", "M"]
                ds.InstanceNumber = int(order[n]) + 1
                position = np.array(origin) + k * step_mm * normal
                ds.ImagePositionPatient = [f"{x:.6f}" for x in position]
                ds.ImageOrientationPatient = [*axes[0], *axes[1]]
                ds.PixelSpacing, ds.SliceThickness = [1.5, 1.25], 9
                ds.Columns, ds.Rows = volume.shape[:2]
                pixels = np.ascontiguousarray(volume[:, :, k].T).astype(np.uint16)  # (rows, columns)
                ds.PixelData = pixels.tobytes()
                for key, value in {**more, **(tags(t, k) if tags else {})}.items():
                    setattr(ds, key, value)
                paths.append(self.save(ds))
                self.placed[paths[-1]] = (position, pixels)
                n += 1
        return paths

    def four_series(self, volumes, seconds=(0, 60, 95, 205), descriptions=("T1 dyn",) * 4, **more):
        """One series for each phase, as most Siemens scanners write them."""
        for n, (volume, second, text) in enumerate(zip(volumes.values(), seconds, descriptions, strict=True)):
            clock = f"10{second // 60:02d}{second % 60:02d}.00"
            self.series([volume], 5 + n, text, AcquisitionTime=clock, **more)

    def multiframe(self, volumes, number, axes=OBLIQUE, origin=(5.0, -6.0, 7.0), step_mm=2.0, slopes=None):
        """One enhanced file with all time points, frames shuffled; per-frame slope and intercept."""
        ds, normal = self.dataset(ENHANCED_MR), np.cross(*axes)
        ds.SeriesInstanceUID, ds.SeriesNumber, ds.SeriesDescription = generate_uid(), number, "dyn"
        ds.ImageType, ds.InstanceNumber = ["ORIGINAL", "PRIMARY", "M", "NONE"], 1
        ds.Columns, ds.Rows = volumes[0].shape[:2]
        jobs = [(t, k) for t in range(len(volumes)) for k in range(volumes[0].shape[2])]
        jobs = [jobs[i] for i in np.random.default_rng(3).permutation(len(jobs))]
        shared, measures, plane = Dataset(), Dataset(), Dataset()
        measures.PixelSpacing, plane.ImageOrientationPatient = [1.5, 1.25], [*axes[0], *axes[1]]
        shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([plane])
        frames, pixels = [], []
        for t, k in jobs:
            frame, position, content, value = Dataset(), Dataset(), Dataset(), Dataset()
            position.ImagePositionPatient = [f"{x:.6f}" for x in np.array(origin) + k * step_mm * normal]
            content.TemporalPositionIndex = t + 1
            content.FrameAcquisitionDateTime = f"202501021000{(t * 15):02d}.00"
            value.RescaleSlope, value.RescaleIntercept = (slopes or [1.0] * len(volumes))[t], -2.0
            frame.PlanePositionSequence, frame.FrameContentSequence = Sequence([position]), Sequence([content])
            frame.PixelValueTransformationSequence = Sequence([value])
            frames.append(frame)
            pixels.append(volumes[t][:, :, k].T.astype(np.uint16))
        ds.NumberOfFrames, ds.PixelData = len(frames), np.stack(pixels).tobytes()
        ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = Sequence([shared]), Sequence(frames)
        return self.save(ds)


@pytest.fixture
def dicom(tmp_path):
    """A ``DicomFolder`` for the study ``case7``."""
    return DicomFolder(tmp_path / "case7")


@pytest.fixture
def oblique():
    """Row and column cosines of an oblique plane with columns against y."""
    return OBLIQUE


@pytest.fixture
def write_seg():
    """Write a DICOM SEG: ``write_seg(path, {number: (X, Y, Z) bool}, ...)``; empty slices are left out."""

    def write(
        path,
        masks,
        *,
        labels=None,
        types=None,
        axes=AXIAL,
        origin=(-12.0, 31.0, 7.0),
        step_mm=3.0,
        kind="BINARY",
        exam="1.2.826.0.1.77",
        patient="ID-4711",
        measures=None,
    ):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SEG, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = SEG, meta.MediaStorageSOPInstanceUID, "SEG"
        ds.PatientName, ds.PatientID, ds.StudyInstanceUID = SECRET, patient, exam
        ds.SeriesInstanceUID, ds.SeriesNumber, ds.SegmentationType = generate_uid(), 99, kind
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
        bits = 1 if kind == "BINARY" else 8
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.MaximumFractionalValue = bits, bits, bits - 1, 200
        ds.Columns, ds.Rows = next(iter(masks.values())).shape[:2]
        ds.SegmentSequence = Sequence()
        for number in masks:
            segment, code = Dataset(), Dataset()
            segment.SegmentNumber, segment.SegmentLabel = number, (labels or {}).get(number, f"Segment_{number}")
            code.CodeValue, code.CodingSchemeDesignator = (types or {}).get(number, "85756007"), "SCT"
            segment.SegmentedPropertyTypeCodeSequence = Sequence([code])
            ds.SegmentSequence.append(segment)
        shared, plane, sizes = Dataset(), Dataset(), Dataset()
        plane.ImageOrientationPatient, sizes.PixelSpacing = [*axes[0], *axes[1]], [1.5, 1.25]
        for key, value in (measures or {}).items():
            setattr(sizes, key, value)
        shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([plane]), Sequence([sizes])
        jobs = [(number, k) for number, mask in masks.items() for k in range(mask.shape[2]) if mask[:, :, k].any()]
        frames, pixels = [], []
        for job in np.random.default_rng(5).permutation(len(jobs)):
            number, k = jobs[job]
            frame, owner, position = Dataset(), Dataset(), Dataset()
            owner.ReferencedSegmentNumber = number
            position.ImagePositionPatient = [f"{x:.6f}" for x in np.array(origin) + k * step_mm * np.cross(*axes)]
            frame.SegmentIdentificationSequence, frame.PlanePositionSequence = Sequence([owner]), Sequence([position])
            frames.append(frame)
            pixels.append(masks[number][:, :, k].T.astype(np.uint8))
        ds.NumberOfFrames = len(frames)
        ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = Sequence([shared]), Sequence(frames)
        stored = np.stack(pixels)  # frames of bits follow each other without a gap
        data = np.packbits(stored.ravel(), bitorder="little") if kind == "BINARY" else stored * np.uint8(120)
        ds.PixelData = data.tobytes() + b"\0" * (data.size % 2)
        ds.is_little_endian, ds.is_implicit_VR = True, False
        path.parent.mkdir(parents=True, exist_ok=True)
        pydicom.dcmwrite(path, ds, write_like_original=False)
        return path

    return write


@pytest.fixture
def write_nrrd():
    """Write a NRRD file: ``write_nrrd(path, data, affine, keys={...})``; the affine is RAS, the file LPS."""

    def write(path, data, affine=AFFINE, keys=None, encoding="gzip", fields=None):
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
        vectors = [f"({','.join(repr(float(x)) for x in lps[:3, axis])})" for axis in range(3)]
        lines = {
            "type": {"uint8": "unsigned char", "int16": "short", "float64": "double"}[str(data.dtype)],
            "dimension": data.ndim,
            "space": "left-posterior-superior",
            "sizes": " ".join(map(str, data.shape)),
            "space directions": " ".join(["none"] * (data.ndim - 3) + vectors),
            "endian": "little",
            "encoding": encoding,
            "space origin": f"({','.join(repr(float(x)) for x in lps[:3, 3])})",
            **(fields or {}),
        }
        text = "NRRD0004\n# made by a test\n" + "".join(f"{key}: {value}\n" for key, value in lines.items())
        text += "".join(f"{key}:={value}\n" for key, value in (keys or {}).items())
        stored = data.tobytes(order="F")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() + b"\n" + (gzip.compress(stored) if encoding == "gzip" else stored))
        return path

    return write

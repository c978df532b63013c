"""What cannot be used, each as one error that says what was found, where, and what to do."""

import gzip
import shutil
import struct

import nibabel
import numpy as np
import pytest

from custom.data import Study, Volume, find_studies, load_study
from custom.types import PHASES, InputError


def header(path, **fields):
    """Rewrite header fields of an uncompressed NIfTI-1 behind nibabel's back."""
    data = bytearray(path.read_bytes())
    for offset, form, values in fields.values():
        struct.pack_into("<" + form, data, offset, *values)
    path.write_bytes(data)


def study_of(folder, save_nifti, data, name="portal_venous.nii", **more):
    save_nifti(folder / name, data, **more)
    return folder


def test_doubled_phase(nifti_study):
    shutil.copy(nifti_study / "arterial.nii.gz", nifti_study / "c01_art.nii.gz")
    with pytest.raises(InputError, match=r"phase arterial twice: arterial\.nii\.gz, c01_art\.nii\.gz.*phase map"):
        load_study(nifti_study)


def test_no_reference_phase(nifti_study):
    (nifti_study / "portal_venous.nii.gz").unlink()
    with pytest.raises(InputError, match=r"no reference phase \(portal_venous\).*--reference_phase"):
        load_study(nifti_study)
    assert load_study(nifti_study, reference_phase="arterial").flags == ("missing_phase:portal_venous",)


def test_unknown_reference_phase(nifti_study):
    with pytest.raises(InputError, match="reference_phase: found phase 'portal'"):
        load_study(nifti_study, reference_phase="portal")


@pytest.mark.parametrize("kept", [0.6, 0.999], ids=["voxels cut off", "last bytes cut off"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_truncated_file(tmp_path, volumes, save_nifti, suffix, kept):
    path = save_nifti(tmp_path / "c" / f"pv{suffix}", np.tile(volumes["pre"], (4, 4, 4)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)] if kept < 0.9 else data[:-40])
    with pytest.raises(InputError, match=rf"c/pv{suffix}: found an unreadable or truncated file"):
        load_study(tmp_path / "c")


def test_file_that_is_something_else(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "pv.nii.gz").write_bytes(b"<html>not found</html>" * 50)
    with pytest.raises(InputError, match="unreadable or truncated"):
        load_study(tmp_path / "c")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nonfinite_intensities(tmp_path, volumes, save_nifti, value):
    data = volumes["pre"].astype(np.float32)
    data[3, 2, 1] = value
    with pytest.raises(InputError, match=r"portal_venous\.nii: found 1 voxels that are NaN or infinite"):
        load_study(study_of(tmp_path / "c", save_nifti, data))


def test_intensities_beyond_float32(tmp_path, volumes, save_nifti):
    with pytest.raises(InputError, match="voxels that are NaN or infinite"):
        load_study(study_of(tmp_path / "c", save_nifti, volumes["pre"] * 1e300))


@pytest.mark.parametrize("row", [(0, 0, 0, 0), (1, 0, 0, 0), (np.nan, 0, 0, 0)])
def test_singular_affine(tmp_path, volumes, save_nifti, row):
    folder = study_of(tmp_path / "c", save_nifti, volumes["pre"], affine=np.eye(4))
    header(folder / "portal_venous.nii", srow_y=(296, "4f", row), code=(252, "2h", (0, 1)))
    with pytest.raises(InputError, match=r"c/portal_venous\.nii: found a singular affine"):
        load_study(folder)


def test_single_slice(tmp_path, volumes, save_nifti):
    with pytest.raises(InputError, match="single slice"):
        load_study(study_of(tmp_path / "c", save_nifti, volumes["pre"][:, :, :1]))


def test_colour_image(tmp_path, save_nifti):
    data = np.zeros((4, 4, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(InputError, match="expected numbers"):
        load_study(study_of(tmp_path / "c", save_nifti, data))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_header_that_declares_terabytes_is_refused_before_reading(tmp_path, volumes, save_nifti, suffix):
    path = save_nifti(tmp_path / "c" / "portal_venous.nii", volumes["pre"])
    header(path, dim=(40, "8h", (3, 32767, 32767, 32767, 1, 1, 1, 1)))
    if suffix:
        (tmp_path / "c" / "portal_venous.nii.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    with pytest.raises(InputError, match=r"32767 × 32767 × 32767 voxels in the header.*memory_budget_gb"):
        load_study(tmp_path / "c")


def test_budget_counts_the_whole_study(nifti_study):
    one = 7 * 5 * 4 * 4 / 1e9
    with pytest.raises(InputError, match="memory_budget_gb"):
        load_study(nifti_study, memory_budget_gb=3.5 * one)
    assert load_study(nifti_study, memory_budget_gb=4.5 * one)


def test_voxels_far_behind_the_header(tmp_path, volumes, save_nifti):
    path = save_nifti(tmp_path / "c" / "portal_venous.nii", volumes["pre"])
    header(path, vox_offset=(108, "f", (3e9,)))
    with pytest.raises(InputError, match="unreadable or truncated"):
        load_study(tmp_path / "c")


def test_four_dimensional_file_with_another_number_of_volumes(tmp_path, save_nifti):
    path = save_nifti(tmp_path / "d.nii.gz", np.zeros((4, 4, 4, 3), np.int16))
    with pytest.raises(InputError, match=r"found 3 volumes; expected four, in the order pre, arterial"):
        load_study(path)
    with pytest.raises(InputError, match=r"selector 'd@4' for 3 volumes; expected @1 to @3"):
        load_study(path, phase_map={"*": {"portal_venous": "d@4"}})


def test_lone_nifti(tmp_path, volumes, save_nifti):
    path = save_nifti(tmp_path / "x.nii.gz", volumes["pre"])
    with pytest.raises(InputError, match=r"one 3-D NIfTI and no phases/x_<phase>\.nii\.gz beside it"):
        load_study(path)


def test_empty_folder_says_what_is_accepted(tmp_path, volumes, save_nifti):
    (tmp_path / "c").mkdir()
    with pytest.raises(InputError, match=r"c: found an empty folder; expected one NIfTI file per phase .* DICOM files"):
        load_study(tmp_path / "c")
    save_nifti(tmp_path / "c" / "liver.nii.gz", volumes["pre"])
    with pytest.raises(InputError, match="c: found 1 masks; expected"):
        load_study(tmp_path / "c")


def test_files_whose_names_say_no_phase(tmp_path, volumes, save_nifti):
    for name in ("scan1", "scan2"):
        save_nifti(tmp_path / "c" / f"{name}.nii.gz", volumes["pre"])
    with pytest.raises(InputError, match=r"no phase in the file names scan1\.nii\.gz, scan2\.nii\.gz"):
        load_study(tmp_path / "c")


def test_two_exams_in_one_folder(tmp_path, volumes, save_nifti):
    for exam in ("first", "second"):
        save_nifti(tmp_path / "c" / exam / "pv.nii.gz", volumes["pre"])
    with pytest.raises(InputError, match="NIfTI files in 2 sub-folders; expected the phases of one exam"):
        load_study(tmp_path / "c")


def test_phases_that_do_not_overlap(nifti_study, volumes, save_nifti):
    affine = np.diag([1.0, 1, 1, 1])
    affine[2, 3] = 900
    save_nifti(nifti_study / "pre.nii.gz", volumes["pre"], affine=affine)
    with pytest.raises(InputError, match=r"phase pre lies \d+ mm beside the reference phase"):
        load_study(nifti_study)


@pytest.mark.parametrize("values", [[-1, 0, 1], [0, 0.5, 1], [0, 1, 300]])
def test_label_that_is_no_label_map(nifti_study, save_nifti, values):
    data = np.resize(np.array(values, np.float32), (7, 5, 4))
    save_nifti(nifti_study / "tumour.nii.gz", data)
    with pytest.raises(InputError, match=r"tumour\.nii\.gz: found values from .* expected whole numbers from 0 to 255"):
        load_study(nifti_study)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({}, "an entry with no keys"),
        ({"case": "a"}, "an entry with case"),
        ({"case": "a", "phases": {"pre": "x"}, "image": "y"}, "an entry with case, phases, image"),
        ({"case": "a/b", "image": "x"}, "expected a short text that can name a folder"),
        ({"case": "..", "image": "x"}, "expected a short text that can name a folder"),
        ({"case": 7, "image": "x"}, "expected a short text that can name a folder"),
        ({"case": "a", "phases": ["x"]}, "phases of type list"),
        ({"case": "a", "phases": {"portal": "x"}}, "found phase 'portal'; expected one of pre, arterial"),
        ({"case": "a", "phases": {"pre": "none.nii.gz"}}, r"a/none\.nii\.gz \(pre\): found no such file"),
        ({"case": "a", "image": "nowhere"}, "no such file or folder"),
    ],
)
def test_malformed_items(item, message):
    with pytest.raises(InputError, match=message):
        load_study(item)


@pytest.mark.parametrize("key", ["lesion_class", "patient"])
@pytest.mark.parametrize("value", [1, "", ["HCC"]])
def test_class_and_patient_are_texts(nifti_study, key, value):
    with pytest.raises(InputError, match=f"{key}: found"):
        load_study({"case": "a", "image": str(nifti_study), key: value})


def test_find_studies_errors(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        find_studies(tmp_path / "none")
    with pytest.raises(InputError, match="an empty folder; expected one sub-folder for each study"):
        find_studies(tmp_path)
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(InputError, match="no sub-folder, 1 files"):
        find_studies(tmp_path)


def test_study_is_checked_when_built():
    volume = Volume(np.zeros((2, 2, 2), np.float32), np.eye(4), "x")
    with pytest.raises(InputError, match="found phase 'late'"):
        Study("a", {"late": volume}, "portal_venous")
    with pytest.raises(InputError, match="no reference phase"):
        Study("a", dict.fromkeys(PHASES[:2], volume), "portal_venous")
    with pytest.raises(InputError, match="singular affine"):
        Volume(np.zeros((2, 2, 2), np.float32), np.zeros((4, 4)), "x")


def test_errors_survive_the_way_between_processes(tmp_path):
    import pickle

    with pytest.raises(InputError) as error:
        load_study(tmp_path / "none")
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def test_nifti_written_by_nibabel_without_codes_is_flagged(tmp_path, volumes):
    image = nibabel.Nifti1Image(volumes["pre"], None)
    image.header.set_sform(None, 0)
    image.header.set_qform(None, 0)
    (tmp_path / "c").mkdir()
    nibabel.save(image, tmp_path / "c" / "pv.nii")
    header(tmp_path / "c" / "pv.nii", codes=(252, "2h", (0, 0)))
    assert "orientation_unknown:portal_venous" in load_study(tmp_path / "c").flags

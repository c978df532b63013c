import os

import torch
from monai.transforms import Transform

from custom.transforms import StudyCacheDataset, study_key


def test_key_follows_entry_and_files(tmp_path):
    file, folder = tmp_path / "pre.nii.gz", tmp_path / "dicom"
    file.write_bytes(b"one")
    folder.mkdir()
    (folder / "1.dcm").write_bytes(b"one")
    entries = [{"case": "a", "phases": {"pre": str(file)}}, {"case": "a", "image": str(folder)}, str(folder)]
    first = [study_key(e) for e in entries]
    assert first == [study_key(e) for e in entries]
    assert len(set(first)) == 3
    assert study_key({**entries[0], "lesion_class": "HCC"}) != first[0]
    file.write_bytes(b"another")
    (folder / "2.dcm").write_bytes(b"two")
    assert all(a != b for a, b in zip(first, map(study_key, entries), strict=True))


def test_same_size_rewritten_is_another_file(tmp_path):
    file = tmp_path / "x.nii.gz"
    file.write_bytes(b"one")
    first = study_key({"image": str(file)})
    os.utime(file, ns=(1, 1))
    assert study_key({"image": str(file)}) != first


def test_phases_beside_a_reference_file_count(tmp_path):
    reference, sibling = tmp_path / "a.nii.gz", tmp_path / "phases" / "a_pre.nii.gz"
    sibling.parent.mkdir()
    reference.write_bytes(b"one")
    first = study_key({"image": str(reference)})
    sibling.write_bytes(b"one")
    assert study_key({"image": str(reference)}) != first


def test_missing_file_is_left_to_the_reader(tmp_path):
    assert isinstance(study_key({"case": "a", "label": str(tmp_path / "none.nii.gz"), "labels": None}), bytes)


class Prepare(Transform):
    """A preprocessing that remembers how often it ran."""

    def __init__(self):
        self.runs = 0

    def __call__(self, item):
        self.runs += 1
        return {"image": torch.arange(1000.0)}


def test_a_damaged_file_of_the_cache_is_made_again(tmp_path):
    prepare = Prepare()
    data = StudyCacheDataset(data=[{"case": "a"}], transform=prepare, cache_dir=str(tmp_path))
    assert torch.equal(data[0]["image"], data[0]["image"])
    assert prepare.runs == 1
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for damaged in (whole[:500], b"", b"not a checkpoint"):
        file.write_bytes(damaged)
        assert torch.equal(data[0]["image"], torch.arange(1000.0))
        assert file.stat().st_size == len(whole)
    assert prepare.runs == 4
    assert [path.name for path in tmp_path.iterdir()] == [file.name]

import json
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from custom.outputs import StudyWriter, write_label_map, write_study, writer
from custom.types import InputError

CLASSES = ["hemangioma", "HCC"]
THREE = ["overview.png", "study.json", "tumour.nii.gz"]


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_three_files_in_the_case_s_folder(make_study, tmp_path):
    data = make_study(case="Fall ä 1")
    engine = SimpleNamespace(state=SimpleNamespace(batch={"native": data.pop("native")}, output=data))
    StudyWriter(output_dir=str(tmp_path / "out put"), classes=CLASSES)(engine)
    folder = tmp_path / "out put" / "Fall ä 1"
    assert names(folder) == THREE
    assert names(tmp_path / "out put") == ["Fall ä 1"]
    assert json.loads((folder / "study.json").read_text(encoding="utf-8"))["case"] == "Fall ä 1"


def test_the_label_map_lies_where_the_image_lies(make_study, tmp_path):
    data = make_study()
    write_label_map(data["pred"], tmp_path / "tumour.nii.gz")
    image = nib.load(tmp_path / "tumour.nii.gz")
    assert image.get_data_dtype() == np.uint8
    values = np.asarray(image.dataobj)
    assert (values[6:16, 8:20, 1:4] == 2).all()
    assert (values[26:32, 12:17, 5:8] == 1).all()
    assert (values > 0).sum() == 450
    for affine in (image.affine, image.get_sform(coded=True)[0], image.get_qform(coded=True)[0]):
        np.testing.assert_allclose(affine, data["native"].affine.numpy(), atol=1e-5)
    assert image.header["sform_code"] == image.header["qform_code"] == 1
    assert names(tmp_path) == ["tumour.nii.gz"]


def test_an_earlier_result_is_replaced(make_study, tmp_path):
    write_study(make_study(), tmp_path / "c01", CLASSES)
    (tmp_path / ".unfinished-c01").mkdir()  # a run that was killed
    (tmp_path / ".unfinished-c01" / "junk").write_text("x")
    write_study(make_study(lesions=False), tmp_path / "c01", CLASSES)
    assert json.loads((tmp_path / "c01" / "study.json").read_text(encoding="utf-8"))["lesions"] == []
    assert names(tmp_path / "c01") == THREE
    assert names(tmp_path) == ["c01"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("bug")])
def test_all_or_nothing(make_study, tmp_path, monkeypatch, error):
    write_study(make_study(), tmp_path / "c01", CLASSES)
    before = (tmp_path / "c01" / "study.json").read_bytes()

    def fail(*_):
        raise error

    monkeypatch.setattr(writer, "draw_overview", fail)
    expected = (InputError, "No space left on device") if isinstance(error, OSError) else (KeyError, "bug")
    for case, data in (("c01", make_study(lesions=False)), ("c02", make_study())):
        with pytest.raises(expected[0], match=expected[1]):
            write_study(data, tmp_path / case, CLASSES)
    assert names(tmp_path) == ["c01"]
    assert names(tmp_path / "c01") == THREE
    assert (tmp_path / "c01" / "study.json").read_bytes() == before


def test_a_failed_change_of_places_brings_the_earlier_result_back(make_study, tmp_path, monkeypatch):
    write_study(make_study(), tmp_path / "c01", CLASSES)
    replace = writer.os.replace

    def fail_once(source, target):
        if ".unfinished" in str(source) and str(target).endswith("c01"):
            raise PermissionError(13, "in use")
        replace(source, target)

    monkeypatch.setattr(writer.os, "replace", fail_once)
    with pytest.raises(InputError, match="in use"):
        write_study(make_study(lesions=False), tmp_path / "c01", CLASSES)
    assert names(tmp_path) == ["c01"]
    assert len(json.loads((tmp_path / "c01" / "study.json").read_text(encoding="utf-8"))["lesions"]) == 2


def test_a_folder_of_the_user_s_own_files_is_never_replaced(make_study, tmp_path):
    (tmp_path / "c01").mkdir()
    (tmp_path / "c01" / "pre.nii.gz").write_bytes(b"precious")
    with pytest.raises(InputError, match=r"files that are no earlier result.*must not be the folder"):
        write_study(make_study(), tmp_path / "c01", CLASSES)
    assert names(tmp_path / "c01") == ["pre.nii.gz"]


def test_nan_never_reaches_the_file(make_study, tmp_path):
    data = make_study()
    data["result"] = {**data["result"], "scale": float("nan")}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_study(data, tmp_path / "c01", CLASSES)
    assert names(tmp_path) == []

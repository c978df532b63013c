"""The user's naming: read from JSON and CSV, and every mistake in it answered."""

import json

import numpy as np
import pytest

from custom.data import PhaseMap, Selector, find_studies, load_phase_map, load_study
from custom.types import PHASES, InputError


def test_json_and_csv_say_the_same(tmp_path):
    (tmp_path / "m.json").write_text(
        json.dumps({"c ä": {"pre": 5, "arterial": "T1 dyn @ 2"}, "*": {"pre": "x@1"}}), "utf-8"
    )
    (tmp_path / "m.csv").write_text("case,phase,source\nc ä,pre,5\nc ä,arterial,T1 dyn @ 2\n*,pre,x@1\n", "utf-8-sig")
    for name in ("m.json", "m.csv"):
        phase_map = load_phase_map(tmp_path / name)
        assert phase_map.for_case("c ä") == {"pre": Selector("5"), "arterial": Selector("T1 dyn", 2)}
        assert phase_map.for_case("other") == {"pre": Selector("x", 1)}
    assert PhaseMap({}).for_case("c") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"c": {"portal": "5"}}, "case c: found phase 'portal'; expected one of pre, arterial, portal_venous, delayed"),
        ({"c": {"pre": ""}}, "expected a file, folder, series number or description"),
        ({"c": {"pre": ["5"]}}, "expected a file, folder, series number or description"),
        ({"c": {"pre": True}}, "expected a file, folder, series number or description"),
        ({"c": {"pre": "5@0"}}, "expected time points counted from 1"),
        ({"pre": "5"}, 'expected {"case" or "\\*"'),
        (["pre"], 'expected {"case" or "\\*"'),
    ],
)
def test_malformed_maps(tmp_path, content, message):
    (tmp_path / "m.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        load_phase_map(tmp_path / "m.json")


def test_unreadable_maps(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_phase_map(tmp_path / "none.json")
    (tmp_path / "m.json").write_text("{pre: 5}")
    with pytest.raises(InputError, match=r"m\.json: found text that cannot be read"):
        load_phase_map(tmp_path / "m.json")
    (tmp_path / "m.csv").write_text("a;b\n1;2\n")
    with pytest.raises(InputError, match="expected the columns case, phase, source"):
        load_phase_map(tmp_path / "m.csv")
    (tmp_path / "m.csv").write_text("case,phase,source\nc,pre,1\nc,pre,2\n")
    with pytest.raises(InputError, match="phase pre twice"):
        load_phase_map(tmp_path / "m.csv")


def test_files_by_name_stem_or_path(nifti_study, volumes, save_nifti):
    save_nifti(nifti_study / "sub" / "scan7.nii.gz", volumes["delayed"])
    selectors = {"pre": "arterial.nii.gz", "arterial": "pre", "portal_venous": "sub/scan7.nii.gz"}
    study = load_study(nifti_study, phase_map={nifti_study.name: selectors})
    for phase, written in (("pre", "arterial"), ("arterial", "pre"), ("portal_venous", "delayed")):
        np.testing.assert_array_equal(study.phases[phase].data, volumes[written])
    assert study.phases["pre"].evidence == {"rule": "phase map", "selector": "arterial.nii.gz"}
    assert study.flags == ("missing_phase:delayed",)


def test_file_that_is_not_there_lists_what_is(nifti_study):
    with pytest.raises(
        InputError, match=r"nothing that matches 'nativ'; there are arterial\.nii\.gz, delayed\.nii\.gz"
    ):
        load_study(nifti_study, phase_map={"*": {"pre": "nativ"}})


def test_files_of_one_name_in_several_folders(nifti_study, volumes, save_nifti):
    for phase in ("pre", "portal_venous"):
        save_nifti(nifti_study / "other" / phase / "img.nii.gz", volumes[phase])
    selectors = {phase: f"other/{phase}/img.nii.gz" for phase in ("pre", "portal_venous")}
    study = load_study(nifti_study, phase_map={"*": selectors})
    for phase, path in selectors.items():
        np.testing.assert_array_equal(study.phases[phase].data, volumes[phase])
        assert study.phases[phase].source == path


def test_source_holds_no_folder_of_the_user(nifti_study, monkeypatch):
    monkeypatch.chdir(nifti_study.parent.parent)
    relative = nifti_study.relative_to(nifti_study.parent.parent)
    assert load_study(relative).phases["pre"].source == "pre.nii.gz"
    (nifti_study / "pre.nii.gz").write_bytes(b"cut off")
    with pytest.raises(InputError, match=f"^{nifti_study.name}/pre.nii.gz: found an unreadable"):
        load_study(relative)


def test_one_file_for_two_phases(nifti_study):
    with pytest.raises(InputError, match=r"pre\.nii\.gz named for pre and for another phase"):
        load_study(nifti_study, phase_map={"*": {"pre": "pre", "portal_venous": "pre.nii.gz"}})


def test_dicom_by_number_description_and_folder(dicom, volumes):
    dicom.series([volumes["pre"]], 5, "T1 one")
    dicom.series([volumes["arterial"]], 6, "T1 two")
    dicom.series(list(volumes.values()), 7, "T1 three", tags=lambda t, k: {"TemporalPositionIdentifier": t + 1})
    selectors = {"pre": "series5", "arterial": "t1  TWO", "portal_venous": "7@3", "delayed": "series7@4"}
    study = load_study(dicom.root, phase_map={"case7": selectors})
    for phase in PHASES:
        np.testing.assert_array_equal(study.phases[phase].data, volumes[phase])
    assert study.phases["portal_venous"].source == "series 7, time point 3"
    assert study.phases["portal_venous"].evidence["selector"] == "7@3"


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("9", r'nothing that matches \'9\'; there are 5 "T1 one", 7@1…@4 "T1 one"'),
        ("7", r"the selector '7' for series 7 with 4 time point\(s\); expected @1 to @4"),
        ("7@5", r"the selector '7@5' for series 7 with 4 time point\(s\)"),
        ("T1 one", r"several series \(5, 7\) that match 'T1 one'"),
    ],
)
def test_dicom_selectors_that_do_not_name_one_volume(dicom, volumes, selector, message):
    dicom.series([volumes["pre"]], 5, "T1 one")
    dicom.series(list(volumes.values()), 7, "T1 one", tags=lambda t, k: {"TemporalPositionIdentifier": t + 1})
    with pytest.raises(InputError, match=message):
        load_study(dicom.root, phase_map={"*": {"portal_venous": selector}})


def test_one_dicom_volume_for_two_phases(dicom, volumes):
    dicom.series([volumes["pre"]], 5)
    with pytest.raises(InputError, match="series 5 named for pre and for portal_venous"):
        load_study(dicom.root, phase_map={"*": {"pre": "5", "portal_venous": "5@1"}})


def test_a_phase_map_for_a_case_that_is_not_there_is_an_error(tmp_path):
    (tmp_path / "case01").mkdir()
    file = tmp_path / "phases.json"
    file.write_text('{"case1": {"pre": "a"}, "*": {"pre": "b"}}', encoding="utf-8")
    with pytest.raises(InputError, match=r"phases of case1, which is no study.*case01"):
        find_studies(tmp_path, phase_map=file)
    file.write_text('{"case01": {"pre": "a"}}', encoding="utf-8")
    assert [item["case"] for item in find_studies(tmp_path, phase_map=file)] == ["case01"]

"""The verb: table, JSON, exit codes."""

import json

import pytest

from custom.__main__ import main
from custom.data.check.problem import Problem
from custom.data.check.report import Report

SMALLEST = ("--min_volume_ml", "0.1")


@pytest.fixture
def verb(capsys):
    """``verb(*arguments)`` → exit code, standard output, standard error."""

    def run(*arguments):
        try:
            code = main(["check", *map(str, arguments)])
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run


def test_exit_code_0_without_problems(data_set, verb):
    data_set.study("c")
    code, out, _ = verb(data_set.write(), *SMALLEST)
    assert code == 0
    assert out.startswith("Checked 1 study: 0 errors, 0 warnings, ")


def test_exit_code_0_with_warnings_1_with_errors(data_set, verb):
    data_set.study("c")
    (data_set.root / "c/delayed.nii.gz").unlink()
    del data_set.content["training"][0]["phases"]["delayed"]
    code, out, _ = verb(data_set.write(), *SMALLEST)
    assert code == 0
    assert "1 study: 0 errors, 1 warning, " in out
    (data_set.root / "c/pre.nii.gz").unlink()
    code, out, _ = verb(data_set.root, *SMALLEST)  # a folder with datalist.json is that datalist
    assert code == 1
    assert "no delayed phase" in out
    assert "c/pre.nii.gz" in out
    assert out.splitlines()[-1].startswith("Checked 1 study: 1 error, 1 warning, ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "found no datalist"),
        (("set",), "found an empty folder"),
        (("set/broken.json",), "found text that is not JSON"),
        (("set/empty.json",), "found no study"),
        (("good.json", "--phase_map", "none.json"), "found no such file"),
        (("good.json", "--reference_phase", "portal"), "found phase 'portal'"),
        (("good.json", "--memory_budget_gb", "0"), "a positive number of gigabytes"),
        (("good.json", "--workers", "0"), "must be at least 1"),
        (("good.json", "--unknown"), "unrecognized arguments"),
    ],
)
def test_exit_code_2_for_misuse(data_set, verb, monkeypatch, arguments, message):
    data_set.root.mkdir()
    monkeypatch.chdir(data_set.root.parent)
    if arguments[0] == "good.json":
        data_set.study("c")
        data_set.write().rename("good.json")
        arguments = (arguments[0], "--dataset_dir", "set", *arguments[1:])
    elif arguments[0].endswith(".json"):
        (data_set.root / "broken.json").write_text("{")
        (data_set.root / "empty.json").write_text('{"training": []}')
    code, out, err = verb(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_what_to_do_next(data_set, verb, caplog, tmp_path):
    caplog.set_level("INFO")

    def said(*arguments):
        caplog.clear()
        verb(*arguments, *SMALLEST)
        return [record.getMessage() for record in caplog.records][-1:]

    data_set.study("c", lesion_class="FNH")
    path = data_set.write().rename(tmp_path / "my list.json")
    at = ("--dataset_dir", data_set.root)
    assert said(path, *at) == ["Next: correct the errors, or take these studies out, and check again."]
    training = "Next: python -m monai.bundle run training --config_file bundle/configs/train.json"
    expected = f"""{training} --datalist "{path}" --dataset_dir {data_set.root} --classes "['FNH', 'HCC']" """
    expected += "--output_dir my_training --ckpt_dir my_models"
    assert said(path, *at, "--classes", "FNH", "HCC") == [expected]
    assert "without --headers-only" in said(path, *at, "--classes", "FNH", "--headers-only")[0]
    assert said(data_set.root) == []


def test_json_says_the_same_and_is_written_at_once(data_set, verb, tmp_path):
    data_set.study("c", lesion_class="FNH")
    target = tmp_path / "new" / "report.json"
    code, out, _ = verb(data_set.write(), "--headers-only", "--json", target)
    content = json.loads(target.read_text("utf-8"))
    assert code == 1
    assert {key: content[key] for key in ("studies", "errors", "warnings", "headers_only")} == {
        "studies": 1,
        "errors": 1,
        "warnings": 0,
        "headers_only": True,
    }
    assert content["problems"] == [
        {
            "case": "c",
            "file": "datalist.json",
            "severity": "error",
            "finding": "lesion_class 'FNH'; expected one of hemangioma, HCC, or null",
            "remedy": "Correct the entry, or the list of classes.",
        }
    ]
    assert [path.name for path in target.parent.iterdir()] == ["report.json"]
    assert "Checked headers of 1 study" in out


def test_classes_and_paths_of_a_datalist_elsewhere(data_set, verb, tmp_path):
    data_set.study("c", lesion_class="FNH")
    datalist = data_set.write().rename(tmp_path / "elsewhere.json")
    code, out, _ = verb(datalist, "--dataset_dir", data_set.root, "--classes", "ICC", "FNH", *SMALLEST)
    assert (code, out[:17]) == (0, "Checked 1 study: ")


def test_table_is_wrapped_and_loses_nothing():
    problems = [
        Problem("case with a long name", "folder/series 7", "error", "a finding of many words " * 8, "Do this. " * 9),
        Problem("c2", "", "warning", "short", "Look."),
    ]
    table = Report(studies=2, problems=problems, seconds=1).table(width=100)
    lines = table.splitlines()
    assert lines[0] == "case                   severity  file, finding and remedy"
    assert max(map(len, lines)) <= 100
    assert lines[2].startswith("case with a long name  error     folder/series 7")
    assert table.count("many") == 8
    assert table.count("Do") == 9
    assert [line.split() for line in lines[-2:]] == [["c2", "warning", "short"], ["->", "Look."]]

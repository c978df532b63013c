"""What cannot be federated is refused before anything is trained."""

from __future__ import annotations

import json
import shutil

import pytest


def changed(site, folder, **content):
    """A copy of a site's list with other content; its images stay where they are."""
    listed = json.loads((site / "datalist.json").read_text("utf-8"))
    listed.pop("content_hash")
    for items in (listed[section] for section in ("training", "validation", "test")):
        for item in items:
            item["phases"] = {phase: str(site / path) for phase, path in item["phases"].items()}
            item["label"] = str(site / item["label"])
    folder.mkdir()
    (folder / "datalist.json").write_text(json.dumps({**listed, **content}), "utf-8")
    return folder


@pytest.fixture
def refused(federate, sites, tmp_path, capsys):
    """The message of a run over the first site and another."""

    def run(*others, options=(), rounds=2):
        output = tmp_path / "results"
        assert federate(output, *options, rounds=rounds, over=(sites[0], *others)) == 2
        assert not (output / "metrics.json").exists()
        return capsys.readouterr().err

    return run


def test_a_site_without_studies(refused, sites, tmp_path):
    for section in ("training", "validation"):
        message = refused(changed(sites[1], tmp_path / section, **{section: []}))
        assert f"found no section '{section}'" in message


def test_a_site_with_other_classes(refused, sites, tmp_path):
    message = refused(changed(sites[1], tmp_path / "other", classes=["HCC", "hemangioma"]))
    assert "found the classes HCC, hemangioma; expected hemangioma, HCC" in message


def test_a_site_that_is_not_there(refused, tmp_path):
    assert "found no datalist" in refused(tmp_path / "nowhere")


def test_one_site(refused):
    assert "found 1 site; expected two or more" in refused()


def test_two_sites_of_one_name(refused, sites, tmp_path):
    (tmp_path / "copy").mkdir()
    message = refused(changed(sites[1], tmp_path / "copy" / "early"))
    assert "found sites called early, early; expected different names" in message


def test_no_rounds(refused, sites):
    assert "--rounds: found 0" in refused(sites[1], rounds=0)


def test_a_misspelt_setting(refused, sites):
    assert "learning_rat" in refused(sites[1], options=("--set", "learning_rat=0.1"))


def test_a_damaged_study_is_named(refused, sites, tmp_path):
    site = tmp_path / "torn"
    shutil.copytree(sites[1], site)
    damaged = next(site.glob("*training*/arterial.nii.gz"))
    damaged.write_bytes(damaged.read_bytes()[:200])
    assert f"case {damaged.parent.name}" in (message := refused(site)) or damaged.parent.name in message


def test_another_federations_results(federated, federate, capsys):
    before = (federated.output / "resume.pt").read_bytes()
    assert federate(federated.output) == 2
    assert "found the results of a federation" in capsys.readouterr().err
    assert federate(federated.output, "--resume", rounds=3) == 2
    assert "a federation with rounds 2; expected rounds 3" in capsys.readouterr().err
    assert (federated.output / "resume.pt").read_bytes() == before

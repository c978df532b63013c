"""The page of results: what it says, from what, and what it leaves alone."""

from __future__ import annotations

from hashlib import sha256

import pytest

from custom.experiments.pages import publish as publishing
from custom.experiments.pages.archive import SUFFIX, read_results, rounded, write_archive
from custom.experiments.pages.publish import BEGIN, END, publish
from custom.experiments.pages.report import as_page
from custom.experiments.planning.settings import CONFIGS
from custom.experiments.tables.figures import FIGURES
from custom.experiments.tables.table import Cell
from custom.experiments.tables.verdict import BETTER, NOT_SHOWN, WORSE, sentence, verdict
from custom.types import InputError

FIGURE = {figure.key: figure for figure in FIGURES}


def cell(figure, difference, ends, p_holm, arm="No TIM"):
    about = {"arm": arm, "figure": figure, "runs": 1, "studies": 9, "patients": 9, "mean": 1.0}
    spread = {"sd_studies": None, "sd_runs": None, "interval": None, "compared_with": "Full"}
    return Cell(**about, **spread, difference=difference, difference_interval=ends, p=p_holm, p_holm=p_holm)


@pytest.mark.parametrize(
    ("figure", "difference", "ends", "p_holm", "expected"),
    [
        ("dsc", 0.1, (0.05, 0.15), 0.01, BETTER),
        ("dsc", -0.1, (-0.15, -0.05), 0.01, WORSE),
        ("curve_mae_raw", 3.0, (1.0, 5.0), 0.01, WORSE),
        ("curve_mae_raw", -3.0, (-5.0, -1.0), 0.01, BETTER),
        ("dsc", 0.1, (-0.01, 0.2), 0.01, NOT_SHOWN),  # the interval holds 0
        ("dsc", 0.1, (0.0, 0.2), 0.01, NOT_SHOWN),
        ("dsc", 0.1, (0.05, 0.15), 0.06, NOT_SHOWN),  # one of many comparisons
        ("dsc", 0.1, None, None, NOT_SHOWN),  # a single patient
    ],
)
def test_a_difference_is_shown_where_interval_and_test_both_say_so(figure, difference, ends, p_holm, expected):
    assert verdict(cell(figure, difference, ends, p_holm), FIGURE[figure]) == expected


def test_the_words_follow_from_the_verdict():
    found = [cell("dsc", -0.1, (-0.15, -0.05), 0.01), cell("curve_mae_raw", 0.2, (-1.0, 1.5), 0.7)]
    pairs = [(one, FIGURE[one.figure]) for one in found]
    assert sentence("No TIM", pairs) == (
        "- **No TIM**: worse without it: TIM helps (DSC -0.100 [-0.150, -0.050]), "
        "no difference shown (Curve MAE +0.2 [-1.0, +1.5])."
    )
    harm = [(cell("auc", 0.1, (0.05, 0.15), 0.01), FIGURE["auc"])]
    assert sentence("No TIM", harm) == "- **No TIM**: better without it: TIM harms (AUC +0.100 [+0.050, +0.150])."
    assert sentence("UNet", harm) == "- **UNet**: better than Full (AUC +0.100 [+0.050, +0.150])."


@pytest.fixture
def manifests(by_hand):
    """Ten patients; without TIM the DSC is lower by 0.2 throughout. The second fold of No TIM is not finished."""
    curves = {"regressed": None, "measured": None, "target": None, "true": [1.0, 2.0, 3.0, 2.0]}

    def run(arm, fold, loss):
        records = [by_hand.record(f"c{5 * fold + n}", dsc=0.5 + 0.05 * n - loss, curves=curves) for n in range(5)]
        return by_hand.manifest(arm, records, fold=fold)

    return [run("Full", 0, 0.0), run("Full", 1, 0.0), run("No TIM", 0, 0.2)]


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Pictures as empty files."""

    def draw(manifests, cells, target):
        target.mkdir(parents=True, exist_ok=True)
        (target / "figures.png").write_bytes(b"")
        return [target / "figures.png"]

    monkeypatch.setattr(publishing, "draw", draw)


def test_the_page_tells_data_budget_and_what_is_missing(manifests):
    page = as_page([manifests], {"toy": ["images/results/toy/figures.png", "images/results/toy/panels-50.png"]})
    assert "Every figure is of the digital phantom" in page
    assert "7 optimiser steps, 0 % of the 1,408" in page
    assert "2 fold(s) × 1 seed(s); 3 finished runs of 2 arms, of 7 optimiser steps on 4 studies" in page
    assert "**Not finished:** No TIM, fold 1, seed 0." in page
    assert "| Full | 0.600 ± 0.075 |" in page
    assert "| 85.2 % |" in page
    assert "![Held-out study at percentile 50 of the compared arm's DSC](images/results/toy/panels-50.png)" in page
    assert "python -m custom experiment toy.yaml --folds 2 --seeds 1 --steps 7" in page
    assert "`ablation`, `comparison`, `crossval`" in page.partition("### Not run")[2]


def test_patients_are_not_called_a_phantom(manifests):
    for manifest in manifests:
        for record in manifest["evaluations"]["held out"]:
            record["curves"] = {**record["curves"], "true": None}
    assert "phantom" not in as_page([manifests], {})


def test_the_command_has_what_held_for_all_arms(manifests):
    train = sha256((CONFIGS / "train.json").read_bytes()).hexdigest()
    both = {"seed": 3, "loss_weights#tim": 0.5, "pixels": [2.0, 2.0]}
    for manifest, tim in zip(manifests, (0.5, 0.5, 0.0), strict=True):
        files = {"train.json": train, "mine.yaml": "f" * 64}
        manifest["config"] = {"files": files, "overrides": {**both, "loss_weights#tim": tim}}
    page = as_page([manifests], {})
    assert "To repeat it:\n" in page
    assert "--steps 7 --config_file bundle/configs/train.json mine.yaml --set 'seed=3' 'pixels=[2.0, 2.0]'\n" in page
    manifests[0]["config"]["files"]["train.json"] = "0123456789" * 6
    assert "these runs had earlier ones, of `train.json` (01234567…)):" in as_page([manifests], {})


def test_an_arm_from_elsewhere_needs_no_budget(manifests):
    for key in ("budget", "seconds", "device"):
        del manifests[2][key]
    manifests[2]["arm"] = "nnU-Net"
    page = as_page([manifests], {})
    assert "trained elsewhere: nnU-Net" in page
    assert "| nnU-Net | 0.400" in page


def test_the_page_is_rebuilt_from_its_archives_alone(by_hand, manifests, tmp_path):
    page = tmp_path / "docs" / "results.md"
    publish([by_hand.put(manifests)], page)
    first = page.read_bytes()
    archive = page.parent / "results" / f"toy{SUFFIX}"
    kept = archive.read_bytes()
    publish([archive], page)
    assert page.read_bytes() == first
    assert archive.read_bytes() == kept


def test_what_others_wrote_on_the_page_stays(by_hand, manifests, tmp_path):
    page = tmp_path / "results.md"
    page.write_text(f"# Mine\n{BEGIN}\nold\n{END}\nAnd mine.\n", encoding="utf-8")
    publish([by_hand.put(manifests)], page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# Mine\n{BEGIN}\n## Experiments\n")
    assert text.endswith(f"\n{END}\nAnd mine.\n")
    assert "\nold\n" not in text


def test_a_page_without_the_marks_is_left_alone(by_hand, manifests, tmp_path):
    page = tmp_path / "results.md"
    page.write_text("# Mine\n", encoding="utf-8")
    with pytest.raises(InputError, match="without the marks"):
        publish([by_hand.put(manifests)], page)
    assert page.read_text(encoding="utf-8") == "# Mine\n"
    assert not (tmp_path / "results").exists()


def test_panels_are_copied_and_outlive_a_rebuild(by_hand, manifests, tmp_path):
    folder, page = by_hand.put(manifests), tmp_path / "results.md"
    (folder / "table").mkdir()
    (folder / "table" / "panels-10.png").write_bytes(b"picture")
    publish([folder], page)
    publish([tmp_path / "results" / f"toy{SUFFIX}"], page)
    assert (tmp_path / "images" / "results" / "toy" / "panels-10.png").read_bytes() == b"picture"
    assert "(images/results/toy/panels-10.png)" in page.read_text(encoding="utf-8")


def test_an_archive_holds_enough_digits_and_no_more(manifests, tmp_path):
    assert rounded({"a": [0.123456789, 1234567.0, 3, None, "0.123456789"]}) == {
        "a": [0.12346, 1234600.0, 3, None, "0.123456789"]
    }
    path = write_archive(rounded(manifests), tmp_path / f"toy{SUFFIX}")
    assert read_results(path) == rounded(manifests)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xfd7zXZ\x00broken"])
def test_a_file_that_is_no_archive_is_named(tmp_path, content):
    (tmp_path / "odd.json.xz").write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.json\.xz"):
        read_results(tmp_path / "odd.json.xz")


def test_the_same_experiment_twice_and_none_at_all_are_refused(by_hand, manifests, tmp_path):
    folder = by_hand.put(manifests)
    for sources in ([folder, folder], []):
        with pytest.raises(InputError, match="each once"):
            publish(sources, tmp_path / "results.md")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="0 experiments"):
        publish([tmp_path / "empty"], tmp_path / "results.md")

"""The published page of results against the published manifests."""

from pathlib import Path

import pytest

from custom.experiments.pages.archive import SUFFIX, read_results
from custom.experiments.pages.publish import BEGIN, END, around, generated

PAGE = Path(__file__).parents[2] / "bundle" / "docs" / "results.md"
ARCHIVES = sorted((PAGE.parent / "results").glob(f"*{SUFFIX}"))
LIMIT_BYTES = 1_000_000


@pytest.mark.slow
@pytest.mark.skipif(not ARCHIVES, reason="no experiment is published yet")
def test_the_page_is_what_its_manifests_say():
    """Every interval and test of the page is computed anew."""
    before, after = around(PAGE)
    made = f"{before}{BEGIN}\n{generated([read_results(path) for path in ARCHIVES], PAGE)}{END}\n{after}"
    assert PAGE.read_text("utf-8") == made, "make it anew: python -m custom experiment report (see experiments.md)"


def test_the_manifests_stay_small():
    assert sum(path.stat().st_size for path in ARCHIVES) < LIMIT_BYTES


def test_every_picture_of_results_is_on_the_page():
    text = PAGE.read_text("utf-8")
    pictures = (PAGE.parent / "images" / "results").rglob("*.png")
    assert [path.name for path in pictures if path.relative_to(PAGE.parent).as_posix() not in text] == []

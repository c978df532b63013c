"""Fixtures of the check's tests: an empty data set to fill, and what a report says."""

import pytest

from tests.data.check.small_set import DataSet


@pytest.fixture
def data_set(tmp_path):
    """An empty ``DataSet``."""
    return DataSet(tmp_path / "set")


def rows(report):
    """What a report says, without remedies: (case, file, severity, finding)."""
    return [(p.case, p.file, p.severity, p.finding) for p in report.problems]


@pytest.fixture(name="rows")
def rows_of():
    """``rows(report)``."""
    return rows

"""Checking a whole data set before it is used: every study's headers, then its voxels, all problems in one table."""

from .report import Report
from .run import check_dataset

__all__ = ["Report", "check_dataset"]

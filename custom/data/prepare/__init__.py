"""A folder of exams → a datalist: find the studies, join what a table says of them, split by patient, write."""

from .found import folder_entries
from .write import write_datalist

__all__ = ["folder_entries", "write_datalist"]

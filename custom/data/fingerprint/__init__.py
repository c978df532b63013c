"""What a data set is like: grids, intensities, lesions and their enhancement, and what looks wrong, on one page."""

from .cli import add_fingerprint_arguments, run_fingerprint
from .collect import fingerprint_datalist, measure_studies, write_fingerprint
from .measure import measure_study

__all__ = [
    "add_fingerprint_arguments",
    "fingerprint_datalist",
    "measure_studies",
    "measure_study",
    "run_fingerprint",
    "write_fingerprint",
]

"""What a data set is like: grids, intensities, lesions and their enhancement, and what looks wrong, on one page."""

from .collect import fingerprint_datalist, measure_studies, write_fingerprint
from .measure import measure_study
from .picture import draw_fingerprint

__all__ = ["draw_fingerprint", "fingerprint_datalist", "measure_studies", "measure_study", "write_fingerprint"]

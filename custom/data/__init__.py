"""Files → one valid study: every accepted form of a multi-phase exam, and the embedded phantom data set."""

from .datalist import load_datalist
from .find_studies import find_studies
from .load import load_study
from .phase_map import PhaseMap, Selector, load_phase_map
from .study import Study, Volume

__all__ = ["PhaseMap", "Selector", "Study", "Volume", "find_studies", "load_datalist", "load_phase_map", "load_study"]

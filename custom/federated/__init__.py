"""Training on the data of several sites that exchange weights and no images: federated averaging over MonaiAlgo."""

from .average import federated_average
from .federation import Federation
from .site import Site

__all__ = ["Federation", "Site", "federated_average"]

"""The studies below a folder, however nested and mixed, under names that identify nobody."""

from .discover import SALT, Found, NotFound, discover

__all__ = ["SALT", "Found", "NotFound", "discover"]

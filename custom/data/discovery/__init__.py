"""The studies below a folder, however nested and mixed, under names that identify nobody."""

from .discover import Found, NotFound, discover

__all__ = ["Found", "NotFound", "discover"]

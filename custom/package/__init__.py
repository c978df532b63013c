"""The bundle in the form that MONAI's model zoo shares: one folder, its zip, and their checksums."""

from .build import NAME, build_package

__all__ = ["NAME", "build_package"]

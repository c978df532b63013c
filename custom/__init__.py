"""MTI-Net: segmentation, enhancement regression and classification of liver tumours on four-phase MRI.

Data walks through the rooms of this package in one direction::

    data -> transforms -> networks -> losses -> engines -> inference -> outputs

The bundle's configs (``bundle/configs/``) name the classes found here.  Inside the package every import is relative, so
that the package can be shipped under another name.
"""

__version__ = "0.1.0"

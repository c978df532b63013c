"""Makes torchvision importable where its compiled operators do not load: it insists that these two are declared.

Python imports this file whenever it starts (by a ``.pth`` file beside it); torch is touched only once torchvision is.
"""

import sys
from importlib.abc import MetaPathFinder


class DeclareOperators(MetaPathFinder):
    """Stands before the search for ``torchvision``, once, and lets the search go on."""

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            from torch.library import Library

            sys.torchvision_operators = declared = Library(name, "FRAGMENT")  # they vanish with the object
            for operator in ("nms", "qnms"):
                declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


sys.meta_path.insert(0, DeclareOperators())

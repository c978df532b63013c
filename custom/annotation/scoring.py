"""What active learning looks at: how sure the network is of every voxel, mask and class together."""

from __future__ import annotations

from collections.abc import Mapping

import torch


def class_probabilities(prediction: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Probabilities of background and of each class, which sum to one in every voxel.

    A lesion's class is known by slice, so class ``k`` has the tumour's probability times that of the class in this
    slice.  Dropout acts on the latter, and the entropy of the mean over samples grows with both kinds of doubt.

    Args:
        prediction: ``seg (1, H, W, D)`` logits and, if the network classifies, ``class_logits (K, D)``.

    Returns:
        ``(1 + K, H, W, D)``; K is 1 for a network without classes.
    """
    tumour = torch.sigmoid(prediction["seg"].float())  # (1, H, W, D)
    if "class_logits" not in prediction:
        return torch.cat([1 - tumour, tumour])
    classes = torch.softmax(prediction["class_logits"].float(), 0)  # (K, D)
    return torch.cat([1 - tumour, tumour * classes[:, None, None, :]])  # (1 + K, H, W, D)

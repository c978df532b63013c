"""Which loss trains which part of the network: exactly those that network.forward connects, no more, no fewer."""

import pytest
import torch

from custom.losses import AdversarialLoss, MultiTaskLoss
from custom.networks import MTINet, TaskDrivenDiscriminator

TRAINS = {
    "seg": {"encoder", "decoder"},
    "tim": {"encoder", "decoder"},
    "reg": {"encoder", "transformer", "regression"},  # the mask that it pools under is detached
    "cls": {"encoder", "transformer", "classification"},
    "adv": {"encoder", "transformer", "regression", "classification"},
}


@pytest.mark.parametrize("extra", [{}, {"residual": True}, {"cls_pool": "mask"}], ids=str)
@pytest.mark.parametrize("term", TRAINS)
def test_each_term_trains_its_parts(batch, term, extra):
    torch.manual_seed(0)
    settings = {"widths": (3, 4, 5, 6), "token_grid": (2, 4), "head_dim": 4, "skip_connections": True}
    net = MTINet(**settings, dropout=0.0, **extra)
    pred = net(batch["image"], batch["phase_mask"])
    if term == "adv":
        logits = TaskDrivenDiscriminator()(pred["enhancement"], pred["class_logits"].softmax(1), batch["phase_mask"])
        loss = AdversarialLoss().generator(logits, batch["has_tumour"])
    else:
        loss = MultiTaskLoss()(pred, batch)[term]
    loss.backward()
    trained = {
        name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None and p.grad.abs().max() > 0
    }
    assert trained == TRAINS[term]

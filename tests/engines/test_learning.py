"""The real network, losses and discriminator under the trainer: it learns, and it learns the same way every time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from ignite.engine import Events
from monai.data import DataLoader, Dataset

from custom.engines import MTITrainer, PrepareSlices, SeedEpoch, loss_terms
from custom.losses import AdversarialLoss, MultiTaskLoss
from custom.networks import MTINet, TaskDrivenDiscriminator

GOLDEN = Path(__file__).with_name("golden") / "loss_trace.json"
SIZE = 32


def make_case():
    """Four slices of one case: an L-shaped tumour that washes out, an oval one that fills in, and two without."""
    generator = torch.Generator().manual_seed(4)
    shapes = torch.zeros(4, 1, SIZE, SIZE)
    shapes[0, 0, 6:20, 8:13] = 1
    shapes[0, 0, 15:20, 8:24] = 1
    x, y = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    shapes[1, 0] = ((x - 18) ** 2 / 36 + (y - 12) ** 2 / 64 < 1).float()
    contrast = torch.tensor([[-0.3, 0.7, -0.2, -0.3], [-0.4, 0.5, 0.6, 0.7], [0] * 4, [0] * 4])
    image = 1 + 0.05 * torch.randn(4, 4, SIZE, SIZE, generator=generator) + shapes * contrast[..., None, None]
    slices = []
    for index in range(4):
        label = shapes[index]
        item = {"image": image[index], "label": label, "phase_mask": torch.ones(4, dtype=torch.bool)}
        item["enhancement"] = (image[index] * label).sum((1, 2)) / label.sum().clamp(min=1)
        item |= {"has_tumour": label.any(), "lesion_class": torch.tensor((1, 0, -1, -1)[index])}
        slices.append(item)
    return slices


def make_real_trainer(*, epochs, batch_size, learning_rate, widths, **replaced):
    torch.manual_seed(7)
    network = MTINet(
        widths=widths, token_grid=(2, 2), head_dim=4, transformer_blocks=1, skip_connections=True, dropout=0.0
    )
    network.set_enhancement_statistics([0.65, 1.6, 1.2, 1.2], [0.1, 0.2, 0.4, 0.5])
    discriminator = TaskDrivenDiscriminator(dim=8, depth=1, head_dim=4)
    loader = DataLoader(Dataset(make_case()), batch_size=batch_size, shuffle=True)
    arguments = {
        "device": "cpu",
        "max_epochs": epochs,
        "train_data_loader": loader,
        "network": network,
        "optimizer": torch.optim.Adam(network.parameters(), learning_rate),
        "loss_function": MultiTaskLoss(),
        "prepare_batch": PrepareSlices(),
        "discriminator": discriminator,
        "d_optimizer": torch.optim.Adam(discriminator.parameters(), 1e-3),
        "adversarial_loss": AdversarialLoss(),
        "adversarial_warmup_epochs": 2,
        "gradient_clip": 5.0,
        "train_handlers": [SeedEpoch(seed=1)],
    }
    return MTITrainer(**arguments | replaced)


def predict(network, slices):
    network.eval()
    with torch.no_grad():
        return network(torch.stack([item["image"] for item in slices]), torch.ones(4, 4, dtype=torch.bool))


def test_overfitting_one_case_reaches_dsc_above_095_its_curves_and_its_classes():
    trainer = make_real_trainer(epochs=120, batch_size=4, learning_rate=1e-2, widths=(8, 8, 16, 16))
    trainer.run()
    slices = make_case()
    pred = predict(trainer.network, slices)
    mask, label = pred["seg"] > 0, torch.stack([item["label"] for item in slices]) > 0
    dsc = [2 * (mask[i] & label[i]).sum() / (mask[i].sum() + label[i].sum()) for i in range(2)]
    assert min(dsc) > 0.95
    assert mask[2:].sum() == 0
    assert pred["class_logits"][:2].argmax(1).tolist() == [1, 0]
    target = torch.stack([item["enhancement"] for item in slices])[:2]
    error = (pred["enhancement"][:2] - target).abs().mean()
    population = (target.mean(0) - target).abs().mean()
    assert error < 0.5 * population


@pytest.mark.parametrize("amp", [False, True])
def test_each_precision_trains_the_real_network(amp):
    losses = []
    trainer = make_real_trainer(epochs=30, batch_size=4, learning_rate=1e-2, widths=(4, 4, 4, 8), amp=amp)
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda e: losses.append(loss_terms(e.state.output)["loss_seg"])
    )
    trainer.run()
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("tasks", [("seg",), ("seg", "reg"), ("seg", "cls")])
def test_task_subsets_train(tasks):
    network = MTINet(widths=(4, 4, 4, 8), token_grid=(2, 2), head_dim=4, transformer_blocks=1, tasks=tasks)
    trainer = make_real_trainer(
        epochs=1, batch_size=4, learning_rate=1e-3, widths=(4, 4, 4, 8), network=network,
        optimizer=torch.optim.Adam(network.parameters(), 1e-3),
    )  # fmt: skip
    trainer.run()
    names = {"seg": {"loss_seg", "loss_tim"}, "reg": {"loss_reg"}, "cls": {"loss_cls"}}
    assert set(loss_terms(trainer.state.output)) == {"loss"}.union(*(names[task] for task in tasks))


def test_a_batch_without_any_tumour_trains_segmentation_and_keeps_the_graph_whole():
    healthy = DataLoader(Dataset(make_case()[2:]), batch_size=2)
    trainer = make_real_trainer(
        epochs=1, batch_size=2, learning_rate=1e-3, widths=(4, 4, 4, 8), train_data_loader=healthy
    )
    trainer.run()
    terms = loss_terms(trainer.state.output)
    assert terms["loss_seg"] > 0
    assert {name for name, value in terms.items() if value == 0} == {
        "loss_reg", "loss_cls", "loss_tim", "loss_adv", "loss_discriminator",
    }  # fmt: skip
    assert all(parameter.grad is not None for parameter in trainer.network.parameters())
    assert all(parameter.grad is not None for parameter in trainer.discriminator.parameters())


def test_loss_trace_is_the_golden_one():
    """Regenerate, after a change that is meant to change the training, with MTINET_REGENERATE_GOLDEN=1."""
    trace = []
    trainer = make_real_trainer(epochs=4, batch_size=2, learning_rate=1e-3, widths=(4, 4, 8, 8))
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: trace.append(loss_terms(e.state.output)))
    trainer.run()
    if os.environ.get("MTINET_REGENERATE_GOLDEN"):
        GOLDEN.write_text(json.dumps(trace, indent=1) + "\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert len(trace) == len(golden) == 8
    for found, expected in zip(trace, golden, strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)

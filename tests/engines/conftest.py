"""Small stand-ins with the networks' and losses' interfaces, and batches to train them on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import RandomizableTransform
from torch import nn

from custom.engines import MTITrainer, PrepareSlices

P, K, SIZE = 4, 2, 8


class ToyNetwork(nn.Module):
    """A convolution a head; dropout, so that randomness matters."""

    def __init__(self, tasks=("seg", "reg", "cls")):
        super().__init__()
        self.tasks = tasks
        self.body = nn.Sequential(nn.Conv2d(P, 6, 3, padding=1), nn.ReLU(), nn.Dropout(0.2))
        self.seg = nn.Conv2d(6, 1, 1)
        self.reg = nn.Linear(6, P) if "reg" in tasks else None
        self.cls = nn.Linear(6, K) if "cls" in tasks else None
        self.register_buffer("enhancement_mean", torch.tensor([0.1, 0.2, 0.3, 0.4]))
        self.register_buffer("enhancement_std", torch.tensor([0.5, 1.0, 2.0, 0.25]))

    def set_enhancement_statistics(self, mean, std):
        self.enhancement_mean.copy_(torch.as_tensor(mean))
        self.enhancement_std.copy_(torch.as_tensor(std))

    def forward(self, image, phase_mask=None):
        features = self.body(image)
        pooled = features.mean((2, 3))
        pred = {"seg": self.seg(features)}
        if self.reg is not None:
            pred["enhancement"] = self.reg(pooled) * self.enhancement_std + self.enhancement_mean
        if self.cls is not None:
            pred["class_logits"] = self.cls(pooled)
        return pred


class ToyDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(P + K, 8), nn.GELU(), nn.Linear(8, 1))
        self.seen = []  # (curve, class probabilities) of every call

    def forward(self, enhancement, class_probabilities, phase_mask=None):
        self.seen.append((enhancement.detach().clone(), class_probabilities.detach().clone()))
        return self.body(torch.cat([enhancement * phase_mask, class_probabilities], 1))


class ToyLoss(nn.Module):
    def __init__(self, break_term=None):
        super().__init__()
        self.break_term = break_term
        self.factors = []

    def forward(self, pred, batch):
        terms = {"seg": nn.functional.binary_cross_entropy_with_logits(pred["seg"], batch["label"])}
        if "enhancement" in pred:
            terms["reg"] = (pred["enhancement"] - batch["enhancement"]).abs().mean()
        if "class_logits" in pred:
            known = batch["lesion_class"] >= 0
            each = nn.functional.cross_entropy(
                pred["class_logits"], batch["lesion_class"], ignore_index=-1, reduction="none"
            )
            terms["cls"] = each.sum() / known.sum().clamp(min=1)
        if self.break_term in terms:
            terms[self.break_term] = terms[self.break_term] * float("nan")
        return terms

    def total(self, terms, adversarial_weight_factor=1.0):
        self.factors.append(adversarial_weight_factor)
        weights = {"adv": 0.05 * adversarial_weight_factor}
        return sum(weights.get(name, 1.0) * term for name, term in terms.items())


class ToyAdversarialLoss(nn.Module):
    def real_class_probabilities(self, label, num_classes):
        return nn.functional.one_hot(label.clamp(min=0), num_classes) * 0.8 + 0.1

    def generator(self, fake, valid):
        return (nn.functional.softplus(-fake[:, 0]) * valid).sum() / valid.sum().clamp(min=1)

    def discriminator(self, real, fake, valid):
        terms = nn.functional.softplus(-real[:, 0]) + nn.functional.softplus(fake[:, 0])
        return (terms * valid).sum() / valid.sum().clamp(min=1)


class AddNoise(RandomizableTransform):
    """A random transform with a state of its own, as MONAI's have."""

    def __call__(self, data):
        noise = torch.as_tensor(self.R.normal(0, 0.05, size=data["image"].shape), dtype=torch.float32)
        return {**data, "image": data["image"] + noise}


def make_slices(count=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    slices = []
    for index in range(count):
        image = torch.rand(P, SIZE, SIZE, generator=generator)
        label = torch.zeros(1, SIZE, SIZE)
        has_tumour = index % 3 != 2
        if has_tumour:
            label[:, 1:4, 2 : 5 + index % 2] = 1
            image = image + label * torch.tensor([0.2, 1.0, 0.6 + index % 2, 0.4])[:, None, None]
        curve = (image * label).sum((1, 2)) / label.sum().clamp(min=1)
        item = {"image": image, "label": label, "enhancement": curve, "phase_mask": torch.ones(P, dtype=torch.bool)}
        item |= {"lesion_class": torch.tensor(index % 2 if has_tumour else -1), "has_tumour": torch.tensor(has_tumour)}
        slices.append(item)
    return slices


@pytest.fixture
def toys():
    return SimpleNamespace(
        Network=ToyNetwork,
        Discriminator=ToyDiscriminator,
        Loss=ToyLoss,
        AdversarialLoss=ToyAdversarialLoss,
        AddNoise=AddNoise,
        make_slices=make_slices,
    )


@pytest.fixture
def make_trainer():
    """Builds a trainer of stand-ins; keyword arguments replace the trainer's own, ``seed`` sets the initial weights."""

    def build(*, seed=0, workers=0, slices=6, batch_size=2, adversarial=True, tasks=("seg", "reg", "cls"), **replaced):
        torch.manual_seed(seed)
        network = replaced.pop("network", None) or ToyNetwork(tasks)
        dataset = Dataset(make_slices(slices), AddNoise())
        arguments = {
            "device": "cpu",
            "max_epochs": 1,
            "train_data_loader": DataLoader(dataset, batch_size=batch_size, shuffle=True, num_workers=workers),
            "network": network,
            "optimizer": torch.optim.Adam(network.parameters(), 1e-2),
            "loss_function": ToyLoss(),
            "prepare_batch": PrepareSlices(),
        }
        if adversarial:
            discriminator = ToyDiscriminator()
            arguments |= {
                "discriminator": discriminator,
                "d_optimizer": torch.optim.Adam(discriminator.parameters(), 1e-2),
                "adversarial_loss": ToyAdversarialLoss(),
            }
        return MTITrainer(**arguments | replaced)

    return build


def make_study(case="s1", *, size=(10, 8, 5), spacing_mm=(2.0, 2.0, 5.0), true=(), pred=(), lesion_class=0, **extra):
    """A post-processed study; ``true`` and ``pred`` are boxes ``(x, y, z, class value)``, each a tuple of slices."""
    affine = torch.diag(torch.tensor([*spacing_mm, 1.0], dtype=torch.float64))
    label, mask = torch.zeros(1, *size, dtype=torch.uint8), torch.zeros(1, *size, dtype=torch.uint8)
    for x, y, z, value in true:
        label[0, x, y, z] = value
    for x, y, z in pred:
        mask[0, x, y, z] = 1
    data = {
        "study": {"case": case},
        "image": MetaTensor(torch.rand(P, *size, generator=torch.Generator().manual_seed(1)), affine=affine),
        "label": MetaTensor(label, affine=affine),
        "pred": MetaTensor(mask, affine=affine),
        "phase_mask": torch.ones(P, dtype=torch.bool),
        "lesion_class": torch.tensor(lesion_class),
        "scale": torch.tensor(100.0),
        "class_prob": torch.tensor([0.8, 0.2]) if pred else torch.full((K,), torch.nan),
        "enhancement": torch.tensor([1.0, 3.0, 2.0, 1.5]),
        "enhancement_pred": torch.tensor([1.0, 2.5, 2.0, 1.5]) if pred else torch.full((P,), torch.nan),
        "enhancement_measured": torch.tensor([1.0, 2.9, 2.0, 1.5]) if pred else torch.full((P,), torch.nan),
        "true_enhancement": torch.full((P,), torch.nan),
    }
    return {**data, **extra}


@pytest.fixture
def study():
    return make_study

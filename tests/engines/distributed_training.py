"""One process of a two-process training, started by test_distributed.py with torchrun's environment variables.

Usage: python distributed_training.py OUTPUT_FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from ignite.engine import Events
from monai.data import DataLoader, Dataset, DistributedSampler, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import ValidationHandler
from torch.nn.parallel import DistributedDataParallel

from custom.engines import (
    BestWeights,
    EnhancementStatistics,
    History,
    MTITrainer,
    PrepareSlices,
    PrepareStudy,
    Progress,
    ResumeCheckpoint,
    SeedEpoch,
    StudyMetrics,
    SynchroniseBuffers,
    TrainingReport,
)
from custom.inference import AggregateStudyd, SliceInferer
from custom.losses import AdversarialLoss, MultiTaskLoss
from custom.networks import MTINet, TaskDrivenDiscriminator

SMALL = {"widths": (4, 4, 4, 8), "token_grid": (2, 2), "head_dim": 4, "transformer_blocks": 1}
CLASSES = ("hemangioma", "HCC")


def make_studies(count=5):
    generator = torch.Generator().manual_seed(5)
    studies = []
    for index in range(count):
        label = torch.zeros(1, 32, 32, 3)
        label[:, 8 : 16 + index, 10:20, 1:] = 1 + index % 2
        curve = torch.tensor([[0.3, 1.5, 0.8, 0.6], [0.3, 0.6, 0.9, 1.2]])[index % 2]
        image = 0.2 + 0.02 * torch.rand(4, 32, 32, 3, generator=generator) + (label > 0) * curve[:, None, None, None]
        affine = torch.diag(torch.tensor([2.0, 2.0, 6.0, 1.0], dtype=torch.float64))
        item = {"image": MetaTensor(image, affine=affine), "label": MetaTensor(label, affine=affine), "scale": 100.0}
        item |= {"phase_mask": torch.ones(4, dtype=torch.bool), "lesion_class": index % 2}
        studies.append({**item, "study": {"case": f"case {index}"}})
    return studies


def make_slices(studies):
    slices = []
    for study in studies:
        for d in range(3):
            image, label = study["image"].as_tensor()[..., d], (study["label"].as_tensor()[..., d] > 0).float()
            curve = (image * label).sum((1, 2)) / label.sum().clamp(min=1)
            tumour = bool(label.any())
            item = {"image": image, "label": label, "enhancement": curve, "phase_mask": study["phase_mask"]}
            lesion_class = study["lesion_class"] if tumour else -1
            slices.append({**item, "has_tumour": torch.tensor(tumour), "lesion_class": torch.tensor(lesion_class)})
    return slices


def main(output: Path) -> None:
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.manual_seed(10 + rank)  # processes start with different weights: DDP has to make them equal
    network = DistributedDataParallel(MTINet(**SMALL))
    discriminator = DistributedDataParallel(TaskDrivenDiscriminator(dim=8, depth=1, head_dim=4))
    studies = make_studies()
    slices = Dataset(make_slices(studies))
    validator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(
            Dataset(studies), batch_size=1, sampler=DistributedSampler(studies, even_divisible=False, shuffle=False)
        ),
        network=network.module,
        prepare_batch=PrepareStudy(),
        inferer=SliceInferer(slice_batch_size=2),
        postprocessing=AggregateStudyd(classes=CLASSES),
        key_val_metric={"score": StudyMetrics()},
    )
    reports = {"output_dir": output, "classes": CLASSES}
    trainer = MTITrainer(
        device="cpu",
        max_epochs=2,
        train_data_loader=DataLoader(slices, batch_size=4, sampler=DistributedSampler(slices, shuffle=True)),
        network=network,
        optimizer=torch.optim.Adam(network.parameters(), 1e-3),
        loss_function=MultiTaskLoss(),
        prepare_batch=PrepareSlices(),
        discriminator=discriminator,
        d_optimizer=torch.optim.Adam(discriminator.parameters(), 1e-3),
        adversarial_loss=AdversarialLoss(),
        gradient_clip=1.0,
        train_handlers=[
            SeedEpoch(seed=0),
            EnhancementStatistics(dataset=Dataset(studies), output_dir=output, classes=CLASSES),
            Progress(title="Training", losses=True),
            SynchroniseBuffers(),
            ValidationHandler(validator=validator, interval=1),
            History(output_dir=output, validator=validator),
            BestWeights(ckpt_dir=output, validator=validator),
            TrainingReport(validator=validator, weights=output / "model.pt", **reports),
            ResumeCheckpoint(ckpt_dir=output),
        ],
    )
    state = {}
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: state.update(state_of(network, discriminator)))
    trainer.run()
    torch.save(state, output / f"rank{rank}.pt")
    result = {"records": validator.state.metric_details["studies"], "score": validator.state.metrics["score"]}
    (output / f"rank{rank}.json").write_text(json.dumps(result))
    dist.destroy_process_group()


def state_of(*modules):
    states = [module.module.state_dict() for module in modules]
    return {f"{i} {name}": value.clone() for i, state in enumerate(states) for name, value in state.items()}


if __name__ == "__main__":
    assert "RANK" in os.environ
    main(Path(sys.argv[1]))

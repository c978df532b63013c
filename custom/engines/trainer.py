"""The adversarial multi-task trainer: one visible step, generator first, then the discriminator.

Shapes: ``B`` batch, ``P`` phases, ``K`` classes, ``H W`` in-plane pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from monai.engines.workflow import Workflow
from torch import Tensor, nn

from ..types import InputError
from .memory import explain_out_of_memory

MEMORY_KEYS = ("studies_per_batch", "slices_per_study")
AMP_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class MTITrainer(SupervisedTrainer):
    """Train the generator on its task terms and against the discriminator, then the discriminator on its predictions.

    The discriminator judges pairs of a curve, standardised with the network's own statistics, and class probabilities:
    real is the measured curve with its smoothed one-hot class, fake is the prediction. It takes part when it is given
    and the network both regresses and classifies. ``engine.state.output`` holds ``image``, ``label`` (the targets),
    ``pred`` and one float per loss term: ``loss``, ``loss_seg``, ..., ``loss_adv``, ``loss_discriminator``.

    Args:
        discriminator: ``(curve (B, P), class probabilities (B, K), phase_mask (B, P)) -> logit (B, 1)``, or None.
        d_optimizer: the discriminator's optimizer; required with a discriminator.
        adversarial_loss: has ``generator(fake, valid)``, ``discriminator(real, fake, valid)`` and
            ``real_class_probabilities(lesion_class, num_classes)``; required likewise.
        adversarial_warmup_epochs: the adversarial weight grows linearly from 0 in the first epoch to its full value
            after this many epochs.
        gradient_clip: largest norm of each network's gradient, or None.
        amp: mixed precision on CPU or GPU.
        amp_dtype: ``"bfloat16"``, or ``"float16"`` (GPU only, one gradient scaler for both optimizers).
        **supervised: MONAI's ``SupervisedTrainer`` arguments; ``loss_function`` is a multi-task loss that returns a
            dict of unweighted terms and has ``total(terms, adversarial_weight_factor)``.

    Raises:
        InputError: arguments that do not belong together; while training, a loss term that is not finite, or no memory.
    """

    def __init__(
        self,
        *,
        discriminator: nn.Module | None = None,
        d_optimizer: torch.optim.Optimizer | None = None,
        adversarial_loss: nn.Module | None = None,
        adversarial_warmup_epochs: int = 0,
        gradient_clip: float | None = None,
        amp: bool = False,
        amp_dtype: str = "bfloat16",
        **supervised: Any,
    ) -> None:
        self.discriminator, self.d_optimizer, self.adversarial_loss = discriminator, d_optimizer, adversarial_loss
        self.adversarial_warmup_epochs = adversarial_warmup_epochs
        self.gradient_clip = gradient_clip
        super().__init__(amp=amp, **supervised)
        device_type = self.state.device.type
        self._check_arguments(device_type, amp_dtype)
        self.autocast = {"device_type": device_type, "dtype": AMP_DTYPES[amp_dtype], "enabled": amp}
        self.scaler = torch.amp.GradScaler(device_type, enabled=amp and amp_dtype == "float16")

    def _check_arguments(self, device_type: str, amp_dtype: str) -> None:
        if self.discriminator is not None and (self.d_optimizer is None or self.adversarial_loss is None):
            raise InputError(
                found="a discriminator without its optimizer or loss",
                expected="`d_optimizer` and `adversarial_loss` beside `discriminator`",
                where="train#trainer",
                remedy="Give both, or set `discriminator` to null.",
            )
        if amp_dtype not in AMP_DTYPES or (self.amp and amp_dtype == "float16" and device_type != "cuda"):
            raise InputError(
                found=f"amp_dtype {amp_dtype!r} on {device_type}",
                expected="'bfloat16', or 'float16' on a CUDA device",
                where="train#trainer#amp_dtype",
                remedy="Use bfloat16.",
            )
        if self.accumulation_steps != 1:
            raise InputError(
                found=f"accumulation_steps {self.accumulation_steps}",
                expected="1: both networks step at every iteration",
                where="train#trainer#accumulation_steps",
                remedy="Remove it and choose the batch size that fits.",
            )

    def run(self) -> None:
        """Train until ``max_epochs``. (MONAI's ``Trainer.run`` would put a CUDA scaler in place of ours.)"""
        Workflow.run(self)

    def _iteration(self, engine: MTITrainer, batchdata: Mapping[str, Tensor]) -> dict[str, Any]:
        """One step: generator with the discriminator frozen, then the discriminator on detached predictions."""
        with explain_out_of_memory(keys=MEMORY_KEYS, where=self._place()):
            image, targets, args, kwargs = self.prepare_batch(
                batchdata, self.state.device, self.non_blocking, **self.to_kwargs
            )
            self.state.output = {"image": image, "label": targets}
            self.network.train()
            self._generator_step(image, targets, args, kwargs)
            if self._is_adversarial(self.state.output["pred"]):
                self.discriminator.train()
                self._discriminator_step(targets)
            self.scaler.update()  # once: both optimizers share the scaler
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output

    def _generator_step(self, image: Tensor, targets: dict[str, Tensor], args: tuple, kwargs: dict[str, Any]) -> None:
        output = self.state.output
        self.optimizer.zero_grad(set_to_none=self.optim_set_to_none)
        with torch.autocast(**self.autocast):
            pred = self.inferer(image, self.network, *args, **kwargs)
        pred = {name: value.float() for name, value in pred.items()}  # losses run in float32
        output["pred"] = {name: value.detach() for name, value in pred.items()}
        self.fire_event(IterationEvents.FORWARD_COMPLETED)

        terms = self.loss_function(pred, targets)
        if self._is_adversarial(pred):
            # The bare module: frozen, it takes part in no gradient exchange between processes.
            judge = unwrap(self.discriminator)
            with frozen(judge):
                terms = {**terms, "adv": self._generator_adversarial_term(judge, pred, targets)}
        loss = self.loss_function.total(terms, adversarial_weight_factor=self._adversarial_weight_factor())
        output.update(self._as_floats({"loss": loss, **{f"loss_{name}": term for name, term in terms.items()}}))
        self.fire_event(IterationEvents.LOSS_COMPLETED)

        self._backward_and_step(loss, self.network, self.optimizer)
        self.fire_event(IterationEvents.BACKWARD_COMPLETED)

    def _generator_adversarial_term(self, judge: nn.Module, pred: dict[str, Tensor], targets: dict) -> Tensor:
        with torch.autocast(**self.autocast):
            fake = judge(*self._fake_pair(pred), targets["phase_mask"])  # (B, 1)
        return self.adversarial_loss.generator(fake.float(), _valid(targets))

    def _discriminator_step(self, targets: dict[str, Tensor]) -> None:
        self.d_optimizer.zero_grad(set_to_none=self.optim_set_to_none)
        pairs = zip(self._real_pair(targets), self._fake_pair(self.state.output["pred"]), strict=True)
        curves, classes = (torch.cat(pair) for pair in pairs)  # (2B, P), (2B, K)
        with torch.autocast(**self.autocast):
            # Real and fake in one pass: a distributed module may go forward only once before it goes backward.
            logits = self.discriminator(curves, classes, targets["phase_mask"].repeat(2, 1))  # (2B, 1)
        real, fake = logits.float().chunk(2)  # (B, 1), (B, 1)
        loss = self.adversarial_loss.discriminator(real, fake, _valid(targets))
        self.state.output.update(self._as_floats({"loss_discriminator": loss}))
        self._backward_and_step(loss, self.discriminator, self.d_optimizer)

    def _backward_and_step(self, loss: Tensor, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.scaler.scale(loss).backward()
        if self.gradient_clip is not None:
            self.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(module.parameters(), self.gradient_clip)
        self.scaler.step(optimizer)

    def _is_adversarial(self, pred: Mapping[str, Tensor]) -> bool:
        return self.discriminator is not None and "enhancement" in pred and "class_logits" in pred

    def _adversarial_weight_factor(self) -> float:
        if self.adversarial_warmup_epochs <= 0:
            return 1.0
        return min(1.0, (self.state.epoch - 1) / self.adversarial_warmup_epochs)

    def _fake_pair(self, pred: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        return self._standardise(pred["enhancement"]), pred["class_logits"].softmax(1)  # (B, P), (B, K)

    def _real_pair(self, targets: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        num_classes = self.state.output["pred"]["class_logits"].shape[1]
        classes = self.adversarial_loss.real_class_probabilities(targets["lesion_class"].long(), num_classes)
        return self._standardise(targets["enhancement"]), classes  # (B, P), (B, K)

    def _standardise(self, enhancement: Tensor) -> Tensor:
        network = unwrap(self.network)
        return (enhancement.float() - network.enhancement_mean) / network.enhancement_std  # (B, P)

    def _as_floats(self, terms: dict[str, Tensor]) -> dict[str, float]:
        """All terms in one transfer from the device; one that is not finite ends the training before it does harm."""
        values = torch.stack([term.detach().float().reshape(()) for term in terms.values()])
        floats = dict(zip(terms, values.tolist(), strict=True))
        broken = [name for name, finite in zip(terms, values.isfinite().tolist(), strict=True) if not finite]
        if broken:
            named = [name for name in broken if name != "loss"] or broken
            raise InputError(
                found="a loss that is not finite: " + ", ".join(f"{name} = {floats[name]}" for name in named),
                expected="finite loss terms",
                where=self._place(),
                remedy="Lower the learning rate or set `gradient_clip`; if it happens in the first iterations, "
                "check the images for values that are not finite or far out of range.",
            )
        return floats

    def _place(self) -> str:
        return f"training, epoch {self.state.epoch}, iteration {self.state.iteration}"


def unwrap(module: nn.Module) -> nn.Module:
    """The network itself, without the wrappers of distributed training and compilation."""
    if isinstance(module, (nn.parallel.DistributedDataParallel, nn.DataParallel)):
        module = module.module
    return getattr(module, "_orig_mod", module)


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Gradients flow through the module, none into its parameters."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _valid(targets: Mapping[str, Tensor]) -> Tensor:
    return targets["has_tumour"].bool() & (targets["lesion_class"] >= 0)  # (B)

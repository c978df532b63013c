"""MTI-Net: tumour segmentation, enhancement regression and lesion classification from four-phase liver MRI.

After Xiao et al., "Adversarial Multi-Task Learning for Liver Tumor Segmentation, Dynamic Enhancement Regression, and
Classification". :meth:`MTINet.forward` reads as the paper's figure: encoder with MdIEF, then the decoder for the
mask, and the channel-token transformer with one head for the curve and one for the class.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ..types import PHASES, InputError
from .decoder import SegmentationDecoder
from .encoder import DOWNSAMPLINGS, FUSION_SCALES, FUSIONS, PhaseEncoder
from .exportable import soft_mask
from .heads import CLS_POOLS, REG_POOLS, REG_SCALES, ClassificationHead, RegressionHead, pool_under_mask
from .mdief import WEIGHTINGS
from .options import check_head_dim, one_of, positive_int, positive_ints, within
from .transformer import ChannelTransformer

TASKS = ("seg", "reg", "cls")
STRIDE = 16
"""Four poolings: image sides are multiples of this."""


class MTINet(nn.Module):
    """Generator of MTI-Net; only the parts that ``tasks`` need are built.

    Args:
        num_classes: lesion classes K.
        widths: channels of the four encoder blocks.
        shared_encoder: one encoder for the four phases instead of one each (the paper's "encoders").
        fusion: ``"mdief"``, or an ablation: ``"concat"`` (No MdIEF), ``"spatial"`` (No Spe), ``"spectral"`` (No Spa).
        fusion_scales: fuse at ``"all"`` scales or the ``"last"``.
        weighting: ``"gap"`` (eq. 1) or ``"entropy"``, see :class:`~.mdief.MdIEF`.
        cutoff: of the Gaussian high-pass, fraction of Nyquist, (0, 1].
        spectral_form: ``"fft"`` or ``"matrix"`` (for ONNX), same result.
        downsampling: ``"pool"`` (max-pooling, as in the paper) or ``"stride"``, see :class:`~.encoder.EncoderBlock`.
        skip_connections: skips into the decoder; the paper mentions none.
        token_grid: grid that feature maps are pooled to; its product d is a multiple of ``head_dim``.
        transformer_blocks, head_dim, mlp_ratio: shape of the transformer.
        dropout: rate on what its attention and MLP add to the residual stream, [0, 1].
        tasks: which of ``"seg"``, ``"reg"``, ``"cls"`` to build and return.
        reg_pool, reg_scales: see :class:`~.heads.RegressionHead`; ``reg_pool="mask"`` needs the task ``"seg"``.
        cls_pool: see :class:`~.heads.ClassificationHead`; ``"mask"`` needs the task ``"seg"``.
        residual: regress the difference from the curve measured through the predicted mask. The two curves are then
            not independent: their disagreement is the correction, not a second opinion.
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        widths: Sequence[int] = (64, 128, 256, 512),
        shared_encoder: bool = False,
        fusion: str = "mdief",
        fusion_scales: str = "all",
        weighting: str = "gap",
        cutoff: float = 0.1,
        spectral_form: str = "fft",
        downsampling: str = "pool",
        skip_connections: bool = False,
        token_grid: Sequence[int] = (16, 16),
        transformer_blocks: int = 3,
        head_dim: int = 64,
        mlp_ratio: int = 4,
        dropout: float = 0.1,
        tasks: Sequence[str] = TASKS,
        reg_pool: str = "mask",
        reg_scales: str = "all",
        cls_pool: str = "mean",
        residual: bool = False,
    ) -> None:
        super().__init__()
        widths, grid = positive_ints("widths", widths, 4), positive_ints("token_grid", token_grid, 2)
        pools = {"reg": one_of("reg_pool", reg_pool, REG_POOLS), "cls": one_of("cls_pool", cls_pool, CLS_POOLS)}
        self.tasks = _check_tasks(tasks, pools=pools, residual=residual)
        dim, self.token_grid, self.residual = grid[0] * grid[1], (grid[0], grid[1]), residual
        self.encoder = PhaseEncoder(
            widths=widths,
            shared=shared_encoder,
            fusion=one_of("fusion", fusion, FUSIONS),
            fusion_scales=one_of("fusion_scales", fusion_scales, FUSION_SCALES),
            weighting=one_of("weighting", weighting, WEIGHTINGS),
            cutoff=cutoff,
            spectral_form=spectral_form,
            downsampling=one_of("downsampling", downsampling, DOWNSAMPLINGS),
        )
        self.decoder = self.transformer = self.regression = self.classification = None
        if "seg" in self.tasks:
            self.decoder = SegmentationDecoder(widths=widths, phases=len(PHASES), skip_connections=skip_connections)
        if "reg" in self.tasks or "cls" in self.tasks:
            self.transformer = ChannelTransformer(
                phases=len(PHASES),
                channels=widths[-1],
                token_grid=self.token_grid,
                blocks=positive_int("transformer_blocks", transformer_blocks),
                head_dim=check_head_dim(head_dim, dim),
                mlp_ratio=positive_int("mlp_ratio", mlp_ratio),
                dropout=within("dropout", dropout, 0.0, 1.0),
            )
        if "reg" in self.tasks:
            scales = one_of("reg_scales", reg_scales, REG_SCALES)
            self.regression = RegressionHead(pool=reg_pool, scales=scales, phases=len(PHASES), widths=widths, dim=dim)
            self.register_buffer("enhancement_mean", torch.zeros(len(PHASES)))
            self.register_buffer("enhancement_std", torch.ones(len(PHASES)))
        if "cls" in self.tasks:
            self.classification = ClassificationHead(
                pool=cls_pool,
                phases=len(PHASES),
                widths=widths,
                dim=dim,
                num_classes=positive_int("num_classes", num_classes),
            )

    def forward(self, image: torch.Tensor, phase_mask: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """Predict all tasks for a batch of slices.

        Args:
            image: ``(B, P, H, W)``, H and W multiples of 16, one intensity scale for the phases of a study.
            phase_mask: ``(B, P)`` bool, True where the phase is there; None if all are. What an absent phase's pixels
                hold, NaN included, changes no output in eval mode.

        Returns:
            ``"seg" (B, 1, H, W)`` logits, ``"enhancement" (B, P)`` in the image's unit (meaningless where the phase
            is absent), ``"class_logits" (B, K)``; only those of ``tasks``.

        Raises:
            InputError: the image has another number of phases or a side that is no multiple of 16.
        """
        if not torch.jit.is_scripting():
            _check_image(image)
        if phase_mask is not None:
            image = image.masked_fill(~phase_mask[:, :, None, None], 0.0)  # not x·0, which NaN survives
        outputs: dict[str, torch.Tensor] = {}
        maps = self.encoder(image, phase_mask)  # four of (B, P, C, h, w), H/2 … H/16

        mask: torch.Tensor | None = None
        if self.decoder is not None:
            outputs["seg"] = self.decoder(maps, image)  # (B, 1, H, W)
            mask = soft_mask(outputs["seg"].detach().float())

        if self.transformer is not None:
            tokens = self.transformer(maps[-1], phase_mask)  # (B, P, C, d)
            if self.regression is not None:
                standardised = self.regression(tokens, maps, self.token_grid, mask, phase_mask)  # (B, P)
                outputs["enhancement"] = self._curve(standardised, image, mask)
            if self.classification is not None:
                outputs["class_logits"] = self.classification(tokens, maps, self.token_grid, mask, phase_mask)  # (B, K)
        return outputs

    def _curve(self, standardised: torch.Tensor, image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """De-standardise to the image's unit, ``(B, P)``."""
        if self.residual:
            assert mask is not None
            measured = pool_under_mask(image[:, :, None], mask)[:, :, 0]  # (B, P, 1, H, W) to (B, P)
            return measured + standardised * self.enhancement_std
        return self.enhancement_mean + standardised * self.enhancement_std

    def set_enhancement_statistics(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Store mean and standard deviation ``(P,)`` of the training set's curves; they travel with the weights.

        Raises:
            InputError: not four finite values each, or a standard deviation that is not positive.
        """
        for name, values in (("enhancement_mean", mean), ("enhancement_std", std)):
            values = torch.as_tensor(values, dtype=torch.float32).flatten()
            if (
                len(values) != len(PHASES)
                or not values.isfinite().all()
                or (name.endswith("std") and values.min() <= 0)
            ):
                raise InputError(
                    found=str(values.tolist()),
                    expected=f"{len(PHASES)} finite values" + (" above 0" if name.endswith("std") else ""),
                    where=name,
                    remedy="Compute them over the slices with tumour of the training set.",
                )
            if "reg" in self.tasks:
                getattr(self, name).copy_(values)


def _check_image(image: torch.Tensor) -> None:
    if image.ndim != 4 or image.shape[1] != len(PHASES) or image.shape[2] % STRIDE or image.shape[3] % STRIDE:
        raise InputError(
            found=f"an image of shape {tuple(image.shape)}",
            expected=f"(batch, {len(PHASES)} phases, H, W) with H and W multiples of {STRIDE}",
            where="MTINet input",
            remedy=f"Pad to a multiple of {STRIDE}, e.g. with MONAI's DivisiblePadd(k=[{STRIDE}, {STRIDE}, 1]).",
        )


def _check_tasks(tasks: Sequence[str], *, pools: dict[str, str], residual: bool) -> tuple[str, ...]:
    for task in (tasks,) if isinstance(tasks, str) else tasks:
        one_of("tasks", task, TASKS)
    if isinstance(tasks, str) or not tasks:
        raise InputError(
            found=repr(tasks), expected=f"a list of {TASKS}", where="tasks", remedy='Write a list, e.g. ["seg"].'
        )
    for task, pool in pools.items():
        if task in tasks and "seg" not in tasks and (pool == "mask" or (task == "reg" and residual)):
            raise InputError(
                found=f'tasks with "{task}" but without "seg"',
                expected="a predicted mask to pool under",
                where="tasks",
                remedy=f'Add "seg" to tasks, or set {task}_pool to "mean" and residual to false.',
            )
    return tuple(tasks)

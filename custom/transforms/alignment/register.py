"""Find where a phase lies, by mutual information: SimpleITK, all voxels of a region, one thread, nothing random.

Everything here lives in the reference image's own millimetres: voxel index times spacing.  ``to_world`` leads from them
to RAS+ mm; for a sheared stack, which SimpleITK cannot describe, it carries the shear.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...types import InputError
from ..motion import Motion
from .working_image import WorkingImage

BINS = 32
OFFSETS_MM, OFFSET_STEP_MM = 20.0, 4.0
"""Starts along the body's axis: breath-holds differ mostly there, and a gradient does not see so far."""
ARM_MM = 60.0
"""About how far the region reaches from its centre."""
KNOTS_MM = 40.0
"""Distance of the deformation's knots: coarse, or mutual information pulls an enhancing lesion smaller."""
SMOOTHING_MM = 2.0
"""Standard deviation, against the noise that a fractional shift would smooth away and so reward."""


class Registration:
    """One phase against the reference, refined step by step.

    Args:
        reference: the reference phase.
        phase: the other one, on the reference's grid.
        region: ``(X, Y, Z)`` bool, where the metric counts.
        covered: ``(X, Y, Z)`` bool, what the phase's field of view holds.

    Raises:
        InputError: SimpleITK is not installed.
    """

    def __init__(self, reference: WorkingImage, phase: WorkingImage, region: np.ndarray, covered: np.ndarray) -> None:
        self.itk = simple_itk()
        self.spacing_mm = reference.spacing_mm
        self.to_world = reference.affine @ np.diag([*(1 / self.spacing_mm), 1.0])
        box = ndimage.find_objects(region.astype(np.uint8))[0]  # the metric walks over the whole fixed image
        self.corner = np.array([part.start for part in box])
        self.fixed = self._image(_smooth(reference)[box], self.corner)
        self.fixed_mask = self._image(region[box].astype(np.uint8), self.corner)
        self.moving = self._image(_smooth(phase))
        self.moving_mask = None if covered.all() else self._image(covered.astype(np.uint8))
        self.centre = np.argwhere(region).mean(axis=0) * self.spacing_mm
        self.forget_shift()

    def forget_shift(self) -> None:
        """Let ``rigid`` and ``deformable`` start without a translation."""
        self.shift = np.zeros(3)

    def translation(self) -> Motion:
        """The best shift: the best of several starts along the body's axis, then downhill."""
        scan = self.itk.TranslationTransform(3)
        method, seen = self._method(scan), []
        method.SetOptimizerAsExhaustive([0, 0, int(OFFSETS_MM / OFFSET_STEP_MM)], OFFSET_STEP_MM)
        method.AddCommand(
            self.itk.sitkIterationEvent,
            lambda: seen.append((method.GetMetricValue(), method.GetOptimizerPosition())),
        )
        method.Execute(self.fixed, self.moving)
        shift = self.itk.TranslationTransform(3, min(seen)[1])
        method = self._method(shift)
        method.SetOptimizerAsRegularStepGradientDescent(learningRate=2.0, minStep=0.02, numberOfIterations=40)
        method.Execute(self.fixed, self.moving)
        self.shift = np.array(shift.GetParameters())
        return self._affine_motion(np.eye(3), self.shift)

    def rigid(self) -> Motion:
        """The best rotation about the region's centre and shift, from the translation on."""
        pose = self.itk.Euler3DTransform(self.centre.tolist(), 0.0, 0.0, 0.0, self.shift.tolist())
        method = self._method(pose)
        method.SetOptimizerAsRegularStepGradientDescent(learningRate=1.0, minStep=0.01, numberOfIterations=60)
        method.SetOptimizerScales([ARM_MM**2] * 3 + [1.0] * 3)  # a radian moves the region's rim so many mm
        method.Execute(self.fixed, self.moving)
        turn = np.array(pose.GetMatrix()).reshape(3, 3)
        return self._affine_motion(turn, np.array(pose.GetTranslation()) + self.centre - turn @ self.centre)

    def deformable(self) -> Motion:
        """A smooth B-spline field on top of the translation; its grid exceeds the region, beyond which it fades."""
        margin = np.ceil(KNOTS_MM / self.spacing_mm).astype(int)
        size, corner = np.array(self.fixed.GetSize()) + 2 * margin, self.corner - margin
        around = self._image(np.zeros(size, dtype=np.uint8), corner)
        mesh = np.rint(size * self.spacing_mm / KNOTS_MM).astype(int).tolist()
        spline = self.itk.BSplineTransformInitializer(around, mesh)
        method = self._method(spline)
        method.SetMovingInitialTransform(self.itk.TranslationTransform(3, self.shift.tolist()))
        method.SetOptimizerAsLBFGSB(
            numberOfIterations=20, maximumNumberOfFunctionEvaluations=30, costFunctionConvergenceFactor=1e10
        )
        method.Execute(self.fixed, self.moving)
        field = self.itk.TransformToDisplacementField(
            spline, self.itk.sitkVectorFloat64, around.GetSize(), around.GetOrigin(), around.GetSpacing()
        )
        local = self.itk.GetArrayFromImage(field).transpose(3, 2, 1, 0)  # (3, X, Y, Z)
        affine = self.to_world @ np.diag([*self.spacing_mm, 1.0])
        affine[:3, 3] = (self.to_world @ [*(corner * self.spacing_mm), 1.0])[:3]
        world = np.tensordot(self.to_world[:3, :3], local, axes=1).astype(np.float32)
        return Motion(self._affine_motion(np.eye(3), self.shift).matrix, world, affine)

    def _method(self, transform):
        """Mattes mutual information over every voxel of the region; ``transform`` is changed in place."""
        method = self.itk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(BINS)
        method.SetMetricSamplingStrategy(method.NONE)
        method.SetMetricFixedMask(self.fixed_mask)
        if self.moving_mask is not None:
            method.SetMetricMovingMask(self.moving_mask)
        method.MetricUseFixedImageGradientFilterOff()  # differences at the samples instead of two filtered volumes
        method.MetricUseMovingImageGradientFilterOff()
        method.SetInterpolator(self.itk.sitkLinear)
        method.SetNumberOfThreads(1)
        method.SetInitialTransform(transform, inPlace=True)
        return method

    def _image(self, data: np.ndarray, corner=(0, 0, 0)):
        image = self.itk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
        image.SetSpacing(self.spacing_mm.tolist())
        image.SetOrigin((np.array(corner) * self.spacing_mm).tolist())
        return image

    def _affine_motion(self, turn: np.ndarray, shift: np.ndarray) -> Motion:
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = turn, shift
        return Motion(self.to_world @ local @ np.linalg.inv(self.to_world))


def simple_itk():
    """SimpleITK, which only registration needs.

    Raises:
        InputError: it is not installed.
    """
    try:
        import SimpleITK
    except ImportError as error:
        raise InputError(
            found="no SimpleITK",
            expected="the package that registration needs",
            where="configuration key 'registration'",
            remedy="Install it (python -m pip install -r requirements.txt), or set registration to none.",
        ) from error
    return SimpleITK


def _smooth(image: WorkingImage) -> np.ndarray:
    return ndimage.gaussian_filter(image.data, SMOOTHING_MM / image.spacing_mm)

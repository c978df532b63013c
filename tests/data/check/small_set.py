"""A small data set that can be spoilt study by study: four NIfTI phases that enhance, a liver, a tumour, a class."""

import copy
import json

import nibabel
import numpy as np

from custom.types import PHASES

AFFINE = np.array([[0.0, -2.0, 0.3, 11.0], [1.5, 0.0, 0.0, -23.0], [0.0, 0.4, 4.0, 35.0], [0, 0, 0, 1]])
SHAPE = (12, 10, 8)
LIVER = (slice(2, 11), slice(1, 9), slice(1, 7))
TUMOUR = (slice(4, 7), slice(3, 6), slice(2, 5))  # 27 voxels of 12 mm³: 0.32 ml
ENHANCEMENT = {"pre": 1.0, "arterial": 1.3, "portal_venous": 1.6, "delayed": 1.4}


def box(where, value=1, shape=SHAPE):
    mask = np.zeros(shape, np.uint8)
    mask[where] = value
    return mask


class DataSet:
    """Writes studies and their datalist; every study differs from every other."""

    def __init__(self, root):
        self.root, self.content, self.seed = root, {"training": [], "validation": [], "test": []}, 0
        self.content = {"classes": ["hemangioma", "HCC"]} | self.content

    def save(self, name, data, affine=AFFINE):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(data, affine), path)
        return path

    def image(self, phase="pre"):
        self.seed += 1
        noise = np.random.default_rng(self.seed).normal(0, 3, SHAPE)
        return ((100 + noise + 2 * np.indices(SHAPE)[0]) * ENHANCEMENT[phase]).astype(np.float32)

    def study(self, case, section="training", **changes):
        """Write a sound study; ``changes`` go into its entry (``None`` removes a key)."""
        for phase in PHASES:
            self.save(f"{case}/{phase}.nii.gz", self.image(phase))
        self.save(f"{case}/tumour.nii.gz", box(TUMOUR))
        self.save(f"{case}/liver.nii.gz", box(LIVER))
        item = {
            "case": case,
            "patient": f"patient of {case}",
            "phases": {phase: f"{case}/{phase}.nii.gz" for phase in PHASES},
            "label": f"{case}/tumour.nii.gz",
            "liver": f"{case}/liver.nii.gz",
            "lesion_class": "HCC",
        }
        item |= changes
        item = {key: value for key, value in item.items() if value is not None}
        self.content[section].append(item)
        return item

    def write(self):
        path = self.root / "datalist.json"
        path.write_text(json.dumps(self.content), "utf-8")
        return path

    def phases(self, case, **changes):
        """A study's table of phases with some of them changed (``None`` removes one)."""
        table = {phase: f"{case}/{phase}.nii.gz" for phase in PHASES} | changes
        return {phase: path for phase, path in table.items() if path is not None}

    def copy_of(self, item, section, **changes):
        self.content[section].append(copy.deepcopy(item) | changes)

"""The segmentation-only mode: deploy.json as MONAI Deploy's bundle operator uses it, without the operator.

What the operator does was read in monai-deploy-app-sdk 4.0.0; tests/package/test_deploy_operator.py runs it.
"""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple, first

from custom.engines import load_weights
from custom.inference import PresentPhasesd, SegmentationAsDictd, SegmentationInferer
from custom.package.check import check_config_file
from custom.transforms import LoadStudyd
from custom.types import InputError


def as_the_operator_does(files: list[str], weights: Path, image: MetaTensor, settings: dict) -> np.ndarray:
    """One study in memory to the mask that the operator would emit, ``(Z, Y, X)`` uint8."""
    parser = ConfigParser()
    parser.read_meta(str(Path(files[0]).with_name("metadata.json")))
    parser.read_config(files)
    parser.update(settings)
    network = parser.get_parsed_content("network")
    load_weights(network, weights)
    preprocessing, inferer, postprocessing = map(
        parser.get_parsed_content, ("preprocessing", "inferer", "postprocessing")
    )
    for transforms in (preprocessing, postprocessing):  # else it would hand over bare arrays
        assert isinstance(first(transforms.transforms), MapTransform)
    with torch.no_grad():
        item = preprocessing({"image": image})
        prepared = item.pop("image")
        others = {name: value[None] for name, value in item.items() if isinstance(value, torch.Tensor)}
        outputs = inferer(inputs=prepared[None], network=network.eval(), **others)
        item = postprocessing({"pred": ensure_tuple(outputs)[0], **item, "image": prepared})
    assert set(parser["_meta_"]["network_data_format"]["outputs"]) <= set(item)
    return np.swapaxes(np.squeeze(np.asarray(item["pred"]), 0), 0, 2).astype(np.uint8)


def test_the_mask_is_the_tumour_of_the_label_map(study, predicted, config, weights, readily):
    expected = np.asarray(nib.load(predicted / "tumour.nii.gz").dataobj) > 0  # (X, Y, Z)
    image = LoadStudyd()({"image": str(study)})["image"]
    in_memory = MetaTensor(torch.as_tensor(image.numpy()), meta={"affine": image.affine.numpy()})
    found = as_the_operator_does([config, config.replace("inference", "deploy")], weights, in_memory, readily)
    assert expected.any()
    assert found.dtype == np.uint8
    assert np.array_equal(found.swapaxes(0, 2) > 0, expected)


def test_the_overlay_is_in_order_and_leaves_no_key_without_use(config):
    check_config_file(Path(config.replace("inference", "deploy")))


def test_an_absent_phase_is_told_by_its_zeros():
    image = torch.rand(4, 3, 5, 2)
    image[1] = 0
    assert PresentPhasesd()({"image": image})["phase_mask"].tolist() == [True, False, True, True]


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (4, 5, 2)])
def test_another_number_of_phases_is_refused(shape):
    with pytest.raises(InputError, match=r"\(4, X, Y, Z\)"):
        PresentPhasesd()({"image": torch.rand(shape)})


def test_an_empty_image_is_refused():
    with pytest.raises(InputError, match="zero everywhere"):
        PresentPhasesd()({"image": torch.zeros(4, 3, 5, 2)})


def test_the_inferer_returns_one_tensor_and_leaves_other_tensors_aside():
    def network(slices, mask):
        return {"seg": slices[:, :1] + 1, "class_logits": mask[:, :2].float()}

    image = torch.rand(1, 4, 16, 16, 3)
    found = SegmentationInferer(slice_batch_size=2)(
        image, network, native=torch.zeros(1), phase_mask=torch.ones(1, 4) > 0
    )
    assert torch.equal(found, image[:, :1] + 1)
    assert SegmentationAsDictd()({"pred": found[0], "case": "x"}).keys() == {"pred", "case"}
    assert torch.equal(SegmentationAsDictd()({"pred": found[0]})["pred"]["seg"], found[0])

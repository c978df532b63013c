import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import Inferer

from custom.inference.slice_inferer import SliceInferer
from custom.types import InputError


class TinyNetwork(torch.nn.Module):
    """Every output depends on the slice, its position in the plane, and the phase mask."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(4, 1, 3, padding=1)
        self.head = torch.nn.Linear(4, 3)
        self.largest_batch = 0

    def forward(self, image, phase_mask=None):
        assert type(image) is torch.Tensor
        self.largest_batch = max(self.largest_batch, len(image))
        if phase_mask is not None:
            image = image * phase_mask[:, :, None, None]
        mean = image.mean(dim=(2, 3))
        return {"seg": self.conv(image), "enhancement": mean, "class_logits": self.head(mean)}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return TinyNetwork().eval()


@pytest.mark.parametrize("slice_batch_size", [1, 3, 16])
def test_agrees_with_a_slice_by_slice_loop(network, slice_batch_size):
    inputs = torch.rand(2, 4, 12, 10, 7)
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 1]], dtype=torch.bool)
    with torch.no_grad():
        out = SliceInferer(slice_batch_size=slice_batch_size)(MetaTensor(inputs), network, mask)
        for b in range(2):
            for d in range(7):
                alone = network(inputs[b : b + 1, ..., d], mask[b : b + 1])
                for key, value in alone.items():
                    torch.testing.assert_close(out[key][b, ..., d], value[0], rtol=1e-5, atol=1e-6)
    assert {k: tuple(v.shape) for k, v in out.items()} == {
        "seg": (2, 1, 12, 10, 7),
        "enhancement": (2, 4, 7),
        "class_logits": (2, 3, 7),
    }
    assert all(type(v) is torch.Tensor and v.dtype == torch.float32 for v in out.values())
    assert network.largest_batch <= slice_batch_size


def test_mirrored_answers_do_not_depend_on_which_side_is_left(network):
    inputs = torch.rand(1, 4, 12, 10, 5)
    with torch.no_grad():
        alone, both = SliceInferer()(inputs, network), SliceInferer(mirror=True)(inputs, network)
        turned = SliceInferer(mirror=True)(inputs.flip(2), network)  # (B, P, H, W, D)
        flipped = SliceInferer()(inputs.flip(2), network)
    torch.testing.assert_close(turned["seg"].flip(2), both["seg"])
    torch.testing.assert_close(turned["class_logits"], both["class_logits"])
    torch.testing.assert_close(both["seg"], (alone["seg"] + flipped["seg"].flip(2)) / 2)
    assert not torch.allclose(both["seg"], alone["seg"])


def test_segmentation_alone(network):
    inputs = torch.rand(1, 4, 8, 8, 5)
    with torch.no_grad():
        seg = SliceInferer(slice_batch_size=2, output="seg")(inputs, network)
        torch.testing.assert_close(seg, SliceInferer(slice_batch_size=2)(inputs, network)["seg"])
    assert isinstance(SliceInferer(), Inferer)


def test_half_precision_networks_give_float32():
    out = SliceInferer()(torch.rand(1, 4, 8, 8, 2), lambda x, mask: {"seg": x[:, :1].bfloat16()})
    assert out["seg"].dtype == torch.float32


@pytest.mark.parametrize("shape", [(1, 3, 8, 8, 5), (4, 8, 8, 5), (1, 1, 8, 8, 5)])
def test_wrong_channels(network, shape):
    with pytest.raises(InputError, match=r"expected \(B, 4, H, W, D\).*pre, arterial"):
        SliceInferer()(torch.rand(*shape), network)


@pytest.mark.parametrize(
    "message", ["CUDA out of memory. Tried to allocate 2 GiB", "DefaultCPUAllocator: can't allocate memory"]
)
def test_out_of_memory_names_the_key(message):
    def network(image, phase_mask):
        raise RuntimeError(message)

    with pytest.raises(InputError, match="Lower `slice_batch_size`"):
        SliceInferer()(torch.rand(1, 4, 8, 8, 5), network)


def test_other_failures_stay_themselves():
    def network(image, phase_mask):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        SliceInferer()(torch.rand(1, 4, 8, 8, 5), network)


def test_phases_without_a_voxel_are_absent_where_nobody_says_so(network):
    inputs = torch.rand(2, 4, 8, 8, 3) - 0.5
    inputs[1, 2] = 0
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 1]], dtype=torch.bool)
    seen = []

    def watched(image, phase_mask):
        seen.append(phase_mask)
        return network(image, phase_mask)

    with torch.no_grad():
        found, given = SliceInferer()(inputs, watched), SliceInferer()(inputs, network, mask)
    assert torch.cat(seen).tolist() == mask.repeat_interleave(3, 0).tolist()
    assert all(torch.equal(found[key], given[key]) for key in given)


def test_a_phase_is_absent_in_the_slices_that_it_does_not_reach(network):
    inputs, mask = torch.rand(1, 4, 8, 8, 5), torch.tensor([[True, True, False, True]])
    inputs[0, 3, ..., 3:] = 0
    seen = []

    def watched(image, phase_mask):
        seen.append(phase_mask)
        return network(image, phase_mask)

    with torch.no_grad():
        SliceInferer(slice_batch_size=2)(inputs, watched, mask)
    assert torch.cat(seen).tolist() == [[True, True, False, d < 3] for d in range(5)]


def test_a_network_in_training_mode_samples_its_dropout_with_trained_statistics():
    """Active learning predicts in training mode; statistics of one study's slices would be another network's."""
    torch.manual_seed(0)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.dropout = torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5)

        def forward(self, image, phase_mask):
            normalised = self.norm(image)
            return {"seg": normalised[:, :1], "class_logits": self.dropout(normalised.mean((2, 3)))}

    network = Network().train()
    inputs = 5 + torch.rand(1, 4, 8, 8, 6)
    first, second = SliceInferer()(inputs, network), SliceInferer()(inputs, network)
    expected = (inputs[:, :1] - 0) / (1 + network.norm.eps) ** 0.5
    torch.testing.assert_close(first["seg"], expected)
    assert torch.equal(network.norm.running_mean, torch.zeros(4))
    assert torch.equal(first["seg"], second["seg"])
    assert not torch.equal(first["class_logits"], second["class_logits"])


def test_arguments():
    with pytest.raises(InputError, match="slice_batch_size=0"):
        SliceInferer(slice_batch_size=0)

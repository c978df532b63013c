"""Properties of the whole network that hold whatever its weights are."""

import warnings

import pytest
import torch

from custom.networks import MTINet
from custom.types import InputError

KEYS = {"seg": "seg", "reg": "enhancement", "cls": "class_logits"}
PARTS = {"seg": {"decoder"}, "reg": {"transformer", "regression"}, "cls": {"transformer", "classification"}}
VARIANTS = [
    {},
    {"shared_encoder": True},
    {"fusion": "concat"},
    {"fusion": "concat", "shared_encoder": True},
    {"fusion": "spatial"},
    {"fusion": "spectral", "skip_connections": False},
    {"fusion_scales": "last", "weighting": "entropy"},
    {"downsampling": "stride", "spectral_form": "matrix"},
    {"reg_pool": "mean"},
    {"reg_pool": "flatten"},
    {"cls_pool": "mask"},
    {"reg_scales": "last", "residual": True},
    {"tasks": ("seg",)},
]
variants = pytest.mark.parametrize("settings", VARIANTS, ids=lambda v: "-".join(map(str, v.values())) or "default")
PHASE_MASK = torch.tensor([[1, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]]).bool()


def assert_same(found, expected, **tolerance):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, **tolerance)


def test_shapes_of_the_three_outputs(make_net, images):
    out = make_net(num_classes=3)(images)
    assert {key: tuple(value.shape) for key, value in out.items()} == {
        "seg": (3, 1, 32, 48),
        "enhancement": (3, 4),
        "class_logits": (3, 3),
    }


@variants
def test_masking_a_phase_equals_never_providing_it(make_net, images, settings):
    net = make_net(**settings)
    never = images * PHASE_MASK[:, :, None, None]
    expected = net(never, PHASE_MASK)
    for poison in (float("nan"), float("inf"), -1e6, 1.0):
        image = torch.where(PHASE_MASK[:, :, None, None], images, torch.tensor(poison))
        assert_same(net(image, PHASE_MASK), expected, rtol=0, atol=0)


@variants
def test_a_full_phase_mask_changes_nothing(make_net, images, settings):
    net = make_net(**settings)
    assert_same(net(images, torch.ones(3, 4, dtype=torch.bool)), net(images), rtol=1e-4, atol=1e-5)


def test_not_even_the_position_of_an_absent_phase_is_seen(make_net, images):
    net = make_net()
    before = net(images, PHASE_MASK)
    embedding = net.transformer.phase_embedding.data[2]  # of a phase absent in the first slice alone
    embedding += torch.linspace(-1, 1, embedding.shape[-1])  # what is equal everywhere, layer norm takes out
    after = net(images, PHASE_MASK)
    assert torch.equal(before["class_logits"][0], after["class_logits"][0])
    assert torch.equal(before["enhancement"][0, [0, 1, 3]], after["enhancement"][0, [0, 1, 3]])
    assert (before["class_logits"][1:] != after["class_logits"][1:]).all()


def test_masking_matters(make_net, images):
    net = make_net()
    for key, value in net(images, PHASE_MASK).items():
        assert (value[:2] - net(images)[key][:2]).abs().max() > 1e-4, key


@variants
def test_permuting_the_slices_permutes_the_outputs(make_net, images, settings):
    net, order = make_net(**settings), [2, 0, 1]
    expected = {key: value[order] for key, value in net(images, PHASE_MASK).items()}
    assert_same(net(images[order], PHASE_MASK[order]), expected, rtol=1e-4, atol=1e-5)


@variants
def test_torchscript_agrees_with_eager(make_net, images, settings):
    net = make_net(**settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript announces its deprecation
        scripted = torch.jit.script(net)
    for arguments in ((images,), (images, PHASE_MASK), (images[:1, :, :16, :16], PHASE_MASK[:1])):
        assert_same(scripted(*arguments), net(*arguments))


@variants
def test_weights_of_one_size_load_at_another(make_net, images, settings):
    net, other = make_net(**settings), make_net(seed=1, **settings)
    net(images)
    other(images[:, :, :16, :32])
    other.load_state_dict(net.state_dict())
    larger = images.repeat(1, 1, 2, 1)
    assert_same(other(larger), net(larger))


@pytest.mark.parametrize("tasks", [("seg",), ("seg", "reg"), ("seg", "cls"), ("reg",), ("cls",), ("cls", "seg", "reg")])
def test_tasks_build_and_return_only_their_parts(make_net, images, tasks):
    net = make_net(tasks=tasks, reg_pool="mask" if "seg" in tasks else "mean")
    parts = {name.split(".")[0] for name in net.state_dict()}
    expected = {"encoder"}.union(*(PARTS[task] for task in tasks))
    assert parts - {"enhancement_mean", "enhancement_std"} == expected
    assert ("enhancement_mean" in parts) == ("reg" in tasks)
    assert set(net(images)) == {KEYS[task] for task in tasks}


def test_the_curve_is_destandardised_and_its_statistics_travel(make_net, images):
    net, other = make_net(), make_net(seed=1)
    standardised = make_net()
    standardised.set_enhancement_statistics([0.0] * 4, [1.0] * 4)
    z = standardised(images)["enhancement"]
    expected = z * torch.tensor([0.1, 0.2, 0.3, 0.4]) + torch.tensor([1.0, 2.0, 3.0, 4.0])
    torch.testing.assert_close(net(images)["enhancement"], expected)
    other.set_enhancement_statistics([9.0] * 4, [9.0] * 4)
    other.load_state_dict(net.state_dict())
    torch.testing.assert_close(other(images)["enhancement"], expected)


def test_residual_starts_from_the_measured_curve(make_net, images):
    net = make_net(residual=True)
    torch.nn.init.zeros_(net.regression.linear.weight)
    torch.nn.init.zeros_(net.regression.linear.bias)
    out = net(images)
    weight = out["seg"].sigmoid()
    measured = (weight * images).sum((2, 3)) / weight.sum((2, 3))
    torch.testing.assert_close(out["enhancement"], measured, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("bias", [-200.0, 200.0])
def test_finite_where_the_predicted_mask_is_empty_or_full(make_net, images, bias):
    net = make_net().train()
    torch.nn.init.constant_(net.decoder.head.bias, bias)
    out = net(images)
    out["enhancement"].sum().backward()
    assert out["enhancement"].isfinite().all()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


def test_bfloat16_autocast_stays_close_and_the_curve_stays_float32(make_net, images):
    net = make_net()
    with torch.autocast("cpu", torch.bfloat16):
        half = net(images, PHASE_MASK)
    full = net(images, PHASE_MASK)
    assert half["enhancement"].dtype == torch.float32
    assert half["seg"].dtype == torch.bfloat16, "the decoder runs in half precision"
    for key, value in full.items():
        assert (half[key].float() - value).abs().max() < 0.1 * value.std() + 0.05, key


def test_a_training_step_reaches_every_parameter(make_net, images):
    net = make_net().train()
    sum(value.sum() for value in net(images).values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("shape", [(1, 4, 40, 32), (1, 4, 32, 40), (1, 3, 32, 32), (4, 32, 32)])
def test_wrong_image_shape_says_what_to_do(make_net, shape):
    with pytest.raises(InputError, match="Pad to a multiple of 16") as error:
        make_net()(torch.zeros(shape))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize(
    ("settings", "where", "expected"),
    [
        ({"fusion": "mdeif"}, "fusion", "'mdief', 'concat', 'spatial', 'spectral'"),
        ({"fusion_scales": "first"}, "fusion_scales", "'all', 'last'"),
        ({"weighting": "GAP"}, "weighting", "'gap', 'entropy'"),
        ({"spectral_form": "dct"}, "spectral_form", "'fft', 'matrix'"),
        ({"downsampling": "avg"}, "downsampling", "'pool', 'stride'"),
        ({"reg_pool": "max"}, "reg_pool", "'mask', 'flatten', 'mean'"),
        ({"cls_pool": "max"}, "cls_pool", "'mask', 'mean'"),
        ({"tasks": ["cls"], "cls_pool": "mask"}, "tasks", "a predicted mask"),
        ({"reg_scales": "none"}, "reg_scales", "'all', 'last'"),
        ({"tasks": ["seg", "class"]}, "tasks", "'seg', 'reg', 'cls'"),
        ({"tasks": "seg"}, "tasks", "a list"),
        ({"tasks": []}, "tasks", "a list"),
        ({"tasks": ["reg"]}, "tasks", "a predicted mask"),
        ({"tasks": ["reg"], "reg_pool": "mean", "residual": True}, "tasks", "a predicted mask"),
        ({"widths": [8, 16, 32]}, "widths", "4 positive integers"),
        ({"widths": [8, 16, 32, 0]}, "widths", "4 positive integers"),
        ({"widths": "8"}, "widths", "4 positive integers"),
        ({"token_grid": [8]}, "token_grid", "2 positive integers"),
        ({"token_grid": [3, 3], "head_dim": 4}, "head_dim", "a divisor of the embedding length"),
        ({"cutoff": 0}, "cutoff", "a number from"),
        ({"dropout": 1.5}, "dropout", "a number from 0 to 1"),
        ({"num_classes": 0}, "num_classes", "a positive integer"),
        ({"transformer_blocks": 0}, "transformer_blocks", "a positive integer"),
        ({"mlp_ratio": "4"}, "mlp_ratio", "a positive integer"),
    ],
)
def test_impossible_settings_are_refused_by_name(settings, where, expected):
    with pytest.raises(InputError) as error:
        MTINet(**settings)
    assert error.value.where == where
    assert expected in error.value.expected


@pytest.mark.parametrize(
    ("mean", "std", "where"),
    [
        ([1.0, 2.0, 3.0], [1.0] * 4, "enhancement_mean"),
        ([1.0, 2.0, 3.0, float("nan")], [1.0] * 4, "enhancement_mean"),
        ([1.0] * 4, [1.0, 1.0, 1.0, 0.0], "enhancement_std"),
    ],
)
def test_impossible_statistics_are_refused(make_net, mean, std, where):
    with pytest.raises(InputError) as error:
        make_net().set_enhancement_statistics(mean, std)
    assert error.value.where == where

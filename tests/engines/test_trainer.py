"""The training step: who learns from what, what is reported, and how it ends when it must."""

from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Events
from monai.engines.utils import IterationEvents
from torch import nn

from custom.engines.trainer import frozen, unwrap
from custom.types import InputError


def state_of(module):
    return copy.deepcopy(dict(module.state_dict()))


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def gradients_of(module):
    return [None if p.grad is None else p.grad.clone() for p in module.parameters()]


def test_generator_step_leaves_discriminator_parameters_and_gradients_untouched(make_trainer):
    trainer = make_trainer(slices=2)
    for parameter in trainer.discriminator.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    before, found = state_of(trainer.discriminator), {}

    @trainer.on(IterationEvents.BACKWARD_COMPLETED)
    def after_generator_step(engine):
        found["weights"] = same(before, state_of(engine.discriminator))
        found["gradients"] = all((gradient == 7.0).all() for gradient in gradients_of(engine.discriminator))
        found["trainable"] = all(p.requires_grad for p in engine.discriminator.parameters())
        found["generator"] = any(g.abs().sum() > 0 for g in gradients_of(engine.network))

    trainer.run()
    assert found == {"weights": True, "gradients": True, "trainable": True, "generator": True}


def test_discriminator_step_leaves_generator_parameters_and_gradients_untouched(make_trainer):
    trainer, found = make_trainer(slices=2), {}

    @trainer.on(IterationEvents.BACKWARD_COMPLETED)
    def after_generator_step(engine):
        found["before"] = (state_of(engine.network), gradients_of(engine.network), state_of(engine.discriminator))

    @trainer.on(IterationEvents.MODEL_COMPLETED)
    def after_discriminator_step(engine):
        weights, gradients, judge = found["before"]
        found["weights"] = same(weights, state_of(engine.network))
        found["gradients"] = all(map(torch.equal, gradients, gradients_of(engine.network)))
        found["judge learned"] = not same(judge, state_of(engine.discriminator))

    trainer.run()
    del found["before"]
    assert found == {"weights": True, "gradients": True, "judge learned": True}


def test_adversarial_term_reaches_the_generator_curve_and_class_heads(make_trainer, toys):
    class OnlyAdversarial(toys.Loss):
        def total(self, terms, adversarial_weight_factor=1.0):
            return terms["adv"]

    trainer = make_trainer(loss_function=OnlyAdversarial())
    trainer.run()
    assert trainer.network.reg.weight.grad.abs().sum() > 0
    assert trainer.network.cls.weight.grad.abs().sum() > 0
    assert trainer.network.seg.weight.grad is None


def test_events_fire_in_order_and_model_completed_comes_last(make_trainer):
    trainer, fired = make_trainer(slices=2), []
    names = ["FORWARD_COMPLETED", "LOSS_COMPLETED", "BACKWARD_COMPLETED", "MODEL_COMPLETED"]
    for name in names:
        trainer.add_event_handler(IterationEvents[name], lambda engine, name: fired.append(name), name)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: fired.append("ITERATION_COMPLETED"))
    trainer.run()
    assert fired == [*names, "ITERATION_COMPLETED"]


def test_every_loss_term_is_a_float_in_the_output(make_trainer):
    trainer = make_trainer(decollate=False)
    trainer.run()
    terms = {name: value for name, value in trainer.state.output.items() if name.startswith("loss")}
    assert set(terms) == {"loss", "loss_seg", "loss_reg", "loss_cls", "loss_adv", "loss_discriminator"}
    assert all(type(value) is float for value in terms.values())
    weighted = terms["loss_seg"] + terms["loss_reg"] + terms["loss_cls"] + 0.05 * terms["loss_adv"]
    assert terms["loss"] == pytest.approx(weighted, rel=1e-5)
    assert not any(value.requires_grad for value in trainer.state.output["pred"].values())


def test_output_survives_decollation_with_each_term_on_each_item(make_trainer):
    trainer = make_trainer(slices=2)
    trainer.run()
    assert len(trainer.state.output) == 2
    assert trainer.state.output[0]["loss_seg"] == trainer.state.output[1]["loss_seg"]
    assert trainer.state.output[1]["pred"]["enhancement"].shape == (4,)


@pytest.mark.parametrize("tasks", [("seg",), ("seg", "reg"), ("seg", "cls")])
def test_without_both_curve_and_class_there_is_no_adversarial_term(make_trainer, tasks):
    trainer = make_trainer(tasks=tasks, decollate=False)
    before = state_of(trainer.discriminator)
    trainer.run()
    assert not {"loss_adv", "loss_discriminator"} & set(trainer.state.output)
    assert same(before, state_of(trainer.discriminator))


def test_trains_without_a_discriminator(make_trainer):
    trainer = make_trainer(adversarial=False, decollate=False)
    before = state_of(trainer.network)
    trainer.run()
    assert not {"loss_adv", "loss_discriminator"} & set(trainer.state.output)
    assert not same(before, state_of(trainer.network))


def test_discriminator_sees_standardised_curves_and_smoothed_classes(make_trainer, toys):
    trainer = make_trainer(slices=2, batch_size=2)
    trainer.run()
    (fake_curve, _), (curves, classes) = trainer.discriminator.seen
    targets = [output["label"] for output in trainer.state.output]
    expected = torch.stack([target["enhancement"] for target in targets])
    expected = (expected - torch.tensor([0.1, 0.2, 0.3, 0.4])) / torch.tensor([0.5, 1.0, 2.0, 0.25])
    torch.testing.assert_close(curves[:2], expected)
    torch.testing.assert_close(curves[2:], fake_curve)
    for target, row in zip(targets, classes[:2], strict=True):
        expected_row = torch.full((2,), 0.1)
        expected_row[target["lesion_class"]] = 0.9
        torch.testing.assert_close(row, expected_row)


def test_adversarial_weight_warms_up_by_epoch(make_trainer):
    trainer = make_trainer(slices=2, max_epochs=5, adversarial_warmup_epochs=4)
    trainer.run()
    assert trainer.loss_function.factors == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_gradient_clip_bounds_the_norm_of_each_network(make_trainer):
    trainer, norms = make_trainer(gradient_clip=1e-3, max_epochs=1), []

    @trainer.on(IterationEvents.MODEL_COMPLETED)
    def measure(engine):
        for module in (engine.network, engine.discriminator):
            norms.append(torch.cat([p.grad.flatten() for p in module.parameters()]).norm().item())

    trainer.run()
    assert max(norms) <= 1.001e-3


@pytest.mark.parametrize("term", ["seg", "reg", "cls"])
def test_nan_loss_stops_and_names_term_epoch_and_iteration(make_trainer, toys, term):
    trainer = make_trainer(loss_function=toys.Loss(break_term=term))
    before = state_of(trainer.network)
    with pytest.raises(InputError, match=rf"epoch 1, iteration 1.*loss_{term} = nan.*learning rate") as caught:
        trainer.run()
    assert str(caught.value).count("loss_") == 1
    assert same(before, state_of(trainer.network))


def test_infinite_discriminator_loss_is_named(make_trainer, toys):
    class Broken(toys.AdversarialLoss):
        def discriminator(self, real, fake, valid):
            return super().discriminator(real, fake, valid) + float("inf")

    with pytest.raises(InputError, match="loss_discriminator = inf"):
        make_trainer(adversarial_loss=Broken()).run()


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), RuntimeError("x: can't allocate memory")],
)
def test_out_of_memory_names_the_keys_to_lower(make_trainer, toys, error):
    class Greedy(toys.Network):
        def forward(self, image, phase_mask=None):
            raise error

    with pytest.raises(InputError, match=r"training, epoch 1, iteration 1.*`studies_per_batch` or `slices_per_study`"):
        make_trainer(network=Greedy()).run()


def test_real_cpu_allocation_failure_is_recognised(make_trainer, toys):
    class Greedy(toys.Network):
        def forward(self, image, phase_mask=None):
            return torch.empty(1 << 60)

    with pytest.raises(InputError, match="Lower `studies_per_batch`"):
        make_trainer(network=Greedy()).run()


def test_other_runtime_errors_pass_through_unchanged(make_trainer, toys):
    class Broken(toys.Network):
        def forward(self, image, phase_mask=None):
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        make_trainer(network=Broken()).run()


def test_bfloat16_runs_on_cpu_and_learns(make_trainer):
    trainer = make_trainer(amp=True, max_epochs=3, decollate=False)
    before, dtypes = state_of(trainer.network), set()
    trainer.network.seg.register_forward_hook(lambda module, inputs, output: dtypes.add(output.dtype))
    trainer.run()
    assert dtypes == {torch.bfloat16}
    assert not trainer.scaler.is_enabled()
    assert not same(before, state_of(trainer.network))
    assert trainer.state.output["pred"]["seg"].dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_float16_on_a_gpu_uses_one_scaler(make_trainer, toys):
    network = toys.Network().cuda()
    discriminator = toys.Discriminator().cuda()
    trainer = make_trainer(
        device="cuda:0", amp=True, amp_dtype="float16", network=network, discriminator=discriminator,
        d_optimizer=torch.optim.Adam(discriminator.parameters()), max_epochs=2, decollate=False,
    )  # fmt: skip
    trainer.run()
    assert trainer.scaler.is_enabled()
    assert trainer.state.output["loss"] > 0


def test_float16_on_cpu_is_refused(make_trainer):
    with pytest.raises(InputError, match=r"float16.*bfloat16"):
        make_trainer(amp=True, amp_dtype="float16")


def test_discriminator_without_its_loss_is_refused(make_trainer):
    with pytest.raises(InputError, match=r"d_optimizer.*adversarial_loss"):
        make_trainer(adversarial_loss=None)


def test_gradient_accumulation_is_refused(make_trainer):
    with pytest.raises(InputError, match="accumulation_steps 2"):
        make_trainer(accumulation_steps=2)


def test_misspelt_argument_is_an_error(make_trainer):
    with pytest.raises(TypeError, match="gradient_clipp"):
        make_trainer(gradient_clipp=1.0)


def test_frozen_restores_what_was_trainable_also_after_an_error():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[0].requires_grad_(False)
    seen = []

    def fail_inside():
        with frozen(module):
            seen.extend(p.requires_grad for p in module.parameters())
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert seen == [False] * 4
    assert [p.requires_grad for p in module.parameters()] == [False, False, True, True]


def test_unwrap_finds_the_network():
    network = nn.Linear(2, 2)
    assert unwrap(nn.DataParallel(network)) is network
    assert unwrap(network) is network

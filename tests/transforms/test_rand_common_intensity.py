import torch

from custom.transforms import RandCommonIntensityd


def run(seed=0, **arguments):
    base = torch.rand(1, 32, 20, generator=torch.Generator().manual_seed(1)) + 0.5
    image = base * torch.tensor([1.0, 2.0, 0.0, 4.0]).view(4, 1, 1)
    transform = RandCommonIntensityd(**arguments)
    transform.set_random_state(seed=seed)
    return image, transform({"image": image.clone()})["image"]


def test_ratios_between_phases_survive():
    for seed in range(10):
        image, out = run(seed, prob=1.0)
        torch.testing.assert_close(out[[1, 3]] / out[0], image[[1, 3]] / image[0])
        assert float(out[2].abs().max()) == 0  # an absent phase stays absent


def test_field_is_smooth_and_within_its_limits():
    fields = []
    for seed in range(30):
        image, out = run(seed, prob=1.0, max_gain=0.1, max_bias=0.2)
        field = out[0] / image[0]
        fields.append(field)
        assert float(field.diff(dim=0).abs().max()) < 0.06
        assert float(field.min()) > 0.9 * 0.7
        assert float(field.max()) < 1.1 * 1.4
    assert max(float(f.std()) for f in fields) > 0.03
    assert max(float(f.mean()) for f in fields) > 1.05 > 0.95 > min(float(f.mean()) for f in fields)


def test_probability_and_seed():
    image, out = run(prob=0.0)
    torch.testing.assert_close(out, image, rtol=0, atol=0)
    torch.testing.assert_close(run(7, prob=1.0)[1], run(7, prob=1.0)[1], rtol=0, atol=0)

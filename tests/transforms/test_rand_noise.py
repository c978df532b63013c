import torch

from custom.transforms import RandNoised


def run(seed=0, times=1, **arguments):
    transform = RandNoised(**arguments)
    transform.set_random_state(seed=seed)
    return [transform({"image": torch.ones(4, 40, 30)})["image"] - 1 for _ in range(times)]


def test_levels_and_independence():
    noises = run(prob=1.0, max_std=0.05, times=60)
    levels = torch.stack([n.std() for n in noises])
    assert float(levels.max()) < 0.053
    assert 0.018 < float(levels.mean()) < 0.032
    loudest = noises[int(levels.argmax())]
    correlation = torch.corrcoef(loudest.flatten(1))
    assert float((correlation - torch.eye(4)).abs().max()) < 0.12
    assert all(abs(float(n.mean())) < 0.003 for n in noises)


def test_probability_and_seed():
    assert float(run(prob=0.0)[0].abs().max()) == 0
    torch.testing.assert_close(run(5, prob=1.0)[0], run(5, prob=1.0)[0], rtol=0, atol=0)
    assert not torch.equal(run(5, prob=1.0)[0], run(6, prob=1.0)[0])

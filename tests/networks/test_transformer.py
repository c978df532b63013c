import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from custom.networks.transformer import ChannelTransformer, TransformerBlock


class LargestTensor(TorchDispatchMode):
    """Records the most elements of any tensor that an operation makes."""

    def __init__(self):
        super().__init__()
        self.most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        sizes = [t.untyped_storage().nbytes() // t.element_size() for t in tree_leaves(out) if torch.is_tensor(t)]
        self.most = max([self.most, *sizes])
        return out


@pytest.mark.parametrize("masked", [False, True])
def test_2048_tokens_without_the_square_matrix(masked):
    """The paper's size: N = 4·512 tokens of 16×16. The N×N matrix of one head would hold 4.2 million elements."""
    transformer = ChannelTransformer(
        phases=4, channels=512, token_grid=(16, 16), blocks=1, head_dim=64, mlp_ratio=4, dropout=0.1
    )
    features = torch.randn(1, 4, 512, 16, 16)
    mask = torch.tensor([[True, False, True, True]]) if masked else None
    with LargestTensor() as largest:
        transformer(features, mask).sum().backward()
    assert 2048 * 256 * 4 <= largest.most < 2048 * 2048, "the MLP's hidden layer is the largest tensor"


def test_block_is_pre_norm_attention_and_mlp():
    torch.manual_seed(0)
    block, z = TransformerBlock(dim=8, head_dim=4, mlp_ratio=2, dropout=0.5).eval(), torch.randn(2, 5, 8)
    keys = torch.tensor([[1, 1, 0, 1, 1], [1, 0, 0, 0, 1]]).bool()
    found = block(z, keys[:, None, None])

    query, key, value = block.qkv(block.attention_norm(z)).chunk(3, -1)
    heads = []
    for h in (slice(0, 4), slice(4, 8)):
        score = query[..., h] @ key[..., h].transpose(1, 2) / 2.0  # sqrt(head_dim)
        heads.append(score.masked_fill(~keys[:, None], -torch.inf).softmax(-1) @ value[..., h])
    after = z + block.project(torch.cat(heads, -1))
    torch.testing.assert_close(found, after + block.mlp(block.mlp_norm(after)))


def test_position_is_phase_plus_channel_embedding():
    torch.manual_seed(0)
    transformer = ChannelTransformer(
        phases=4, channels=3, token_grid=(2, 2), blocks=1, head_dim=4, mlp_ratio=1, dropout=0.0
    )
    transformer.blocks = torch.nn.ModuleList()
    features = torch.randn(2, 4, 3, 2, 2)
    z = transformer(features)
    expected = features[1, 2, 1].flatten() + transformer.phase_embedding[2, 0] + transformer.channel_embedding[1]
    torch.testing.assert_close(z[1, 2, 1], expected)


def test_a_larger_map_is_pooled_to_the_grid():
    transformer = ChannelTransformer(
        phases=4, channels=3, token_grid=(2, 4), blocks=1, head_dim=4, mlp_ratio=1, dropout=0.0
    )
    small = torch.randn(1, 4, 3, 2, 4)
    large = small.repeat_interleave(3, -2).repeat_interleave(2, -1)
    torch.testing.assert_close(transformer(small), transformer(large))


def test_no_phase_at_all_stays_finite():
    transformer = ChannelTransformer(
        phases=4, channels=3, token_grid=(2, 2), blocks=2, head_dim=4, mlp_ratio=1, dropout=0.0
    )
    assert transformer(torch.zeros(1, 4, 3, 2, 2), torch.zeros(1, 4, dtype=torch.bool)).isfinite().all()

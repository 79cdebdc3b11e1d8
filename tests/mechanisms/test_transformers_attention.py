"""Layers of `transformers`, each by itself. Whole networks are in test_transformers_networks.py."""

import math
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn
from transformers.models.beit import modeling_beit as beit
from transformers.models.clip import modeling_clip as clip
from transformers.models.deit import modeling_deit as deit
from transformers.models.dinov2 import modeling_dinov2 as dinov2
from transformers.models.dinov2_with_registers import modeling_dinov2_with_registers as dinov2_registers
from transformers.models.dinov3_vit import modeling_dinov3_vit as dinov3
from transformers.models.ijepa import modeling_ijepa as ijepa
from transformers.models.siglip import modeling_siglip as siglip
from transformers.models.vit import modeling_vit as vit
from transformers.models.vit_msn import modeling_vit_msn as vit_msn

from attnviz.errors import ValueRangeError
from attnviz.mechanisms.transformers_attention import rotated
from attnviz.records import SelfAttention
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract, Net, vary


class TransformersContract(MechanismContract):
    expected = ((SelfAttention, "mhsa"),)
    takes_tokens = True
    attention: ClassVar[type[nn.Module]]
    config: ClassVar[type]
    implementation: ClassVar[str] = "sdpa"

    def layer(self) -> nn.Module:
        config = self.config(hidden_size=8, num_attention_heads=2)
        config._attn_implementation = self.implementation
        return self.attention(config)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x)[0]


class TestViT(TransformersContract):
    attention, config = vit.ViTAttention, vit.ViTConfig


class TestViTEager(TestViT):
    implementation = "eager"

    def test_the_record_is_the_matrix_that_eager_attention_returns(self, net: Net, picture: Tensor) -> None:
        with torch.no_grad():
            returned = net.layer(net.into_layer(picture))[1]
        torch.testing.assert_close(trace(net, picture).of(SelfAttention)[0].weights(), returned)


class TestViTWithoutBias(TestViT):
    def layer(self) -> nn.Module:
        config = vit.ViTConfig(hidden_size=8, num_attention_heads=2, qkv_bias=False)
        config._attn_implementation = "sdpa"
        return vit.ViTAttention(config)


class TestDeiT(TransformersContract):
    attention, config = deit.DeiTAttention, deit.DeiTConfig


class TestDinov2(TransformersContract):
    attention, config = dinov2.Dinov2Attention, dinov2.Dinov2Config


class TestDinov2WithRegisters(TransformersContract):
    attention, config = dinov2_registers.Dinov2WithRegistersAttention, dinov2_registers.Dinov2WithRegistersConfig


class TestIJepa(TransformersContract):
    attention, config = ijepa.IJepaAttention, ijepa.IJepaConfig


class TestViTMsn(TransformersContract):
    attention, config = vit_msn.ViTMSNAttention, vit_msn.ViTMSNConfig


class TestClip(TransformersContract):
    attention, config = clip.CLIPAttention, clip.CLIPVisionConfig


class TestSiglip(TransformersContract):
    attention, config = siglip.SiglipAttention, siglip.SiglipVisionConfig


class TestSiglipPoolingHead(MechanismContract):
    """One learned query, which lies nowhere, looks at every patch; the output is one row of features."""

    expected = ((SelfAttention, "mhsa"),)

    def network(self) -> nn.Module:
        net = super().network()
        net.prefix = ()  # type: ignore[assignment]
        return net

    def layer(self) -> nn.Module:
        return siglip.SiglipMultiheadAttentionPoolingHead(
            siglip.SiglipVisionConfig(hidden_size=8, num_attention_heads=2, intermediate_size=16)
        )

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x.flatten(2).transpose(1, 2))[:, :, None, None]

    def test_records_have_their_shape_and_range(self, net: Net, picture: Tensor) -> None:
        height, width = picture.shape[-2:]
        (record,) = trace(net, picture).of(SelfAttention)
        weights = record.weights()
        assert weights.shape == (1, 2, 1, height * width)
        assert weights.min() >= 0
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(1, 2, 1))
        assert (record.tokens.grid_hw, record.tokens.prefix) == ((height, width), 0)
        assert record.query_tokens.prefix_names == ("probe",)

    def test_the_record_is_the_matrix_that_torch_returns(self, net: Net, picture: Tensor) -> None:
        tokens = net.into_layer(picture).flatten(2).transpose(1, 2)
        with torch.no_grad():
            returned = net.layer.attention(net.layer.probe, tokens, tokens, average_attn_weights=False)[1]
        torch.testing.assert_close(trace(net, picture).of(SelfAttention)[0].weights(), returned)


class TestBeit(TransformersContract):
    """The block hands relative positions over as the mask. Here they are number differences of the tokens."""

    attention, config = beit.BeitAttention, beit.BeitConfig

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, attention_mask=relative_positions(x.shape[1]))[0]

    def test_relative_positions_are_a_bias_and_no_mask(self, net: Net, oblong: Tensor) -> None:
        (record,) = trace(net, oblong).of(SelfAttention)
        assert record.mask is None
        # A class token and 4 x 7 patches.
        torch.testing.assert_close(record.bias, relative_positions(29))


class TestBeitEager(TestBeit):
    implementation = "eager"


def relative_positions(tokens: int) -> Tensor:
    """(1, 2 heads, tokens, tokens); the second head prefers the other direction."""
    one = torch.arange(tokens)[None, :] - torch.arange(tokens)[:, None]
    return torch.stack([one, -one])[None] / tokens


class TestDinov3(TransformersContract):
    """Rotary embedding on the patches: angles that differ from patch to patch, none for the class token."""

    attention, config = dinov3.DINOv3ViTAttention, dinov3.DINOv3ViTConfig

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        angles = torch.arange(x.shape[1] - 1)[:, None] * torch.tensor([1.0, 0.1, 1.0, 0.1])
        return layer(x, position_embeddings=(angles.cos(), angles.sin()))[0]


class TestDinov3Eager(TestDinov3):
    implementation = "eager"


class TestBooleanMask(TestViT):
    """True lets a query look: here at the class token and at itself."""

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        may_look = torch.eye(x.shape[1], dtype=torch.bool)
        may_look[:, 0] = True
        return layer(x, may_look[None, None])[0]

    def test_hidden_keys_get_nothing(self, net: Net, picture: Tensor) -> None:
        weights = trace(net, picture).of(SelfAttention)[0].weights()
        hidden = ~torch.eye(weights.shape[-1], dtype=torch.bool)
        hidden[:, 0] = False
        assert weights[..., hidden].abs().max() == 0


def one_wide(implementation: str) -> nn.Module:
    """An attention of one head of width 1 that takes each token as its own query, key and value."""
    config = vit.ViTConfig(hidden_size=1, num_attention_heads=1)
    config._attn_implementation = implementation
    layer = vit.ViTAttention(config)
    for linear in (layer.q_proj, layer.k_proj, layer.v_proj, layer.o_proj):
        nn.init.ones_(linear.weight)
        nn.init.zeros_(linear.bias)
    return layer


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_three_tokens_worked_by_hand(implementation: str) -> None:
    net = Net(one_wide(implementation), 1, 1, TransformersContract.call, tokens=True).eval()
    with torch.no_grad():
        net.stem.weight.copy_(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1))
        net.stem.bias.zero_()
    picture = torch.zeros(1, 3, 1, 2)
    picture[0, 0, 0] = torch.tensor([-1.0, 1.0])
    (record,) = trace(net, picture).records
    # Patch tokens -1 and 1; the class token is their mean, 0. Scale 1.
    # Logits of the class token: 0, 0, 0. Of token -1: 0, 1, -1. Of token 1: 0, -1, 1.
    total = 1 + math.e + 1 / math.e
    expected = torch.tensor(
        [
            [1 / 3, 1 / 3, 1 / 3],
            [1 / total, math.e / total, 1 / math.e / total],
            [1 / total, 1 / math.e / total, math.e / total],
        ]
    )
    torch.testing.assert_close(record.weights(), expected[None, None])


def test_the_rotary_embedding_turns_pairs_and_spares_the_prefix() -> None:
    heads = torch.tensor([[5.0, 6.0], [1.0, 0.0], [1.0, 0.0]])
    quarter = torch.tensor([[0.0, 0.0], [math.pi / 2, math.pi / 2]])
    # The first token is no patch. Feature pair (1, 0), turned by 0 and by a quarter: (1, 0) and (0, 1).
    expected = torch.tensor([[5.0, 6.0], [1.0, 0.0], [0.0, 1.0]])
    torch.testing.assert_close(rotated(heads, quarter.cos(), quarter.sin()), expected)


def test_a_causal_call_is_refused_by_name() -> None:
    layer = vary(one_wide("sdpa"))
    layer.is_causal = True
    net = Net(layer, 1, 1, TransformersContract.call, tokens=True).eval()
    with pytest.raises(ValueRangeError, match=r"^layer: .* must look at all patches; got is_causal=True"):
        trace(net, torch.randn(1, 3, 2, 2))

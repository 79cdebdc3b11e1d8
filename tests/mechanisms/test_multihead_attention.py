import math
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from attnviz.errors import UnreadableError, ValueRangeError
from attnviz.records import SelfAttention
from attnviz.tracer import intervene, trace
from tests.mechanisms.contract import MechanismContract, Net, hooks_of, vary


class MultiheadContract(MechanismContract):
    expected = ((SelfAttention, "mhsa"),)
    takes_tokens = True

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, x, x, need_weights=False)[0]


class TestAsInVisionTransformers(MultiheadContract):
    def layer(self) -> nn.Module:
        return nn.MultiheadAttention(8, 2, batch_first=True)


class TestWithoutBias(MultiheadContract):
    def layer(self) -> nn.Module:
        return nn.MultiheadAttention(8, 2, batch_first=True, bias=False)


class TestOddHeadsLeaveTheFastPath(MultiheadContract):
    channels = 9

    def layer(self) -> nn.Module:
        return nn.MultiheadAttention(9, 3, batch_first=True)


class TestSequenceFirst(MultiheadContract):
    def layer(self) -> nn.Module:
        return nn.MultiheadAttention(8, 2)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        x = x.transpose(0, 1)
        return layer(query=x, key=x, value=x)[0].transpose(0, 1)


class TestMasks(MultiheadContract):
    """Every token sees itself and those before it, and the last key is padding."""

    def layer(self) -> nn.Module:
        return nn.MultiheadAttention(8, 2, batch_first=True)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        tokens = x.shape[1]
        later = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
        padding = torch.zeros(1, tokens, dtype=torch.bool)
        padding[0, -1] = True
        return layer(x, x, x, key_padding_mask=padding, attn_mask=later, need_weights=False)[0]

    def test_hidden_keys_get_nothing(self, net: Net, picture: Tensor) -> None:
        weights = trace(net, picture).of(SelfAttention)[0].weights()
        assert weights.triu(1).abs().max() == 0
        assert weights[..., -1].abs().max() == 0


class TestMaskOfEachHead(MultiheadContract):
    """As CLIP calls it: tokens first, numbers added to the logits, here other ones for each head."""

    def layer(self) -> nn.Module:
        return nn.MultiheadAttention(8, 2)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        x = x.transpose(0, 1)
        later = torch.full((len(x), len(x)), -math.inf).triu(1)
        return layer(x, x, x, attn_mask=torch.stack([later, later.T]))[0].transpose(0, 1)

    def test_each_head_looks_its_own_way(self, net: Net, picture: Tensor) -> None:
        (weights,) = trace(net, picture).of(SelfAttention)[0].weights()
        assert weights[0].triu(1).abs().max() == 0
        assert weights[1].tril(-1).abs().max() == 0


class TestWeightsAskedFor(MultiheadContract):
    """Trap: with need_weights torch averages the heads; the record keeps them apart."""

    def layer(self) -> nn.Module:
        return nn.MultiheadAttention(8, 2, batch_first=True)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, x, x)[0]

    def test_the_mean_over_heads_is_what_torch_returns(self, net: Net, picture: Tensor) -> None:
        tokens = net.into_layer(picture)
        with torch.no_grad():
            averaged = net.layer(tokens, tokens, tokens)[1]
        weights = trace(net, picture).of(SelfAttention)[0].weights()
        assert weights.shape[1] == 2
        torch.testing.assert_close(weights.mean(dim=1), averaged)


class EncoderContract(MechanismContract):
    """nn.TransformerEncoderLayer leaves its own fused path when it finds a hook anywhere inside."""

    expected = ((SelfAttention, "mhsa"),)
    takes_tokens = True
    options: ClassVar[dict[str, object]] = {}

    def layer(self) -> nn.Module:
        return nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, **self.options)  # type: ignore[arg-type]


class TestEncoderLayerFused(EncoderContract):
    options: ClassVar[dict[str, object]] = {"batch_first": True, "activation": "gelu"}

    def test_the_fused_path_runs_under_the_trace(self, net: Net, oblong: Tensor) -> None:
        ran: list[str] = []

        class Seen(TorchDispatchMode):
            def __torch_dispatch__(
                self, func: object, types: object, args: tuple = (), kwargs: object = None
            ) -> object:
                ran.append(str(func))
                return func(*args, **(kwargs or {}))  # type: ignore[operator,arg-type,dict-item]

        with Seen():
            trace(net, oblong)
        assert "aten._transformer_encoder_layer_fwd.default" in ran


class TestEncoderLayerNormFirst(EncoderContract):
    options: ClassVar[dict[str, object]] = {"batch_first": True, "norm_first": True}


class TestEncoderLayerNotFused(EncoderContract):
    options: ClassVar[dict[str, object]] = {"batch_first": True, "activation": nn.functional.silu}


class TestEncoderLayerMasked(EncoderContract):
    options: ClassVar[dict[str, object]] = {"batch_first": True}

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, src_mask=torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1))


class Tokens(nn.Module):
    """Pixels of a picture with one channel as tokens of one number, a class token 0 first."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention

    def grid_of(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        return input_hw

    def forward(self, x: Tensor) -> Tensor:
        tokens = torch.cat([torch.zeros(1, 1, 1), x.reshape(1, -1, 1)], dim=1)
        return self.attention(tokens, tokens, tokens, need_weights=False)[0].mean(dim=1)


def test_three_tokens_worked_by_hand() -> None:
    attention = nn.MultiheadAttention(1, 1, batch_first=True)
    nn.init.ones_(attention.in_proj_weight)  # q = k = v = the token itself
    (record,) = trace(Tokens(attention).eval(), torch.tensor([[[[1.0, 2.0]]]])).records
    # Tokens 0, 1, 2 of width 1, so the scale is 1. Logits of the queries: 0, 0, 0; 0, 1, 2; 0, 2, 4.
    e = math.e
    expected = torch.tensor(
        [
            [1 / 3, 1 / 3, 1 / 3],
            [1 / (1 + e + e**2), e / (1 + e + e**2), e**2 / (1 + e + e**2)],
            [1 / (1 + e**2 + e**4), e**2 / (1 + e**2 + e**4), e**4 / (1 + e**2 + e**4)],
        ]
    )
    torch.testing.assert_close(record.weights(), expected[None, None])
    torch.testing.assert_close(record.weights(queries=[2], heads=[0]), expected[None, None, [2]])
    assert record.tokens.prefix_names == ("class",)
    assert record.tokens.index_of(0, 1) == (0, 2)


def test_the_scale_is_that_of_one_head() -> None:
    attention = vary(nn.MultiheadAttention(8, 2, batch_first=True))
    net = Net(attention, 8, 8, MultiheadContract.call, tokens=True).eval()
    (record,) = trace(net, torch.randn(1, 3, 2, 3)).records
    assert record.scale == 1 / math.sqrt(8 / 2)


class Cross(nn.Module):
    def __init__(self, **options: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(3, 1, batch_first=True, **options)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        other = tokens if self.attention.add_zero_attn else tokens + 1
        return self.attention(tokens, other, other, need_weights=False)[0].mean(dim=1)


@pytest.mark.parametrize(
    ("options", "reason"), [({}, "one tensor as query, key and value"), ({"add_zero_attn": True}, "extra key")]
)
def test_other_uses_are_refused_by_name(options: dict[str, bool], reason: str) -> None:
    model, x = Cross(**options).eval(), torch.randn(1, 3, 2, 2)
    with pytest.raises(UnreadableError, match=f"got attention: .*{reason}"):
        trace(model, x)
    unread = trace(model, x, allow_empty=True).unread
    assert list(unread) == ["attention"]
    assert reason in unread["attention"]


class SelfThenCross(nn.Module):
    """A decoder: attention within its tokens, then from them to others."""

    def __init__(self) -> None:
        super().__init__()
        self.within = nn.MultiheadAttention(3, 1, batch_first=True)
        self.across = Cross()

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        attended = self.within(tokens, tokens, tokens, need_weights=False)[0]
        return self.across(attended.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("how", [{}, {"verify": True}, {"eager": True}])
def test_a_layer_between_different_tokens_does_not_end_the_trace_of_the_others(how: dict[str, bool]) -> None:
    model, x = vary(SelfThenCross()).eval(), torch.randn(1, 3, 2, 2)
    with torch.no_grad():
        expected = model(x)[0]
    result = trace(model, x, **how)
    assert result.layers == ("within",)
    assert list(result.unread) == ["across.attention"]
    assert "one tensor as query, key and value" in result.unread["across.attention"]
    assert result.not_run == ()
    assert torch.equal(result.logits, expected)
    assert hooks_of(model) == 0


def test_an_intervention_does_not_pass_over_it() -> None:
    """It would let through what was to be hidden."""
    model, x = vary(SelfThenCross()).eval(), torch.randn(1, 3, 2, 2)
    with intervene(model, hide=[0]), pytest.raises(ValueRangeError, match=r"^across\.attention: .*one tensor as query"):
        model(x)

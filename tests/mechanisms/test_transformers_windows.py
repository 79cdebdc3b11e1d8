"""Swin blocks of `transformers`, each by itself. Whole networks are in test_transformers_networks.py."""

from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn
from transformers.models.swin import modeling_swin as swin
from transformers.models.swinv2 import modeling_swinv2 as swinv2

from attnviz.errors import UnreadableError
from attnviz.records import SelfAttention
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract, Net

WINDOW = 3


class SwinContract(MechanismContract):
    expected = ((SelfAttention, "swin"),)
    shift: ClassVar[int] = 0
    implementation: ClassVar[str] = "sdpa"

    def layer(self) -> nn.Module:
        config = swin.SwinConfig(window_size=WINDOW, mlp_ratio=2.0)
        config._attn_implementation = self.implementation
        return swin.SwinLayer(config, 8, input_resolution=(6, 6), num_heads=2, shift_size=self.shift)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        y = layer(x.flatten(2).transpose(1, 2), (x.shape[2], x.shape[3]))[0]
        return y.transpose(1, 2).unflatten(2, x.shape[2:])

    def test_records_have_their_shape_and_range(self, net: Net, picture: Tensor) -> None:
        height, width = picture.shape[-2:]
        (record,) = trace(net, picture).of(SelfAttention)
        weights = record.weights()
        # Windows of 3 x 3 on 6 x 6: 4. On 4 x 7, padded to 6 x 9: 6.
        assert weights.shape == ({(6, 6): 4, (4, 7): 6}[(height, width)], 2, 9, 9)
        assert weights.min() >= 0
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))
        assert record.tokens.grid_hw == (height, width)
        assert record.tokens.window_hw == (WINDOW, WINDOW)
        assert record.tokens.shift_hw == (self.shift, self.shift)
        assert record.tokens.prefix == 0


class TestSwin(SwinContract):
    pass


class TestSwinShifted(SwinContract):
    shift = 1

    def test_regions_that_the_shift_brought_together_are_kept_apart(self, net: Net) -> None:
        (record,) = trace(net, torch.randn(1, 3, 6, 6)).of(SelfAttention)
        # The last window holds the corner cell (0, 0), rolled to its end: the other eight are another region.
        window, token = record.tokens.index_of(0, 0)
        assert (window, token) == (3, 8)
        weights = record.weights()[window, :, token]
        assert weights[:, token].min() > 1 - 1e-6
        assert weights[:, :token].max() < 1e-6

    def test_eager_attention_returns_the_record(self, net: Net, oblong: Tensor) -> None:
        net.layer.attention.config._attn_implementation = "eager"
        (record,) = trace(net, oblong).of(SelfAttention)
        with torch.no_grad():
            x = net.into_layer(oblong)
            returned = net.layer(x.flatten(2).transpose(1, 2), (4, 7))[1]
        torch.testing.assert_close(record.weights(), returned)


class TestSwinEager(SwinContract):
    shift = 1
    implementation = "eager"


class TestSwinv2(SwinContract):
    def layer(self) -> nn.Module:
        config = swinv2.Swinv2Config(window_size=WINDOW, mlp_ratio=2.0)
        return swinv2.Swinv2Layer(config, 8, input_resolution=(6, 6), num_heads=2, shift_size=self.shift)


class TestSwinv2Shifted(TestSwinv2):
    shift = 1

    def test_the_mask_counts_twice(self, net: Net, oblong: Tensor) -> None:
        (record,) = trace(net, oblong).of(SelfAttention)
        # modeling_swinv2.py adds -100 for another region, two times over.
        assert record.mask.unique().tolist() == [-200.0, 0.0]


def test_windows_without_their_block_are_refused() -> None:
    config = swin.SwinConfig(window_size=WINDOW)
    config._attn_implementation = "sdpa"
    lonely = nn.Sequential(swin.SwinAttention(config, 3, 1, WINDOW)).eval()
    with pytest.raises(UnreadableError, match="where they lie"):
        trace(lonely, torch.randn(1, 3, 3, 3))

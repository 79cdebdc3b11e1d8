"""The contract of attention layers whose tokens do not all lie in one row behind a class token."""

from typing import ClassVar

import pytest
import torch
from torch import Tensor

from attnviz.records import SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.contract import SIZES_HW, MechanismContract, Net

HW_OF = {height * width: (height, width) for height, width in SIZES_HW}
"""Patch tokens in a row, to their grid."""


class AttentionContract(MechanismContract):
    """Say how keys and queries lie for an input of some size.

    Attributes:
        key: of the mechanism.
        sizes_hw: inputs that the layer takes, at least one of them not square.
    """

    key: ClassVar[str] = "mhsa"
    expected: ClassVar[tuple[tuple[type, str], ...]]
    sizes_hw: ClassVar[tuple[tuple[int, int], ...]] = tuple(SIZES_HW)

    def __init_subclass__(cls) -> None:
        cls.expected = ((SelfAttention, cls.key),)

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        """Where the keys lie for an input of that size."""
        return TokenGrid.whole(hw, int(self.takes_tokens))

    def queries(self, _hw: tuple[int, int]) -> TokenGrid | None:
        """Where the queries lie, if they are other tokens."""
        return None

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "picture" in metafunc.fixturenames:
            metafunc.parametrize("picture", self.sizes_hw, indirect=True, ids=str)

    @pytest.fixture
    def picture(self, request: pytest.FixtureRequest) -> Tensor:
        return torch.randn(1, 3, *request.param)

    @pytest.fixture
    def oblong(self) -> Tensor:
        return torch.randn(1, 3, *self.sizes_hw[-1])

    def test_records_have_their_shape_and_range(self, net: Net, picture: Tensor) -> None:
        hw = (int(picture.shape[2]), int(picture.shape[3]))
        (record,) = trace(net, picture).of(SelfAttention)
        asking = self.queries(hw) or self.keys(hw)
        assert record.tokens == self.keys(hw)
        assert record.query_tokens == self.queries(hw)
        weights = record.weights()
        assert len(weights) == self.keys(hw).windows
        assert weights.shape[2:] == (asking.tokens, self.keys(hw).tokens)
        assert weights.min() >= 0
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))


def channels_last(layer: torch.nn.Module, x: Tensor) -> Tensor:
    """Call a layer that takes (1, h, w, channels)."""
    return layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

"""The contract for layers that attend within windows: the same checks, and the places of the tokens."""

from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from attnviz.maps import AttentionFrom
from attnviz.records import SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract, Net, through_layer, vary


class WindowContract(MechanismContract):
    """Inherit from this, give `layer` and `tokens`, and the sizes of input if not any will do.

    Attributes:
        sizes_hw: sizes of input. One is not square, and no multiple of the window where the layer pads.
        channels_last: the layer takes (1, h, w, channels).
    """

    expected = ((SelfAttention, "swin"),)
    sizes_hw: ClassVar[tuple[tuple[int, int], ...]] = ((6, 6), (4, 7))
    channels_last: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        last = cls.channels_last
        cls.call = staticmethod(lambda layer, x: layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) if last else layer(x))

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        """Where the tokens of each record lie on a map of this size."""
        raise NotImplementedError

    @pytest.fixture
    def oblong(self) -> Tensor:
        return torch.randn(1, 3, *self.sizes_hw[-1])

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "picture" in metafunc.fixturenames:
            metafunc.parametrize("picture", self.sizes_hw, indirect=True, ids=[f"{h} x {w}" for h, w in self.sizes_hw])

    @pytest.fixture
    def picture(self, request: pytest.FixtureRequest) -> Tensor:
        return torch.randn(1, 3, *request.param)

    def test_records_have_their_shape_and_range(self, net: Net, picture: Tensor) -> None:
        height, width = picture.shape[-2:]
        wanted = self.tokens((height, width))
        records = trace(net, picture).of(SelfAttention)
        assert [record.tokens for record in records] == list(wanted)
        for record, tokens in zip(records, wanted, strict=True):
            weights = record.weights()
            assert weights.shape == (tokens.windows, record.queries.shape[1], tokens.patches, tokens.patches)
            assert weights.min() >= 0
            torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))

    def test_a_changed_cell_is_felt_where_the_map_says(self, net: Net, oblong: Tensor) -> None:
        """Change the layer's input in one cell. Its output changes in the cells that look at it, and in itself."""
        # Double precision, and weights so small that all keys of a window count.
        vary(net, std=0.3)
        net, oblong = net.double(), oblong.double()
        x, y = through_layer(net, oblong)
        result = trace(net, oblong)
        height, width = oblong.shape[-2:]
        queries = [(row, column) for row in range(height) for column in range(width)]
        seen = [
            {query: AttentionFrom(layer=number, query=query)(result).values_hw for query in queries}
            for number in range(len(result.records))
        ]
        felt = 0
        for lit in [(0, 0), (height - 1, 0), (1, width - 1), (height - 1, width - 1), (2, 3)]:
            changed = x.clone()
            place = (0, *lit) if self.channels_last else (0, slice(None), *lit)
            changed[place] += torch.linspace(-2, 3, self.channels)
            with torch.no_grad():
                moved = (net.layer(changed) - y).abs().amax(dim=-1 if self.channels_last else 1)[0] > 1e-13
            looks = torch.tensor([query == lit or any(maps[query][lit] > 1e-12 for maps in seen) for query in queries])
            assert torch.equal(moved.flatten(), looks), f"cell {lit}"
            felt += int(looks.sum()) - 1
        assert felt > 0


class VariantContract(WindowContract):
    """For a second setting of a layer class whose first is under the whole contract: hooks and flags are as there."""

    test_records_are_of_the_declared_kinds = None
    test_verify_reports_the_error_of_that_replay = None
    test_logits_are_the_same_bits = None
    test_logits_with_gradients_are_the_same_bits = None
    test_looking_at_once_gives_the_same_records = None
    test_no_hook_is_left_after_success = None
    test_no_hook_is_left_after_a_failing_pass = None
    test_no_hook_is_left_after_a_failure_inside_the_layer = None
    test_a_second_run_in_one_pass_is_call_1 = None
    test_the_model_is_left_as_it_was = None


def one_channel(weights: nn.Linear) -> None:
    """A projection of one channel to queries, keys and values: each query 1, each key 100 times the input, value 1."""
    with torch.no_grad():
        weights.weight.copy_(torch.tensor([[0.0], [100.0], [0.0]]))
        weights.bias.copy_(torch.tensor([1.0, 0.0, 1.0]))

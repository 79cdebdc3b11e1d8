import pytest
import torch
from torch import nn

from attnviz.errors import ValueRangeError
from attnviz.layers import ResidualAttention, ResidualUnit, SoftMask


@pytest.mark.parametrize("hw", [(8, 8), (13, 6), (1, 1), (1, 9)])
@pytest.mark.parametrize("halvings", [1, 2, 3])
def test_the_mask_lies_on_the_grid_of_its_input(hw: tuple[int, int], halvings: int) -> None:
    x = torch.randn(2, 4, *hw)
    layer = ResidualAttention(4, halvings).eval()
    with torch.no_grad():
        mask = layer.mask(x)
        assert layer(x).shape == mask.shape == x.shape
    assert 0 < mask.min() <= mask.max() < 1


def test_one_plus_the_mask_multiplies_the_trunk() -> None:
    layer = ResidualAttention(4, 2).eval()
    x = torch.randn(1, 4, 6, 5)
    with torch.no_grad():
        before = layer.before(x)
        expected = layer.after((1 + layer.mask(before)) * layer.trunk(before))
        torch.testing.assert_close(layer(x), expected)
        # A mask that is closed lets the trunk through (eq. 3).
        layer.mask.logits[-1].weight.zero_()
        layer.mask.logits[-1].bias.fill_(-100.0)
        torch.testing.assert_close(layer(x), layer.after(layer.trunk(before)))


def test_each_halving_makes_n_into_n_plus_one_over_two() -> None:
    seen: list[tuple[int, ...]] = []
    mask = SoftMask(4, halvings=3).eval()
    for down in mask.down:
        down.register_forward_hook(lambda _layer, args, _out: seen.append(tuple(args[0].shape[-2:])))
    with torch.no_grad():
        mask(torch.randn(1, 4, 32, 13))
    assert seen == [(16, 7), (8, 4), (4, 2)]


def test_the_bottom_sees_further_than_the_top() -> None:
    """The skip joins maps of equal size; without it the mask would be as coarse as its lowest map."""
    mask = SoftMask(2, halvings=2).eval()
    x = torch.randn(1, 2, 16, 16)
    with torch.no_grad():
        whole = mask(x)
        for unit in mask.skips:
            unit.forward = torch.zeros_like  # type: ignore[method-assign]
        assert not torch.allclose(mask(x), whole)


def test_a_mask_without_halvings_or_units_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="halvings and units must be at least 1; got 0 and 1"):
        SoftMask(4, halvings=0)
    with pytest.raises(ValueRangeError, match="got 2 and 0"):
        SoftMask(4, halvings=2, units=0)


def test_a_unit_of_closed_convolutions_is_its_shortcut() -> None:
    x = torch.randn(1, 4, 5, 6)
    same, other = ResidualUnit(4).eval(), ResidualUnit(4, 6, stride=2).eval()
    for unit in (same, other):
        nn.init.zeros_(unit.branch[-1].weight)
    with torch.no_grad():
        torch.testing.assert_close(same(x), x)
        assert other.shortcut is not None
        torch.testing.assert_close(other(x), other.shortcut(x))
        assert other(x).shape == (1, 6, 3, 3)

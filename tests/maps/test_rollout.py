"""Abnar and Zuidema's rollout on three tokens: a class token and a 1 x 2 grid."""

import numpy as np
import pytest
import timm
import torch

import attnviz
from attnviz.errors import ShapeError, ValueRangeError
from attnviz.maps import Rollout, available
from attnviz.records import TokenGrid

TOKENS = TokenGrid.whole((1, 2), prefix=1)
FIRST = torch.tensor([[[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]]])
SECOND = torch.tensor([[[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])


def test_three_tokens_by_hand(attention_of, trace_of):
    # Layer 2, class row of 0.5 I + 0.5 A: 0.5 [1 0 0] + 0.5 [0 .5 .5] = [.5 .25 .25].
    # Layer 1, rows of 0.5 I + 0.5 A: [.75 .125 .125], [0 1 0], [0 .25 .75].
    # Product: .5 [.75 .125 .125] + .25 [0 1 0] + .25 [0 .25 .75]
    #        = [.375, .0625 + .25 + .0625, .0625 + .1875] = [.375 .375 .25], which sums to 1.
    made = Rollout()(trace_of(attention_of(FIRST, TOKENS), attention_of(SECOND, TOKENS, layer="blocks.1.attn")))
    assert np.allclose(made.values_hw, [[0.375, 0.25]], atol=1e-6)
    assert "37.5 % of the rollout" in made.note
    assert made.method == "Rollout(residual=0.5)"
    assert [site.layer for site in made.sites] == ["blocks.0.attn", "blocks.1.attn"]


def test_the_order_of_layers_matters(attention_of, trace_of):
    # Layers swapped. Class row of the upper layer (FIRST): .5 [1 0 0] + .5 [.5 .25 .25] = [.75 .125 .125].
    # Rows of the lower layer (SECOND): [.5 .25 .25], [.5 .5 0], [0 0 1].
    # Product: .75 [.5 .25 .25] + .125 [.5 .5 0] + .125 [0 0 1] = [.4375, .1875 + .0625, .1875 + .125].
    made = Rollout()(trace_of(attention_of(SECOND, TOKENS), attention_of(FIRST, TOKENS)))
    assert np.allclose(made.values_hw, [[0.25, 0.3125]], atol=1e-6)


def test_heads_are_averaged_and_the_residual_is_a_parameter(attention_of, trace_of):
    # Mean of the two heads, class row: ([.5 .25 .25] + [0 .5 .5]) / 2 = [.25 .375 .375]; nothing passes by.
    both = torch.cat([FIRST, SECOND])
    made = Rollout(residual=0.0)(trace_of(attention_of(both, TOKENS)))
    assert np.allclose(made.values_hw, [[0.375, 0.375]], atol=1e-6)
    # With three quarters passing by, a quarter of that remains.
    assert np.allclose(Rollout(0.75)(trace_of(attention_of(both, TOKENS))).values_hw, [[0.375 / 4] * 2], atol=1e-6)


def test_rollout_of_identities_stays_with_the_class_token(attention_of, trace_of):
    identity = torch.eye(3)[None]
    made = Rollout()(trace_of(*[attention_of(identity, TOKENS)] * 4))
    assert np.array_equal(made.values_hw, [[0.0, 0.0]])
    assert "100.0 %" in made.note


def test_without_a_class_token_the_average_place_is_followed(attention_of, trace_of):
    # Start [.5 .5]; rows of 0.5 I + 0.5 A: [.75 .25], [0 1]; result [.375 .625].
    weights = torch.tensor([[[0.5, 0.5], [0.0, 1.0]]])
    made = Rollout()(trace_of(attention_of(weights, TokenGrid.whole((1, 2)))))
    assert np.allclose(made.values_hw, [[0.375, 0.625]], atol=1e-6)


def test_rows_that_sum_to_less_are_normalised(attention_of, trace_of):
    class Leaky:
        """Rows that sum to a half, as dropout or a closed gate would leave them."""

        def __init__(self, record):
            self.record = record

        def __call__(self, queries=None, heads=None):
            return 0.5 * self.record(queries, heads)

    record = attention_of(FIRST, TOKENS)
    object.__setattr__(record, "weights", Leaky(record.weights))
    # As if the rows summed to one: .5 [1 0 0] + .5 [.5 .25 .25]
    assert np.allclose(Rollout()(trace_of(record)).values_hw, [[0.125, 0.125]], atol=1e-6)


@pytest.mark.parametrize("residual", [-0.1, 1.0, 2.0])
def test_residual_out_of_range(residual):
    with pytest.raises(ValueRangeError, match=rf"\[0, 1\); got {residual}"):
        Rollout(residual)


def unfit_records(attention_of):
    windowed = torch.full((2, 1, 2, 2), 0.5)
    return {
        "windows": [attention_of(windowed, TokenGrid((1, 4), (1, 2)), mechanism="swin")],
        "from query to key": [
            attention_of(torch.full((1, 2, 2), 0.5), TokenGrid.whole((1, 2)), query_tokens=TokenGrid.whole((2, 1)))
        ],
        "square": [attention_of(torch.full((1, 3, 2), 0.5), TokenGrid.whole((1, 2)))],
        "same tokens": [
            attention_of(torch.eye(3)[None], TOKENS),
            attention_of(torch.eye(2)[None], TokenGrid.whole((1, 1), prefix=1)),
        ],
        "convolution": [attention_of(torch.eye(2)[None], TokenGrid.whole((1, 2)), mechanism="aa_conv")],
    }


@pytest.mark.parametrize("case", ["windows", "from query to key", "square", "same tokens", "convolution"])
def test_refuses_what_cannot_be_followed_and_is_not_offered(attention_of, trace_of, case):
    trace = trace_of(*unfit_records(attention_of)[case])
    with pytest.raises((ShapeError, ValueRangeError), match=case):
        Rollout()(trace)
    assert "rollout" not in [card.name for card in available(trace)]


def test_rollout_is_offered_where_it_fits(attention_of, trace_of):
    assert "rollout" in [card.name for card in available(trace_of(attention_of(FIRST, TOKENS)))]


def test_registers_alone_are_no_class_token(attention_of, trace_of):
    # A register, then two places. Start [0 .5 .5]; nothing passes by, so the result is the mean of the places' rows:
    # ([.2 .8 0] + [0 .4 .6]) / 2 = [.1 .6 .3]. From the register it would be [1 0 0].
    weights = torch.tensor([[[1.0, 0.0, 0.0], [0.2, 0.8, 0.0], [0.0, 0.4, 0.6]]])
    made = Rollout(residual=0.0)(trace_of(attention_of(weights, TokenGrid.whole((1, 2), 1, ("register 1",)))))
    assert np.allclose(made.values_hw, [[0.6, 0.3]], atol=1e-6)
    assert "from the average place" in made.meaning
    assert made.note == "10.0 % of the rollout goes to 1 register token and is not drawn"


def test_the_class_token_is_found_behind_others(attention_of, trace_of):
    weights = torch.tensor([[[1.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]])
    made = Rollout(residual=0.0)(trace_of(attention_of(weights, TokenGrid.whole((1, 2), 2, ("register 1", "class")))))
    assert np.allclose(made.values_hw, [[0.3, 0.4]], atol=1e-6)
    assert "the class token and 1 register token" in made.note


def test_a_timm_transformer_against_its_own_unfused_matrices():
    torch.manual_seed(0)
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=(16, 24), patch_size=8, embed_dim=16, depth=3, num_heads=2, num_classes=5
    ).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # fresh weights attend almost evenly
    picture = torch.randn(1, 3, 16, 24)
    made = Rollout()(attnviz.trace(model, picture))  # fused, as it is built
    kept = []
    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_pre_hook(lambda _dropout, args: kept.append(args[0][0]))
    with torch.no_grad():
        model(picture)
    whole = torch.eye(7)
    for attention in kept:  # the later layer stands on the left
        whole = (0.5 * torch.eye(7) + 0.5 * attention.mean(dim=0)) @ whole
    expected = whole[0, 1:].reshape(2, 3)
    assert expected.std() > 1e-3
    assert np.allclose(made.values_hw, expected, rtol=1e-4, atol=1e-7)

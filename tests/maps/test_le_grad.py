"""LeGrad on three tokens, and against a transformer that is taken apart by hand.

The chain of `chains.py` on the picture [4, -2]: x0 = [0, 4, -2], x1 = [.5, 5.5, -2], see `test_relevance.py`. The head
reads the class token, so the score of block l is s_l = x_l[class].
"""

import numpy as np
import pytest
import timm
import torch
from torch import nn

from attnviz.errors import NothingTracedError, ShapeError, ValueRangeError
from attnviz.maps import LeGrad, explain
from attnviz.maps.layer_scores import blocks_of
from attnviz.models import build
from attnviz.models.vit import VisionTransformer
from attnviz.tracer import intervene
from tests.maps.chains import FIRST, PICTURE, SECOND, Chain


def test_three_tokens_by_hand():
    # ds1/dA1: class row x0 = [0, 4, -2], others 0. ds2/dA2: class row x1 = [.5, 5.5, -2]. What A is plays no part.
    # Positive part, mean over three queries: [0, 4/3, 0] and [.5/3, 5.5/3, 0]; mean over two layers: [1/12, 9.5/6, 0].
    made = explain(Chain(FIRST, SECOND).eval(), PICTURE, LeGrad(0))
    assert np.allclose(made.values_hw, [[9.5 / 6, 0.0]], atol=1e-5)
    # 1/12 of 1/12 + 19/12 is 5 %.
    assert made.note == "5.0 % of the gradient goes to the class token and is not drawn"
    assert (made.target, made.method) == (0, "LeGrad(target=0, pooling='head', min_max=False)")


def test_a_layer_s_attention_counts_for_its_own_score_alone():
    # Were s2 differentiated by A1 too, its gradient would be 1.2 x0 in the class row and .4 x0 in the others.
    # Class 1 turns the signs: relu(-x0) / 3 = [0, 0, 2/3] and relu(-x1) / 3 = [0, 0, 2/3].
    made = explain(Chain(FIRST, SECOND).eval(), PICTURE, LeGrad(1))
    assert np.allclose(made.values_hw, [[0.0, 2 / 3]], atol=1e-5)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        # Head: class token squared. s = x1[class] ** 2, ds/dA1: class row 2 * .5 * x0, so [0, 4, .] / 3 queries.
        ("head", 4 / 3),
        # Mean of the tokens: m = (.5 + 5.5 - 2) / 3 = 4/3; ds/dA1: every row 2 * 4/3 * x0 / 3, mean over rows the same.
        ("mean", 32 / 9),
    ],
)
def test_what_the_head_is_given(pooling, expected):
    made = explain(Chain(FIRST, power=2).eval(), PICTURE, LeGrad(0, pooling=pooling))
    assert np.allclose(made.values_hw, [[expected, 0.0]], atol=1e-5)


def test_heads_are_averaged_after_the_positive_part():
    # Two heads read [4, -2] and [-1, 3]: relu gives [4, 0] and [0, 3]; mean over heads and three queries.
    picture = torch.tensor([[[[4.0, -2.0]], [[-1.0, 3.0]]]])
    made = explain(Chain([FIRST, FIRST]).eval(), picture, LeGrad(0))
    assert np.allclose(made.values_hw, [[4 / 6, 3 / 6]], atol=1e-6)


def test_stretched_only_on_request_and_told():
    made = explain(Chain(FIRST, SECOND).eval(), torch.tensor([[[[4.0, 2.0]]]]), LeGrad(0, min_max=True))
    assert made.value_range == (0.0, 1.0)
    assert made.bounds == (0.0, 1.0)
    assert "stretched" in made.note
    assert "stretched" in made.unit


def test_a_timm_transformer_taken_apart():
    torch.manual_seed(0)
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=(16, 24), patch_size=8, embed_dim=16, depth=3, num_heads=2, num_classes=5
    ).eval()
    picture = torch.randn(1, 3, 16, 24)
    made = explain(model, picture, LeGrad(2))
    pooled = explain(model, picture, LeGrad(2, pooling="mean"))
    kept = []

    def keep(_dropout, args):
        kept.append(args[0])

    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_pre_hook(keep)
    x = model.norm_pre(model._pos_embed(model.patch_embed(picture)))
    layers, layers_of_mean = [], []
    for block in model.blocks:
        x = block(x)
        for scores, into in (
            (model.head(model.norm(x)[:, 0]), layers),
            (model.head(model.norm(x.mean(dim=1))), layers_of_mean),
        ):
            (gradient,) = torch.autograd.grad(scores[0, 2], kept[-1], retain_graph=True)
            into.append(gradient.clamp(min=0)[0].mean(dim=(0, 1))[1:].reshape(2, 3))
    expected = torch.stack(layers).mean(dim=0)
    assert expected.max() > 1e-5
    assert np.allclose(made.values_hw, expected, rtol=1e-4, atol=1e-8)
    assert np.allclose(pooled.values_hw, torch.stack(layers_of_mean).mean(dim=0), rtol=1e-4, atol=1e-8)


def test_a_last_block_that_keeps_the_class_token_alone():
    torch.manual_seed(0)
    short = VisionTransformer(5, width=16, depth=3, heads=2).eval()
    picture = torch.randn(1, 3, 16, 24)
    made = explain(short, picture, LeGrad(1))
    # The same network, but that its last block gives all tokens: its head reads the class token alone, too.
    short.blocks[-1].keeps = None
    assert np.allclose(made.values_hw, explain(short, picture, LeGrad(1)).values_hw, atol=1e-8)


def test_a_hidden_key_counts_as_closed():
    with intervene(chain := Chain(FIRST).eval(), hide=[1]):  # token 1 is the first place
        made = explain(chain, PICTURE.abs(), LeGrad(0))
    assert np.allclose(made.values_hw, [[0.0, 2 / 3]], atol=1e-6)  # x0[2] = 2, over three queries


def test_a_head_of_zeros_is_an_error_and_not_a_blank_map():
    chain = Chain(FIRST).eval()
    nn.init.zeros_(chain.gain)
    with pytest.raises(NothingTracedError, match="head of zeros"):
        explain(chain, PICTURE, LeGrad(0))


def test_unknown_pooling():
    with pytest.raises(ValueRangeError, match='"head" or "mean"; got \'max\''):
        LeGrad(pooling="max")


@pytest.mark.parametrize(
    ("layers", "blocks"),
    [
        (["blocks.0.attn", "blocks.1.attn"], ["blocks.0", "blocks.1"]),
        (["layers.0", "layers.1"], ["layers.0", "layers.1"]),  # the block is the layer that is read
        (["a.layer.9.attn.self", "a.layer.10.attn.self"], ["a.layer.9", "a.layer.10"]),
        (["encoder.layers.2.attn"], ["encoder.layers.2"]),
        (["attn"], ["attn"]),
    ],
)
def test_blocks_by_name(layers, blocks):
    assert blocks_of(layers) == blocks


@pytest.mark.parametrize("layers", [["attn", "attn"], ["s.0.a.attn", "s.0.b.attn", "s.1.a.attn"]])
def test_layers_that_share_a_block(layers):
    with pytest.raises(ShapeError, match="block of its own"):
        blocks_of(layers)


def test_blocks_that_give_no_tokens():
    chain = Chain(FIRST, SECOND).eval()
    chain.blocks[0].register_forward_hook(lambda _m, _a, output: output.transpose(0, 1))
    chain.blocks[1].register_forward_pre_hook(lambda _m, args: (args[0].transpose(0, 1),))
    with pytest.raises(ShapeError, match=r"blocks.0 must give tokens of shape \(1, 3, c\); got \(3, 1, 1\)"):
        explain(chain, PICTURE, LeGrad(0))


@pytest.mark.parametrize(
    ("architecture", "message"), [("aa_resnet", "LeGrad.*beside a convolution"), ("swin", "LeGrad.*within windows")]
)
def test_networks_that_it_does_not_fit(architecture, message):
    with pytest.raises((ShapeError, ValueRangeError), match=message):
        explain(build(architecture, num_classes=3).eval(), torch.randn(1, 3, 32, 64), LeGrad())

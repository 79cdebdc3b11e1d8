"""Chefer, Gur and Wolf's relevance on three tokens, and against matrices that other code writes out.

The chain of `chains.py` on the picture [4, -2], so x0 = [0, 4, -2]:
x1 = x0 + A1 x0 = [0 + 1 - .5, 4 + 2 - .5, -2 + 1 - 1] = [.5, 5.5, -2];
y = x1[class] + A2[class] x1 = .5 + .2 * .5 + .4 * 5.5 - .4 * 2 = 2.
dy/dA2: class row x1, others 0. dy/dx1 = [1 + .2, .4, .4]. dy/dA1: row i is (dy/dx1)[i] times x0.
"""

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import attnviz
from attnviz.errors import NothingTracedError, ShapeError, UnreadableError, ValueRangeError
from attnviz.maps import Relevance, explain
from attnviz.mechanisms import base
from attnviz.mechanisms.multihead_attention import MultiheadAttentionMechanism
from attnviz.models import build
from attnviz.models.vit import VisionTransformer
from attnviz.tracer import intervene
from tests.maps.chains import FIRST, PICTURE, SECOND, Chain


def test_three_tokens_by_hand():
    # relu(grad * A) of layer 2, class row: relu([.1, 2.2, -.8]) = [.1, 2.2, 0].
    # Of layer 1: class row 1.2 * relu([0, 1, -.5]) = [0, 1.2, 0]; row 1: .4 * [0, 2, 0] = [0, .8, 0];
    # row 2: .4 * [0, 1, 0] = [0, .4, 0].
    # Class row of (I + M2): [1.1, 2.2, 0]. Times (I + M1): [1.1, 2.2 + 1.1 * 1.2 + 2.2 * .8, 0] = [1.1, 5.28, 0].
    made = explain(Chain(FIRST, SECOND).eval(), PICTURE, Relevance(0))
    assert np.allclose(made.values_hw, [[5.28, 0.0]], atol=1e-5)
    # The class token keeps .1 beside the identity: .1 of 5.38 is 1.9 %.
    assert made.note == "1.9 % of the relevance goes to the class token and is not drawn"
    assert [site.layer for site in made.sites] == ["blocks.0.attn", "blocks.1.attn"]
    assert (made.target, made.method) == (0, "Relevance(target=0)")


def test_the_other_class_has_a_map_of_its_own():
    # All gradients change sign. Layer 2, class row: [0, 0, .8]. Layer 1: [0, 0, .6], [0, 0, .2], [0, 0, .4].
    # [1, 0, .8] times (I + M1): [1, 0, .8 + .6 + .8 * .4] = [1, 0, 1.72].
    made = explain(Chain(FIRST, SECOND).eval(), PICTURE, Relevance(1))
    assert np.allclose(made.values_hw, [[0.0, 1.72]], atol=1e-5)


def test_without_a_target_the_top_class_is_shown():
    made = explain(Chain(FIRST, SECOND).eval(), PICTURE, Relevance())
    assert made.target == 0  # y = 2 against -2
    assert "top-1" in made.meaning


def test_the_positive_part_is_taken_of_each_head():
    # Two heads read the picture [4, -2] and [-1, 3]; all weights are .25 on the places. The class score is the sum.
    # Mean over heads of relu: [(1 + 0) / 2, (0 + .75) / 2]. The relu of the mean would be [.375, .125].
    picture = torch.tensor([[[[4.0, -2.0]], [[-1.0, 3.0]]]])
    made = explain(Chain([FIRST, FIRST]).eval(), picture, Relevance(0))
    assert np.allclose(made.values_hw, [[0.5, 0.375]], atol=1e-6)


def test_without_a_class_token_the_average_place_is_followed_less_what_it_began_with():
    # x0 = [4, -2], y = mean of x0 + A x0, dy/dA[i, j] = x0[j] / 2. M = [[.75 * 2, 0], [.5 * 2, 0]].
    # [.5 .5] M = [1.25, 0]; the identity's [.5 .5] is not drawn.
    chain = Chain([[0.75, 0.25], [0.5, 0.5]], class_token=False).eval()
    made = explain(chain, PICTURE, Relevance(0))
    assert np.allclose(made.values_hw, [[1.25, 0.0]], atol=1e-6)
    assert "from the average place" in made.meaning


def test_attention_that_only_lowers_the_score_has_no_relevance():
    # x0 = [0, -4, -2]: every gradient of class 0 is negative, and that is an answer, not a failure.
    made = explain(Chain(FIRST).eval(), -PICTURE.abs(), Relevance(0))
    assert np.array_equal(made.values_hw, [[0.0, 0.0]])


def chefer(matrices, gradients):
    """R <- R + E_h[relu(grad * A)] R with the whole matrix, from the first layer to the last."""
    whole = torch.eye(matrices[0].shape[-1])
    for matrix, gradient in zip(matrices, gradients, strict=True):
        whole = whole + (matrix * gradient).clamp(min=0)[0].mean(dim=0) @ whole
    return whole


def test_a_timm_transformer_against_its_own_unfused_matrices():
    torch.manual_seed(0)
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=(16, 24), patch_size=8, embed_dim=16, depth=3, num_heads=2, num_classes=5
    ).eval()
    picture = torch.randn(1, 3, 16, 24)
    made = explain(model, picture, Relevance(2))  # fused, as it is built
    kept = []

    def keep(_dropout, args):
        args[0].retain_grad()
        kept.append(args[0])

    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_pre_hook(keep)
    model(picture)[0, 2].backward()
    expected = chefer([one.detach() for one in kept], [one.grad for one in kept])[0, 1:].reshape(2, 3)
    assert expected.max() > 1e-4
    assert np.allclose(made.values_hw, expected, rtol=1e-4, atol=1e-7)


class Encoder(nn.Module):
    """PyTorch's own encoder, which has a fused path of its own."""

    prefix = ("class",)

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        for each in self.encoder.layers:
            nn.init.normal_(each.self_attn.in_proj_weight)
        self.head = nn.Linear(8, 5)

    def grid_of(self, input_hw):
        return input_hw[0] // 8, input_hw[1] // 8

    def forward(self, x):
        patches = self.patches(x).flatten(2).transpose(1, 2)
        return self.head(self.encoder(torch.cat([torch.ones(len(x), 1, 8), patches], dim=1))[:, 0])


def with_multihead_attention(name):
    torch.manual_seed(0)
    if name == "torchvision":
        model = torchvision.models.VisionTransformer(16, 8, 2, 2, 8, 16, num_classes=5)
        nn.init.normal_(model.heads.head.weight)
        return model.eval(), torch.randn(1, 3, 16, 16)
    if name == "encoder":
        return Encoder().eval(), torch.randn(1, 3, 16, 24)
    return VisionTransformer(5, width=16, depth=3, heads=2).eval(), torch.randn(1, 3, 16, 24)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", ["torchvision", "encoder", "ours"])
def test_multihead_attention_against_the_formula_written_out(monkeypatch, name, frozen):
    model, picture = with_multihead_attention(name)
    model.requires_grad_(not frozen)
    made = explain(model, picture, Relevance(2))
    kept = []

    def written_out(self, x, _key, _value, **_):
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        q, k, v = (one.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for one in (q, k, v))
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1)
        weights.retain_grad()
        kept.append(weights)
        return self.out_proj((weights @ v).transpose(1, 2).flatten(2)), None

    monkeypatch.setattr(nn.MultiheadAttention, "forward", written_out)
    model.requires_grad_()
    model(picture)[0, 2].backward()
    expected = chefer([one.detach() for one in kept], [one.grad for one in kept])[0, 1:].reshape(made.grid_hw)
    assert expected.max() > 1e-5
    assert np.allclose(made.values_hw, expected, rtol=1e-4, atol=1e-7)


def test_what_intervene_hides_has_no_relevance():
    chain = Chain(FIRST, SECOND).eval()
    with intervene(chain, hide=[1]):  # token 1 is the first place
        made = explain(chain, PICTURE.abs(), Relevance(0))
    assert made.values_hw[0, 0] == 0
    assert made.values_hw[0, 1] > 0
    assert made.edits
    # Its class row of layer 1 alone: .25 of .75 is left for place 2, a third.
    with intervene(one := Chain(FIRST).eval(), hide=[1]):
        assert np.allclose(explain(one, PICTURE.abs(), Relevance(0)).values_hw, [[0.0, 2 / 3]], atol=1e-6)


def test_a_network_that_does_not_follow_from_its_attention_is_refused(monkeypatch):
    honest = MultiheadAttentionMechanism.replay
    monkeypatch.setattr(MultiheadAttentionMechanism, "replay", lambda *args: 2 * honest(*args))
    with pytest.raises(ValueRangeError, match=r"same scores.*verify=True"):
        explain(Chain(FIRST).eval(), PICTURE, Relevance())


def test_a_head_of_zeros_is_an_error_and_not_a_blank_map():
    chain = Chain(FIRST).eval()
    nn.init.zeros_(chain.gain)
    with pytest.raises(NothingTracedError, match="head of zeros"):
        explain(chain, PICTURE, Relevance(0))


def test_attention_that_cannot_be_read_would_be_missing(monkeypatch):
    class Odd(nn.Identity):
        pass

    monkeypatch.setitem(base._REFUSED, f"{Odd.__module__}.{Odd.__qualname__}", "it is odd.")
    chain = Chain(FIRST).eval()
    chain.odd = Odd().eval()
    with pytest.raises(UnreadableError, match=r"all attention.*odd: it is odd\."):
        explain(chain, PICTURE, Relevance())


@pytest.mark.parametrize(
    ("architecture", "error", "message"),
    [
        ("se_resnet", NothingTracedError, "SelfAttention"),
        ("aa_resnet", ValueRangeError, "beside a convolution"),
        ("swin", ShapeError, "within windows"),
    ],
)
def test_networks_that_it_does_not_fit(architecture, error, message):
    model = build(architecture, num_classes=3).eval()
    picture = torch.randn(1, 3, 32, 64)
    with pytest.raises(error, match=message):
        explain(model, picture, Relevance())
    assert not Relevance.fits(attnviz.trace(model, picture).records)

"""Networks of timm, one and more of each family, traced as their users would."""

import pytest
import torch

from attnviz.errors import NothingTracedError, UnreadableError
from attnviz.records import SelfAttention
from attnviz.tracer import trace
from benchmarks.timm_sweep import NETWORKS, WITHOUT_ATTENTION, build

SLOW = {
    "caformer_s18",
    "halonet26t",
    "lamhalobotnet50ts_256",
    "maxvit_rmlp_pico_rw_256",
    "mvitv2_small_cls",
    "mvitv2_tiny",
    "nest_tiny",
    "nextvit_small",
    "resnet50_clip",
    "vit_small_r26_s32_224",
    "volo_d1_224",
}
"""Names that take seconds each; the sweep covers them, and so do the slow tests."""

REFUSED = {
    "resnest14d": "its branches against each other",
    "skresnet18": "its branches against each other",
    "coat_tiny": "before the queries come",
    "edgenext_xx_small": "channels against channels",
    "efficientvit_b0": "before the queries come",
    "hiera_tiny_224": "nested squares",
    "lambda_resnet26t": "before the queries come",
    "mobilevitv2_050": "spreads their sum",
    "nextvit_small": "runs of places",
    "swiftformer_xs": "spreads their sum",
}
"""Networks of which nothing is read, and words of the reason. All others must be read."""

PARTLY = {
    "cait_xxs24_224": "mixed after the softmax",
    "convit_tiny": "two softmax matrices",
    "davit_tiny": "channels against channels",
    "lamhalobotnet50ts_256": "before the queries come",
    "efficientformerv2_s0": "mixed after the softmax",
    "volo_d1_224": "neighbours of each place",
    "xcit_nano_12_p16_224": "channels against channels",
}
"""Networks of which some layers are read, and words of the reason why others are not."""


def names() -> list[object]:
    return [
        pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
        for name in NETWORKS
        if name not in WITHOUT_ATTENTION
    ]


def test_at_least_forty_networks_are_traced_in_each_run() -> None:
    assert len(set(NETWORKS) - SLOW - set(WITHOUT_ATTENTION)) >= 40


@pytest.mark.parametrize("name", names())
def test_all_that_is_read_is_proven_and_all_else_is_named(name: str) -> None:
    model, picture = build(name)
    if name in REFUSED:
        with pytest.raises(UnreadableError, match=REFUSED[name]):
            trace(model, picture, verify=True)
        return
    result = trace(model, picture, verify=True)
    assert result.records
    assert result.unproven == ()
    assert result.not_run == ()
    if name in PARTLY:
        assert any(PARTLY[name] in why for why in result.unread.values())
    else:
        assert result.unread == {}
    for record in result.records:
        if isinstance(record, SelfAttention):
            queries = record.query_tokens or record.tokens  # reading it raises where nobody knows the grid
            assert record.queries.shape[2] == queries.tokens
            assert record.keys.shape[:3:2] == (record.tokens.windows, record.tokens.tokens)


@pytest.mark.parametrize("name", WITHOUT_ATTENTION)
def test_networks_without_attention_are_not_called_unreadable(name: str) -> None:
    model, picture = build(name)
    with pytest.raises(NothingTracedError, match="no known attention layer") as caught:
        trace(model, picture)
    assert not isinstance(caught.value, UnreadableError)


@pytest.mark.parametrize(
    ("name", "grid_hw", "prefix"),
    [
        ("deit_tiny_distilled_patch16_224", (4, 6), ("class", "distillation")),
        ("vit_small_patch14_reg4_dinov2", (4, 6), ("class", *(f"register {number}" for number in range(1, 5)))),
        ("vit_base_patch16_siglip_224", (4, 6), ()),
        ("vit_relpos_small_patch16_224", (4, 6), ()),
        ("eva02_tiny_patch14_224", (4, 6), ("class",)),
        ("beit_base_patch16_224", (4, 6), ("class",)),
    ],
)
def test_tokens_of_a_picture_that_is_not_square(name: str, grid_hw: tuple[int, int], prefix: tuple[str, ...]) -> None:
    model, picture = build(name)
    tokens = trace(model, picture).of(SelfAttention)[0].tokens
    assert (tokens.grid_hw, tokens.prefix_names) == (grid_hw, prefix)


def test_the_query_of_a_patch_finds_its_own_keys() -> None:
    # A picture that is dark but for one patch: the tokens of all dark patches are equal but for their position, and
    # without positions they get equal weight from each query.
    model, picture = build("vit_tiny_patch16_224")
    with torch.no_grad():
        model.pos_embed.zero_()
    picture.zero_()
    picture[..., 16:32, 48:64] = 1.0
    record = trace(model, picture).of(SelfAttention)[0]
    weights = record.weights()[0]
    window, lit = record.tokens.index_of(1, 3)
    assert window == 0
    dark = [token for token in range(1, 25) if token != lit]
    torch.testing.assert_close(weights[..., dark], weights[..., dark[:1]].expand(-1, -1, len(dark)))
    assert (weights[..., lit] - weights[..., dark[0]]).abs().max() > 1e-3

"""How networks of timm say where their tokens lie."""

from types import SimpleNamespace

import pytest
from torch import nn

from attnviz.records import TokenGrid
from attnviz.records.token_layouts import TokenLayout, token_grid, token_layouts


def create_model(name: str, **options: object) -> nn.Module:
    """A network of timm, which must be imported after attnviz: that cures torchvision's missing operators."""
    import timm

    return timm.create_model(name, **options)


def grid(model: nn.Module, layer: str, count: int, input_hw: tuple[int, int]) -> TokenGrid | None:
    return token_grid(token_layouts(model, layer, count, input_hw), count)


def test_stages_of_pit_lie_on_grids_that_shrink() -> None:
    model = create_model("pit_ti_distilled_224", img_size=96, depth=(1, 1, 1))
    # Patches of 16 every 8 px: (96 - 16) / 8 + 1 = 11. Each pool has kernel 3, padding 1, stride 2: 11, 6, 3.
    for stage, side in enumerate((11, 6, 3)):
        tokens = grid(model, f"transformers.{stage}.blocks.0.attn", side**2 + 2, (96, 96))
        assert tokens == TokenGrid.whole((side, side), 2, ("class", "distillation"))


def test_each_branch_of_crossvit_has_its_grid() -> None:
    model = create_model("crossvit_tiny_240", depth=[[1, 1, 0]])
    # The first branch sees 240 px in patches of 12, the second one 224 px in patches of 16.
    for side in (20, 14):
        tokens = grid(model, "blocks.0.blocks.0.0.attn", side**2 + 1, (240, 240))
        assert tokens == TokenGrid.whole((side, side), 1)


def test_the_pixels_inside_patches_of_tnt_are_windows() -> None:
    model = create_model("tnt_s_legacy_patch16_224", img_size=(48, 80), depth=1)
    # 3 x 5 patches and a class token are as many tokens as the 4 x 4 pixels of a patch.
    assert grid(model, "blocks.0.attn_out", 16, (48, 80)) == TokenGrid.whole((3, 5), 1)
    assert grid(model, "blocks.0.attn_in", 16, (48, 80)) == TokenGrid((12, 20), (4, 4))


def test_xcit_rounds_up() -> None:
    model = create_model("xcit_nano_12_p16_224", img_size=64, depth=1)
    # Four convolutions of stride 2 with padding: 50, 25, 13, 7, 4 rows.
    assert grid(model, "cls_attn_blocks.0.attn", 4 * 6 + 1, (50, 96)) == TokenGrid.whole((4, 6), 1)


def test_naflex_takes_pictures_of_any_shape() -> None:
    model = create_model("naflexvit_base_patch16_gap", depth=1, embed_dim=96, num_heads=3)
    registers = tuple(f"register {number}" for number in range(1, model.num_prefix_tokens + 1))
    tokens = grid(model, "blocks.0.attn", 2 * 7 + len(registers), (32, 112))
    assert tokens == TokenGrid.whole((2, 7), len(registers), registers)


@pytest.mark.parametrize(
    ("layer", "count", "expected"),
    [
        # the special word goes first
        ("blocks.3.inner", 6, TokenGrid((4, 6), (2, 3))),
        # other layers do not hear it
        ("blocks.3.outer", 6, None),
        ("blocks.3.outer", 24, TokenGrid.whole((4, 6))),
        # one token more than the grid and no name for it
        ("blocks.3.outer", 25, None),
    ],
)
def test_layouts_of_single_layers(layer: str, count: int, expected: TokenGrid | None) -> None:
    inner = TokenLayout((4, 6), (), (2, 3), only="inner")
    assert token_grid(TokenLayout((4, 6), (), elsewhere=(inner,)).of(layer), count) == expected


def test_a_network_that_only_has_the_name_of_a_family_is_asked_as_any_other() -> None:
    class Xcit(nn.Module):
        patch_embed = SimpleNamespace(patch_size=16)

    assert grid(Xcit(), "attn", 7, (50, 96)) is None

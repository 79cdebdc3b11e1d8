"""What is said of a walk."""

import pytest

from attnviz.walking.words import finding, health_words, layer_words, percent, place_name, short_name
from tests.render.walks import attention, channel, feature_mask, spatial, walk_of


def said(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_one_layer_that_changes_most_and_tells_apart_most():
    walk = walk_of(channel((0.9,) * 4, "layer1.attention"), channel((1.0, 1.0, 0.0, 0.0), "layer2.attention"))
    # FEATURES are 1..24: squares of 13..24 are 4250 of 4900 in all. sqrt(4250 / 4900) = 0.931; c = 650 / 4900 = 0.1327;
    # told apart: sqrt(0.8673 - (1 - 0.1327)^2) = sqrt(0.8673 - 0.7523) = 0.339
    assert (
        said(finding(walk))
        == "toy changes features most in layer2: by 93 % of their size, and tells them apart by 34 %."
    )


def test_gates_that_all_halve_everything():
    walk = walk_of(channel((0.5,) * 4, "layer1.attention"), channel((0.5, 0.5, 0.5, 0.51), "layer2.attention"))
    text = said(finding(walk))
    # the last channel, 19..24, has 2791 of 4900: 0.01 * sqrt(0.5696 * 0.4304) = 0.00495
    assert text.startswith("toy tells features apart most in layer2, by 0.5 % of their size, next to nothing;")
    assert text.endswith("by the size of the change no layer stands out, the largest is 50 %.")


def test_a_large_change_that_is_one_common_factor():
    walk = walk_of(channel((0.1,) * 4, "layer1.attention"), channel((1.0, 0.9, 0.8, 0.7), "layer2.attention"))
    assert said(finding(walk)).endswith("; the largest change, 90 % in layer1, is nearly all one common factor.")


def test_open_and_flat_gates():
    assert finding(walk_of(channel((1.0,) * 4))) == "No gate of toy changes any feature on this picture."
    assert "treats all of them alike everywhere" in finding(walk_of(channel((0.5,) * 4)))


def test_self_attention():
    walk = walk_of(attention(), attention("blocks.1.attn", heads=1))
    assert said(finding(walk)).startswith("toy attends most narrowly in blocks.1: ")
    assert "2 heads, entropy" in layer_words(walk.layers[0])
    assert "1 head, entropy" in layer_words(walk.layers[1])


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (
            channel((0.5,) * 4),
            "Flagged: flat. Its factors hardly differ (all 0.5): it treats all channels nearly alike.",
        ),
        (spatial(((0.5,) * 3,) * 2), "it treats all places nearly alike."),
        (channel((0.0, 0.01, 0.02, 1.0)), "Flagged: saturated at both ends. 100 % of its factors lie at an end"),
        (channel(), "Nothing flagged: the channel gate's factors run from 0 to 0.9 on this picture."),
        (feature_mask(), "Nothing flagged: the feature mask's factors run from 1 to 2 on this picture."),
    ],
)
def test_health_in_plain_words(record, words):
    (layer,) = walk_of(record).layers
    assert words in said(health_words(layer.gates[0]))


def test_names_of_layers():
    (layer,) = walk_of(channel(layer="layer4.1.attention")).layers
    assert place_name(layer) == "layer4.1"
    (itself,) = walk_of(channel(layer="")).layers
    assert place_name(itself) == "the network itself"


def test_long_names_lose_what_they_all_begin_with():
    walk = walk_of(*(channel(layer=f"features.{stage}.0.block.2") for stage in (1, 2)))
    assert [short_name(walk, layer) for layer in walk.layers] == ["1.0.block.2", "2.0.block.2"]
    short = walk_of(channel(layer="blocks.0"), channel(layer="blocks.1"))
    assert [short_name(short, layer) for layer in short.layers] == ["blocks.0", "blocks.1"]
    alone = walk_of(channel(layer="features.1.0.block.2"))
    assert short_name(alone, alone.layers[0]) == "features.1.0.block.2"


def test_small_shares_are_not_nothing():
    assert [said(percent(share)) for share in (0, 0.0002, 0.012, 0.0994, 0.5)] == [
        "0.0 %",
        "under 0.1 %",
        "1.2 %",
        "9.9 %",
        "50 %",
    ]

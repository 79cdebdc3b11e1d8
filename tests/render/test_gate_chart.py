"""Charts of gates show the numbers they were given, and their sentences say them."""

import numpy as np
import pytest

from attnviz.errors import ValueRangeError
from attnviz.gate_effect import REST, ChannelSelectivity, GateEffect
from attnviz.records import Site
from attnviz.render.gate_chart import (
    moved_chart,
    moved_chart_alt,
    moved_sentence,
    moved_summary,
    selectivity_chart,
    selectivity_chart_alt,
)


def effect(after, before=(0.5, 0.3, 0.2), layer="layer4.1.attention", flat=False, gate="spatial gate", **site):
    names = ("dog", "grass", REST)
    shares = [dict(zip(names, values, strict=True)) for values in (before, after)]
    return GateEffect(
        site=Site(layer, 0, "cbam.spatial", **site),
        gate=gate,
        before=shares[0],
        after=shares[1],
        areas=dict.fromkeys(names, 1 / 3),
        kept=0.25,
        flat=flat,
    )


def words(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


TO_THE_DOG = effect((0.54, 0.26, 0.2))
NOTHING = effect((0.5002, 0.2998, 0.2), layer="layer1.0.attention", gate="channel gate")


class TestSentence:
    def test_from_one_region_to_another(self):
        said = words(moved_sentence(TO_THE_DOG))
        assert said == "In layer4.1, the spatial gate moved 4.0 points of energy from the grass to the dog."

    def test_several_givers_each_with_its_part(self):
        said = words(moved_sentence(effect((0.54, 0.27, 0.19))))
        assert said.endswith("4.0 points of energy from the grass (−3.0) and the rest (−1.0) to the dog.")

    def test_a_flat_gate(self):
        assert "is flat, so it moved nothing." in moved_sentence(effect((0.5, 0.3, 0.2), flat=True))

    def test_next_to_nothing(self):
        assert "next to nothing: under 0.1 points" in moved_sentence(NOTHING)

    def test_a_changed_or_unproven_gate_says_so(self):
        said = moved_sentence(effect((0.54, 0.26, 0.2), proven=False, edit="gate at its mean"))
        assert said.endswith("(unproven; gate at its mean).")

    def test_the_summary_is_about_the_gate_that_moved_most(self):
        said = words(moved_summary([NOTHING, TO_THE_DOG]))
        assert said.startswith("In layer4.1, the spatial gate moved 4.0 points")
        assert said.endswith("The share on the dog went from 50.0 % to 54.0 %.")
        assert "No gate moved" in moved_summary([NOTHING])


class TestMovedChart:
    def test_a_bar_for_each_part_of_each_gate(self):
        figure = moved_chart([NOTHING, TO_THE_DOG])
        bars = {bar.name: bar for bar in figure.data}
        assert list(bars) == ["the dog", "the grass", "the rest"]
        assert bars["the dog"].x == pytest.approx([0.02, 4.0])
        assert bars["the grass"].x == pytest.approx([-0.02, -4.0])
        assert bars["the rest"].x == pytest.approx([0, 0])
        rows = ["layer1.0, channel gate", "layer4.1, spatial gate"]
        assert list(bars["the dog"].y) == rows
        assert list(figure.layout.yaxis.categoryarray) == rows[::-1]  # the first gate on top
        assert {note.y: note.text for note in figure.layout.annotations if note.y in rows} == dict(
            zip(rows, ("0.0", "4.0"), strict=True)
        )

    def test_next_to_nothing_is_not_blown_up(self):
        low, high = moved_chart([NOTHING]).layout.xaxis.range
        assert low == -high
        assert high >= 1.0

    def test_regions_keep_their_colours(self):
        figure = moved_chart([TO_THE_DOG], numbers=[1, 0])
        swapped = moved_chart([TO_THE_DOG])
        assert figure.data[0].marker.color == swapped.data[1].marker.color
        assert figure.data[2].marker.color == swapped.data[2].marker.color  # the rest has its own

    def test_in_words(self):
        said = words(moved_chart_alt([NOTHING, TO_THE_DOG]))
        assert "layer1.0, the channel gate moved next to nothing" in said
        assert "4.0 points of energy from the grass to the dog" in said

    def test_refused(self):
        with pytest.raises(ValueRangeError, match="at least one gate's; got none"):
            moved_chart([])
        other = GateEffect(TO_THE_DOG.site, "spatial gate", {"cat": 1.0}, {"cat": 1.0}, {"cat": 1.0}, 1.0, False)
        with pytest.raises(ValueRangeError, match="of the same regions"):
            moved_chart([TO_THE_DOG, other])


def selectivity(correlation=0.6, p_value=0.001, weights=(0.9, 0.7, 0.5, 0.1, 0.3)):
    return ChannelSelectivity(
        site=Site("layer4.1.attention", 0, "se"),
        region="dog",
        against="grass",
        selectivity=np.array([1.0, 0.5, -0.5, -1.0, np.nan]),
        weights=np.array(weights),
        energy=np.array([0.1, 0.4, 0.2, 0.2, 0.1]),
        correlation=correlation,
        by_chance=None if correlation is None else (-0.3, 0.3),
        p_value=None if correlation is None else p_value,
    )


class TestSelectivityChart:
    def test_a_point_for_each_channel_that_prefers_something(self):
        dog, grass = selectivity_chart(selectivity()).data
        assert (list(dog.x), list(dog.y)) == ([1.0, 0.5], [0.9, 0.7])
        assert (list(grass.x), list(grass.y)) == ([-0.5, -1.0], [0.5, 0.1])
        assert dog.name == "2 prefer the dog, mean weight 0.800"
        assert grass.name == "2 prefer the grass, mean weight 0.300"
        assert dog.marker.color != grass.marker.color
        # Area stands for energy: four times the energy, twice the diameter.
        assert dog.marker.size[1] == pytest.approx(2 * dog.marker.size[0])

    def test_the_title_says_what_was_found(self):
        def title(found):
            return selectivity_chart(found).layout.title.text.replace("<br>", " ")

        assert "turned up channels that prefer the dog over those that prefer the grass" in title(selectivity())
        assert "prefer the grass over those that prefer the dog" in title(selectivity(-0.6))
        unclear = title(selectivity(0.1, 0.4))
        assert "made no clear difference between channels that prefer the dog and the grass." in unclear
        assert "all channels have one weight" in title(selectivity(None, weights=[0.5] * 5))
        assert "Rank correlation +0.60; chance gives −0.30 to +0.30." in title(selectivity())

    def test_weights_that_hardly_differ(self):
        found = selectivity(0.1, 0.4, weights=(0.5, 0.51, 0.505, 0.5, 0.5))
        assert "hardly differ: 0.500 to 0.510" in selectivity_chart_alt(found)
        low, high = selectivity_chart(found).layout.yaxis.range
        assert high - low >= 0.2

    def test_in_words(self):
        said = selectivity_chart_alt(selectivity())
        assert "2 channels prefer the dog, with a mean weight of 0.800; 2 channels prefer the grass" in said

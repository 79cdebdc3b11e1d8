"""One network pinned as the reference: the others are shown as their difference to it."""

from collections.abc import Mapping
from dataclasses import replace

from attnviz.errors import AttnvizError
from attnviz.focus import BY, Difference, differences
from attnviz.focus.difference import By
from attnviz.maps import AttentionMap
from dashboard.service import Answers, Reading
from dashboard.state import Selection

HIGHER_AND_LOWER = "Orange: the network's map is higher there than that of {reference}; purple: lower."


def against(answers: Answers, reference: str, by: By) -> Answers:
    """The answers with each map less that of the reference network, which keeps its own.

    Maps that have no difference, such as signed ones, give way to the reason. Without a map of the reference nothing
    changes. The scores stay those of the maps themselves.
    """
    maps = {reading.title: reading.attention_map for reading in answers.readings}
    if reference not in maps:
        return answers
    found, refused = _possible(maps, reference, by)
    readings = tuple(
        _shown(reading, found.get(reading.title))
        for reading in answers.readings
        if reading.title in found or reading.title == reference
    )
    return replace(answers, readings=readings, missing={**answers.missing, **refused})


def with_signs(selection: Selection) -> Selection:
    """The same choices with a scale that keeps the sign of a difference: ranks of its cells have none."""
    return replace(selection, scale="per map") if selection.scale == "rank" else selection


def notes(reference: str, by: By) -> list[str]:
    """How to read the differences."""
    return [
        f"{reference} is the reference: its panel shows its own map, the others what they have more or less of. "
        f"{HIGHER_AND_LOWER.format(reference=reference)} Only the part of the picture that all networks saw counts.",
        f"A difference counts {BY[by]}.",
        "How far two maps are apart: the share of one that would have to move to give the other. At 0 % they lie "
        "alike, at 100 % they nowhere overlap. A coarse grid and a fine one are never quite alike.",
    ]


def _possible(maps: Mapping[str, AttentionMap], reference: str, by: By) -> tuple[dict[str, Difference], dict[str, str]]:
    """The differences to be had, over what all their networks saw, and why the others are not."""
    kept, refused = {reference: maps[reference]}, {}
    for title, one in maps.items():
        if title == reference:
            continue
        try:
            differences({reference: maps[reference], title: one}, reference, by=by)
            kept[title] = one
        except AttnvizError as error:
            refused[title] = str(error)
    return (differences(kept, reference, by=by) if len(kept) > 1 else {}), refused


def _shown(reading: Reading, difference: Difference | None) -> Reading:
    if difference is None:
        return reading
    # without its choice no file claims that the command line makes this map again
    return replace(
        reading,
        title=f"{reading.title} less {difference.reference}",
        attention_map=difference.attention_map,
        what=f"difference of: {reading.what}",
        choice=None,
    )

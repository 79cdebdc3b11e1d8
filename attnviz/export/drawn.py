"""What the still charts share: how they look, and what must be told of the picture and the networks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from attnviz._version import __version__
from attnviz.export.figure_source import Json
from attnviz.maps import AttentionMap
from attnviz.records import Site
from attnviz.render import MEANINGLESS, NOT_EXPLANATION, SLIDE_IN, UNPROVEN
from attnviz.render.columns import layers_of


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawn:
    """How a still chart looks.

    Attributes:
        heading: a line across the top; None takes the finding, or what is shown; an empty one leaves it out.
        size: width and height in inches, see `attnviz.render.SIZES`. On paper the height grows with the rows.
        theme: "light" or "dark".
        transparent: leave the background out.
    """

    heading: str | None = None
    size: tuple[float, float] = SLIDE_IN
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False


class Shown(Protocol):
    """What a figure must know of a picture whose pixels it does not draw; a `Picture` is one."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def sha256(self) -> str:
        """Of the file."""

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width in pixels."""


def origin(pictures: Iterable[Shown], weights: Mapping[str, str]) -> dict[str, Json]:
    """The library's version, the pictures and the networks as a figure's provenance tells them.

    Args:
        pictures: at least one; what was shown to the networks.
        weights: which weights each network has, such as their sha256, by its title.
    """
    shown: list[Json] = [
        {"name": one.name, "sha256": one.sha256, "height": int(one.hw[0]), "width": int(one.hw[1])} for one in pictures
    ]
    return {
        "attnviz": __version__,
        **({"picture": shown[0]} if len(shown) == 1 else {"pictures": shown}),
        "networks": {**weights},
        "note": NOT_EXPLANATION,
    }


def map_facts(attention_map: AttentionMap) -> dict[str, Json]:
    """What was scored or tested: method, layers, meaning, unit and range of a map."""
    return {
        "method": attention_map.method,
        "layers": list(dict.fromkeys(site.layer for site in attention_map.sites)),
        "meaning": attention_map.meaning,
        "unit": attention_map.unit,
        "range": list(attention_map.value_range),
        "grid": list(attention_map.grid_hw),
        "target": attention_map.target,
        "proof": attention_map.proof,
        "intervention": list(attention_map.edits),
        "untrained": attention_map.untrained,
        "remark": attention_map.note,
    }


def mark_of(attention_map: AttentionMap) -> str:
    """What must stand beside a network's name: untrained, unproven, changed; empty for nothing."""
    told = (
        attention_map.untrained,
        "unproven" if attention_map.proof == "unproven" else "",
        "intervention" if attention_map.edits else "",
    )
    return ", ".join(word for word in told if word)


def map_notes(maps: Mapping[str, AttentionMap]) -> list[str]:
    """What the maps mean, in which units, of which layers, and what must be said of them."""
    meanings: dict[str, list[str]] = {}
    layers: dict[str, list[str]] = {}
    for title, one in maps.items():
        meanings.setdefault("; ".join(filter(None, (one.meaning, one.note))), []).append(title)
        layers.setdefault(layers_of(one), []).append(title)
    said = [
        f"Maps: {meaning}." if len(meanings) == 1 else f"{', '.join(titles)}: {meaning}."
        for meaning, titles in meanings.items()
    ]
    units = " and ".join(dict.fromkeys(one.unit for one in maps.values()))
    places = "; ".join(f"{layer} ({', '.join(titles)})" for layer, titles in layers.items())
    said.append(f"Unit of the maps: {units}. Layers: {places}.")
    for title, one in maps.items():
        if one.untrained:
            said.append(f"{title}: {one.untrained}; {MEANINGLESS}.")
        if one.proof == "unproven":
            said.append(f"{title} is {UNPROVEN}.")
        if one.edits:
            said.append(f"{title} ran with its attention changed: {', '.join(one.edits)}.")
    return said


def site_notes(title: str, sites: Iterable[Site]) -> list[str]:
    """What must be said of gates that are untrained, unproven or changed."""
    told: list[str] = []
    for site in sites:
        if site.untrained:
            told.append(f"{title}: {site.untrained}; {MEANINGLESS}.")
        if site.proven is False:
            told.append(f"{title}, {site.layer or 'the model itself'}: {UNPROVEN}.")
        if site.edit:
            told.append(f"{title} ran with its attention changed: {site.edit}.")
    return list(dict.fromkeys(told))

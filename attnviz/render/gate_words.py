"""What gates did, in words, and the numbers and colours that its charts and figures share."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from attnviz.errors import ValueRangeError
from attnviz.gate_effect import REST, ChannelSelectivity, GateEffect
from attnviz.maps.base import FLAT_BELOW
from attnviz.records import Site
from attnviz.render.panel import the
from attnviz.render.region_colours import region_colour

REST_COLOUR = "#808080"
LEAST_POINTS = 1.0
"""The axis reaches at least this many points, so that moves of next to nothing look like nothing."""

LEAST_WEIGHTS = 0.2
"""The axis of weights spans at least this much, so that a gate that is nearly flat looks flat."""

SAID_FROM = 0.0005
"""Moves below a twentieth of a point round to 0.0 and are not named."""

MOVED_AXIS = "\N{LEFTWARDS ARROW} lost    % of the layer's energy    gained \N{RIGHTWARDS ARROW}"
PREFERENCE_AXIS = "where the channel is active (energy per area)"
WEIGHT_AXIS = "weight that the gate gave it"
PREFERENCE_TICKS = (-1.0, -0.5, 0.0, 0.5, 1.0)

_CLEAR_BELOW = 0.05
_NO_BREAK = "\N{NO-BREAK SPACE}"


def gate_name(effect: GateEffect) -> str:
    """Which gate of which layer, such as "layer4.1, spatial gate", with what must be said of it."""
    return f"{layer_name(effect.site)}, {effect.gate}{remarks(effect.site)}"


def moved_sentence(effect: GateEffect) -> str:
    """What one gate moved, in one sentence, such as "In layer4.1, the spatial gate moved 4.0 points of energy ..."."""
    start = f"In {layer_name(effect.site)}, the {effect.gate}"
    if effect.flat:
        return f"{start} is flat, so it moved nothing{remarks(effect.site)}."
    gains = {name: change for name, change in effect.moved.items() if change >= SAID_FROM}
    losses = {name: change for name, change in effect.moved.items() if change <= -SAID_FROM}
    if not gains or not losses:
        return f"{start} moved next to nothing: under 0.1 points of energy{remarks(effect.site)}."
    points = f"{100 * effect.total_moved:.1f}{_NO_BREAK}points of energy"
    return f"{start} moved {points} from {places_by_change(losses)} to {places_by_change(gains)}{remarks(effect.site)}."


def moved_summary(effects: Sequence[GateEffect]) -> str:
    """The sentence of the gate that moved most, with where the energy was before and after.

    Raises:
        ValueRangeError: there is no effect.
    """
    most = moved_most(effects)
    first = next(iter(most.before))
    if most.total_moved < SAID_FROM:
        return "No gate moved as much as 0.1 points of energy: they hardly told places apart."
    before, after = tenths(most.before[first]), tenths(most.after[first])
    return f"{moved_sentence(most)} The share on {the(first)} went from {before} to {after}."


def selectivity_summary(found: ChannelSelectivity) -> str:
    """Whether a gate turned up the channels that prefer the region, in one or two sentences."""
    start = f"In {layer_name(found.site)}"
    one, other = place(found.region), place(found.against)
    if found.correlation is None or found.by_chance is None or found.p_value is None:
        why = "too few channels" if np.unique(found.weights).size > 1 else "all channels have one weight"
        return f"{start}, the gate has no preference between {one} and {other}: {why}{remarks(found.site)}."
    low, high = found.by_chance
    numbers = f"Rank correlation {signed(found.correlation, 2)}; chance gives {signed(low, 2)} to {signed(high, 2)}."
    weakest, strongest = float(found.weights.min()), float(found.weights.max())
    if strongest - weakest <= FLAT_BELOW * max(abs(weakest), abs(strongest)):
        numbers += f" Its weights hardly differ: {weakest:.3f} to {strongest:.3f}."
    if found.p_value >= _CLEAR_BELOW:
        said = f"{start}, the gate made no clear difference between channels that prefer {one} and {other}"
    else:
        up, down = (one, other) if found.correlation > 0 else (other, one)
        said = f"{start}, the gate turned up channels that prefer {up} over those that prefer {down}"
    return f"{said}{remarks(found.site)}. {numbers}"


def tenths(share: float) -> str:
    """A share in percent with one digit more than usual: whole ones may differ by 1 where next to nothing moved."""
    return f"{100 * share:.1f}{_NO_BREAK}%"


def moved_most(effects: Sequence[GateEffect]) -> GateEffect:
    """The effect of the gate that moved most energy."""
    if not effects:
        raise ValueRangeError("effects must hold at least one gate's; got none. Choose a network with gates.")
    return max(effects, key=lambda effect: effect.total_moved)


def layer_name(site: Site) -> str:
    """A layer's name without the part that says it is attention; its run where it ran more than once."""
    name = site.layer.removesuffix(".attention") or "the layer"
    return f"{name} (run {site.call + 1})" if site.call else name


def went(effect: GateEffect, part: str) -> str:
    """What one part gained or lost, with its share before and after."""
    change = signed(100 * effect.moved[part], 2)
    return f"{change} points, from {100 * effect.before[part]:.1f} to {100 * effect.after[part]:.1f} %"


def places_by_change(changes: dict[str, float]) -> str:
    """The places by size of their change; where there are several, each with its own."""
    ordered = sorted(changes, key=lambda name: -abs(changes[name]))
    if len(ordered) == 1:
        return place(ordered[0])
    said = [f"{place(name)} ({signed(100 * changes[name], 1)})" for name in ordered]
    return f"{', '.join(said[:-1])} and {said[-1]}"


def place(name: str) -> str:
    """A part as people name it: a region with its article, or "the rest"."""
    return name if name == REST else the(name)


def signed(value: float, digits: int) -> str:
    """A number with its sign, and no sign where it rounds to zero."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def remarks(site: Site) -> str:
    """What must be said of a record that failed its replay, that an intervention changed, or that is untrained."""
    told = ("unproven" if site.proven is False else "", site.edit, site.untrained)
    said = "; ".join(word for word in told if word)
    return f" ({said})" if said else ""


def reach_of(effects: Sequence[GateEffect]) -> float:
    """How far the axis of moved energy goes to either side, in points."""
    return 1.1 * max(LEAST_POINTS, *(100 * effect.total_moved for effect in effects))


def parts_of(effects: Sequence[GateEffect]) -> list[str]:
    """The regions, which must be the same for all effects.

    Raises:
        ValueRangeError: there is no effect, or they are of different regions.
    """
    parts = list(moved_most(effects).before)
    if any(list(effect.before) != parts for effect in effects):
        raise ValueRangeError("effects must be of the same regions; got different ones. Draw one chart for each.")
    return parts


def sides_of(found: ChannelSelectivity) -> tuple[tuple[npt.NDArray[np.bool_], str, float | None], ...]:
    """The channels that prefer the region, then the others: which they are, what the legend says, their mean weight."""
    sides = (found.selectivity > 0, found.selectivity <= 0)
    made = []
    for chosen, name, mean in zip(sides, (found.region, found.against), found.mean_weights, strict=True):
        weight = "" if mean is None else f", mean weight {mean:.3f}"
        made.append((chosen, f"{int(chosen.sum())} prefer {place(name)}{weight}", mean))
    return tuple(made)


def preference_ticks(found: ChannelSelectivity) -> tuple[str, ...]:
    """What stands at each of `PREFERENCE_TICKS`, with a line break in it."""
    one, other = place(found.region), place(found.against)
    return (
        f"only on\n{other}",
        f"3 times as much\non {other}",
        "alike",
        f"3 times as much\non {one}",
        f"only on\n{one}",
    )


def weight_range(found: ChannelSelectivity) -> tuple[float, float]:
    """Ends of the axis of weights."""
    low, high = float(found.weights.min()), float(found.weights.max())
    half = 0.55 * max(high - low, LEAST_WEIGHTS)
    return (low + high) / 2 - half, (low + high) / 2 + half


def part_colours(parts: Sequence[str], numbers: Sequence[int] | None) -> list[str]:
    """A colour for each part, after the regions' numbers; grey for the rest."""
    regions = [part for part in parts if part != REST]
    by_name = dict(zip(regions, numbers or range(len(regions)), strict=True))
    return [REST_COLOUR if part == REST else region_colour(by_name[part]) for part in parts]


def moved_chart_alt(effects: Sequence[GateEffect]) -> str:
    """The chart of moved energy in words."""
    return f"{moved_summary(effects)} All gates: {' '.join(moved_sentence(effect) for effect in effects)}"


def selectivity_chart_alt(found: ChannelSelectivity) -> str:
    """The chart of selective channels in words."""
    means = found.mean_weights
    counts = int((found.selectivity > 0).sum()), int((found.selectivity < 0).sum())
    sides = [
        f"{count} channels prefer {place(name)}" + ("" if mean is None else f", with a mean weight of {mean:.3f}")
        for count, name, mean in zip(counts, (found.region, found.against), means, strict=True)
    ]
    return f"{selectivity_summary(found)} {'; '.join(sides)}."

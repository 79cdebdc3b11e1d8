"""Charts of what gates did: energy moved between regions, and selective channels with their weights."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from attnviz.errors import ValueRangeError
from attnviz.gate_effect import REST, ChannelSelectivity, GateEffect
from attnviz.maps.base import FLAT_BELOW
from attnviz.records import Site
from attnviz.render.panel import the
from attnviz.render.region_colours import region_colour

REST_COLOUR = "#808080"
_ROW_PX, _FRAME_PX = 30, 150
_LEAST_POINTS = 1.0
"""The axis reaches at least this many points, so that moves of next to nothing look like nothing."""

_LEAST_WEIGHTS = 0.2
"""The axis of weights spans at least this much, so that a gate that is nearly flat looks flat."""

_SAID_FROM = 0.0005
"""Moves below a twentieth of a point round to 0.0 and are not named."""

_LARGEST_PX, _SMALLEST_PX = 30.0, 5.0
_CLEAR_BELOW = 0.05
_TITLE_CHARACTERS, _LINE_PX = 76, 22
_NO_BREAK = "\N{NO-BREAK SPACE}"


def gate_name(effect: GateEffect) -> str:
    """Which gate of which layer, such as "layer4.1, spatial gate", with what must be said of it."""
    return f"{_layer(effect.site)}, {effect.gate}{_remarks(effect.site)}"


def moved_sentence(effect: GateEffect) -> str:
    """What one gate moved, in one sentence, such as "In layer4.1, the spatial gate moved 4.0 points of energy ..."."""
    start = f"In {_layer(effect.site)}, the {effect.gate}"
    if effect.flat:
        return f"{start} is flat, so it moved nothing{_remarks(effect.site)}."
    gains = {name: change for name, change in effect.moved.items() if change >= _SAID_FROM}
    losses = {name: change for name, change in effect.moved.items() if change <= -_SAID_FROM}
    if not gains or not losses:
        return f"{start} moved next to nothing: under 0.1 points of energy{_remarks(effect.site)}."
    points = f"{100 * effect.total_moved:.1f}{_NO_BREAK}points of energy"
    return f"{start} moved {points} from {_places(losses)} to {_places(gains)}{_remarks(effect.site)}."


def moved_summary(effects: Sequence[GateEffect]) -> str:
    """The sentence of the gate that moved most, with where the energy was before and after.

    Raises:
        ValueRangeError: there is no effect.
    """
    most = _most(effects)
    first = next(iter(most.before))
    if most.total_moved < _SAID_FROM:
        return "No gate moved as much as 0.1 points of energy: they hardly told places apart."
    before, after = tenths(most.before[first]), tenths(most.after[first])
    return f"{moved_sentence(most)} The share on {the(first)} went from {before} to {after}."


def moved_chart(effects: Sequence[GateEffect], numbers: Sequence[int] | None = None) -> go.Figure:
    """Bars of what each gate took from some regions and gave to others.

    Args:
        effects: of one network's gates in the order in which they ran, as from `gate_effect.gate_effects`.
        numbers: the regions' numbers, which decide their colours; 0, 1, 2 and so on unless given.

    Returns:
        A plotly figure with a transparent background. Bars to the left are shares that a region lost, bars to the
        right shares that it gained; both sides of a row are of one length. The title is about the gate that moved
        most.

    Raises:
        ValueRangeError: there is no effect, or they are of different regions.
    """
    parts = list(_most(effects).before)
    if any(list(effect.before) != parts for effect in effects):
        raise ValueRangeError("effects must be of the same regions; got different ones. Draw one chart for each.")
    rows = [gate_name(effect) for effect in effects]
    figure = go.Figure()
    for part, colour in zip(parts, _colours(parts, numbers), strict=True):
        figure.add_bar(
            x=[100 * effect.moved[part] for effect in effects],
            y=rows,
            orientation="h",
            marker={"color": colour, "line": {"color": "#404040", "width": 1}},
            customdata=[_went(effect, part) for effect in effects],
            name=_place(part),
            hovertemplate=f"%{{y}}, {_place(part)}: %{{customdata}}<extra></extra>",
        )
    for row, effect in zip(rows, effects, strict=True):
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=8, y=row, text=f"{100 * effect.total_moved:.1f}", showarrow=False
        )
    figure.add_annotation(
        x=1, xref="paper", xanchor="left", xshift=8, y=1, yref="paper", yanchor="bottom", text="moved", showarrow=False
    )
    reach = 1.1 * max(_LEAST_POINTS, *(100 * effect.total_moved for effect in effects))
    figure.add_vline(x=0, line={"color": "#808080", "width": 1.5})
    figure.update_xaxes(
        range=[-reach, reach],
        zeroline=False,
        title_text="← lost    % of the layer's energy    gained →",
    )
    figure.update_yaxes(categoryorder="array", categoryarray=rows[::-1], automargin=True)
    _plain(figure, moved_summary(effects), _FRAME_PX + _ROW_PX * len(rows))
    figure.update_layout(barmode="relative", bargap=0.3, margin_r=60)
    return figure


def moved_chart_alt(effects: Sequence[GateEffect]) -> str:
    """The chart of moved energy in words."""
    return f"{moved_summary(effects)} All gates: {' '.join(moved_sentence(effect) for effect in effects)}"


def selectivity_summary(found: ChannelSelectivity) -> str:
    """Whether a gate turned up the channels that prefer the region, in one or two sentences."""
    start = f"In {_layer(found.site)}"
    one, other = _place(found.region), _place(found.against)
    if found.correlation is None or found.by_chance is None or found.p_value is None:
        why = "too few channels" if np.unique(found.weights).size > 1 else "all channels have one weight"
        return f"{start}, the gate has no preference between {one} and {other}: {why}{_remarks(found.site)}."
    low, high = found.by_chance
    numbers = f"Rank correlation {_signed(found.correlation, 2)}; chance gives {_signed(low, 2)} to {_signed(high, 2)}."
    weakest, strongest = float(found.weights.min()), float(found.weights.max())
    if strongest - weakest <= FLAT_BELOW * max(abs(weakest), abs(strongest)):
        numbers += f" Its weights hardly differ: {weakest:.3f} to {strongest:.3f}."
    if found.p_value >= _CLEAR_BELOW:
        said = f"{start}, the gate made no clear difference between channels that prefer {one} and {other}"
    else:
        up, down = (one, other) if found.correlation > 0 else (other, one)
        said = f"{start}, the gate turned up channels that prefer {up} over those that prefer {down}"
    return f"{said}{_remarks(found.site)}. {numbers}"


def selectivity_chart(found: ChannelSelectivity, numbers: Sequence[int] | None = None) -> go.Figure:
    """Each channel's preference for a region against the weight that its gate gave it.

    Args:
        found: as from `gate_effect.channel_selectivity`.
        numbers: of the region and of the other one, which decide their colours; 0 and 1 unless given.

    Returns:
        A plotly figure with a transparent background: one point for each channel, the larger the more of the layer's
        energy it has. The dashed line is the mean weight.
    """
    colours = _colours([found.region, found.against], numbers)
    size = np.clip(_LARGEST_PX * np.sqrt(found.energy / found.energy.max()), _SMALLEST_PX, None)
    figure = go.Figure()
    figure.add_hline(y=float(found.weights.mean()), line={"dash": "dash", "color": "#808080", "width": 1.5})
    figure.add_vline(x=0, line={"color": "#808080", "width": 1.5})
    places = _place(found.region), _place(found.against)
    sides = (found.selectivity > 0, found.selectivity <= 0)
    means = found.mean_weights
    for chosen, place, colour, symbol, mean in zip(sides, places, colours, ("circle", "square"), means, strict=True):
        weight = "" if mean is None else f", mean weight {mean:.3f}"
        figure.add_scatter(
            x=found.selectivity[chosen],
            y=found.weights[chosen],
            mode="markers",
            marker={
                "size": size[chosen],
                "color": colour,
                "symbol": symbol,
                "opacity": 0.8,
                "line": {"color": "black", "width": 1},
            },
            customdata=np.column_stack([np.flatnonzero(chosen), 100 * found.energy[chosen]]),
            name=f"{int(chosen.sum())} prefer {place}{weight}",
            hovertemplate="channel %{customdata[0]}: preference %{x:.2f}, weight %{y:.3f}, "
            "%{customdata[1]:.1f} % of the energy<extra></extra>",
        )
    figure.update_xaxes(
        range=[-1.08, 1.08],
        tickvals=[-1, -0.5, 0, 0.5, 1],
        ticktext=[
            f"only on<br>{places[1]}",
            f"3 times as much<br>on {places[1]}",
            "alike",
            f"3 times as much<br>on {places[0]}",
            f"only on<br>{places[0]}",
        ],
        zeroline=False,
        title_text="where the channel is active (energy per area)",
    )
    low, high = float(found.weights.min()), float(found.weights.max())
    half = 0.55 * max(high - low, _LEAST_WEIGHTS)
    middle = (low + high) / 2
    figure.update_yaxes(title_text="weight that the gate gave it", range=[middle - half, middle + half], zeroline=False)
    _plain(figure, selectivity_summary(found), 460)
    return figure


def selectivity_chart_alt(found: ChannelSelectivity) -> str:
    """The chart of selective channels in words."""
    means = found.mean_weights
    counts = int((found.selectivity > 0).sum()), int((found.selectivity < 0).sum())
    sides = [
        f"{count} channels prefer {_place(name)}" + ("" if mean is None else f", with a mean weight of {mean:.3f}")
        for count, name, mean in zip(counts, (found.region, found.against), means, strict=True)
    ]
    return f"{selectivity_summary(found)} {'; '.join(sides)}."


def untitled(figure: go.Figure) -> go.Figure:
    """One of these charts without its title, for a page that says the sentence above it as text."""
    lines = str(figure.layout.title.text).count("<br>") + 1
    return figure.update_layout(
        title=None,
        height=figure.layout.height - _LINE_PX * lines,
        margin_t=figure.layout.margin.t - _LINE_PX * lines,
    )


def tenths(share: float) -> str:
    """A share in percent with one digit more than usual: whole ones may differ by 1 where next to nothing moved."""
    return f"{100 * share:.1f}{_NO_BREAK}%"


def _most(effects: Sequence[GateEffect]) -> GateEffect:
    if not effects:
        raise ValueRangeError("effects must hold at least one gate's; got none. Choose a network with gates.")
    return max(effects, key=lambda effect: effect.total_moved)


def _layer(site: Site) -> str:
    """A layer's name without the part that says it is attention; its run where it ran more than once."""
    name = site.layer.removesuffix(".attention") or "the layer"
    return f"{name} (run {site.call + 1})" if site.call else name


def _went(effect: GateEffect, part: str) -> str:
    change = _signed(100 * effect.moved[part], 2)
    return f"{change} points, from {100 * effect.before[part]:.1f} to {100 * effect.after[part]:.1f} %"


def _places(changes: dict[str, float]) -> str:
    """The places by size of their change; where there are several, each with its own."""
    ordered = sorted(changes, key=lambda name: -abs(changes[name]))
    if len(ordered) == 1:
        return _place(ordered[0])
    said = [f"{_place(name)} ({_signed(100 * changes[name], 1)})" for name in ordered]
    return f"{', '.join(said[:-1])} and {said[-1]}"


def _place(name: str) -> str:
    return name if name == REST else the(name)


def _signed(value: float, digits: int) -> str:
    """A number with its sign, and no sign where it rounds to zero."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _remarks(site: Site) -> str:
    """What must be said of a record that failed its replay, that an intervention changed, or that is untrained."""
    told = ("unproven" if site.proven is False else "", site.edit, site.untrained)
    said = "; ".join(word for word in told if word)
    return f" ({said})" if said else ""


def _colours(parts: Sequence[str], numbers: Sequence[int] | None) -> list[str]:
    regions = [part for part in parts if part != REST]
    by_name = dict(zip(regions, numbers or range(len(regions)), strict=True))
    return [REST_COLOUR if part == REST else region_colour(by_name[part]) for part in parts]


def _plain(figure: go.Figure, title: str, height: int) -> None:
    lines = _wrapped(title)
    height += _LINE_PX * len(lines)
    figure.update_layout(
        title={
            "text": "<br>".join(lines),
            "x": 0,
            "xref": "container",
            "y": 1 - _LINE_PX / height,  # of the first line's foot
            "yref": "container",
            "yanchor": "auto",
            "font": {"size": 16},
        },
        height=height,
        margin={"l": 10, "r": 10, "t": 46 + _LINE_PX * len(lines), "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )


def _wrapped(text: str) -> list[str]:
    """Lines of a title: plotly draws a long one beyond the figure's edge."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _TITLE_CHARACTERS:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines

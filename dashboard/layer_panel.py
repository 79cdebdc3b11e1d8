"""One layer of a walk: its map, the factors of its channels, the channels at both ends, or its heads."""

from collections.abc import Sequence

import streamlit as st

from attnviz.maps import AttentionMap
from attnviz.render import MEANINGLESS, UNPROVEN, legend_strip
from attnviz.render.layer_charts import factors_alt, factors_chart, factors_title, heads_alt, heads_chart
from attnviz.render.panel import span
from attnviz.render.walk_charts import untitled
from attnviz.render.walk_maps import OPACITY, Painted, channel_range_words
from attnviz.walking import AttentionLayer, Channel, Gate, GatedLayer, Layer, LayerWalk
from attnviz.walking.words import GATE_NAMES, flat_map_words, health_words, layer_words, remarks
from dashboard import badges, drawing, walked
from dashboard.sidebar import Entry
from dashboard.words import plain

QUIET = {"displayModeBar": False}
NARROWEST_PX = 100
"""Channels that would become narrower go to the next row."""


def draw(entry: Entry, name: str, walk: LayerWalk, place: int) -> None:
    """Draw what one layer did, by its place among the layers, counted from 0."""
    layer = walk.layers[place]
    st.markdown(f"#### {place + 1} of {len(walk.layers)}: {plain(layer_words(layer))}")
    _marks(walk, layer)
    match layer:
        case GatedLayer():
            _gates(entry, name, walk, place, layer)
        case AttentionLayer():
            left, right = st.columns([5, 6], gap="large")
            with left:
                _map(entry, name, walk, place)
            with right:
                _heads(layer)
        case _:
            _beside_the_picture(entry, name, walk, place)


def note(text: str) -> None:
    """A short note in small print, in a colour that everyone can read."""
    st.html(drawing.small_print([text]))


def _marks(walk: LayerWalk, layer: Layer) -> None:
    told = remarks(walk, layer)
    if walk.untrained:
        st.warning(plain(f"{walk.untrained.upper()}: {MEANINGLESS}."))
    if "unproven" in told:
        st.warning(f"{UNPROVEN[0].upper()}{UNPROVEN[1:]}.")


def _gates(entry: Entry, name: str, walk: LayerWalk, place: int, layer: GatedLayer) -> None:
    by_channel = [(at, gate) for at, gate in enumerate(layer.gates) if gate.channel_factors.size]
    with_places = layer.where is not None
    for gate in layer.gates:
        title = f"**{GATE_NAMES[gate.kind].capitalize()}.** " if len(layer.gates) > 1 else ""
        st.markdown(f"{title}{plain(health_words(gate))}")
    if not by_channel:
        _beside_the_picture(entry, name, walk, place)
        return
    left, right = st.columns([5, 6], gap="large") if with_places else (None, st.container())
    if left is not None:
        with left:
            _map(entry, name, walk, place)
    for at, gate in by_channel:
        with right:
            _factors(gate)
            if not with_places:
                note("A channel gate has no place of its own: it treats all places of a channel alike.")
        _channels(entry, name, place, at, gate, remarks(walk, layer))


def _beside_the_picture(entry: Entry, name: str, walk: LayerWalk, place: int) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        _map(entry, name, walk, place)
    with right:
        st.markdown("**The picture**")
        st.image(
            drawing.on_screen(entry.picture.sha256, entry.picture),
            width="stretch",
            output_format="JPEG",
            alt=entry.title,
        )


def _map(entry: Entry, name: str, walk: LayerWalk, place: int) -> None:
    layer = walk.layers[place]
    one, made = layer.where, walked.map_picture(entry.picture, name, place)
    if one is None or made is None:
        st.info("This layer has no map. " + plain(" ".join(getattr(layer, "notes", ()))))
        return
    st.markdown(f"**{plain(map_title(one))}**", help=plain(f"{one.meaning}. {one.note}"))
    st.image(
        badges.with_badge(made.image, remarks(walk, layer)),
        width="stretch",
        output_format="JPEG",
        alt=f"{walk.network}, {layer.site.layer}: {map_title(one)}, {made.words}",
    )
    rows, columns = one.grid_hw
    if made.scaled is None:
        st.html(drawing.panel_text(None, f"{flat_map_words(one)} There is nothing to draw.", "", (), ""))
    else:
        st.html(drawing.colour_bar(_bar(made)))
    cells = f"{rows} × {columns} cells" + ("." if made.scaled is None else ", own colour scale.")
    note(" ".join(filter(None, (cells, _sentence(one.note)))))


def map_title(one: AttentionMap) -> str:
    """What a layer's map shows, in a few words."""
    titles = {
        "SpatialGateMap": "What the gate lets through, place by place",
        "FeatureMaskMap": "What the mask lets through, mean over channels",
        "AttentionFrom": "Attention from the class token",
        "Received": "Attention that each place receives",
        "Activation": "Where this part is active",
    }
    return titles.get(one.method.split("(")[0], one.meaning)


def _factors(gate: Gate) -> None:
    st.markdown(f"**{plain(_capital(factors_title(gate)))}**")
    st.plotly_chart(untitled(factors_chart(gate)), config=QUIET, alt=factors_alt(gate), key=_key(gate, "factors"))


def _channels(entry: Entry, name: str, place: int, at: int, gate: Gate, told: Sequence[str]) -> None:
    drawn = walked.channels(entry.picture, name, place, at)
    ends = (
        ("Strongest channels", gate.strongest, drawn.strongest),
        ("Weakest channels", gate.weakest, drawn.weakest),
    )
    for title, shown, pictures in ends:
        if not shown:
            continue
        st.markdown(
            f"**{title}**",
            help="Feature maps as they were before the gate, in the frame of the picture. Below each: the channel's "
            "number and its factor.",
        )
        grid = st.grid(len(shown), min_column_width=NARROWEST_PX, key=_key(gate, title.split()[0]))
        for channel, made in zip(shown, pictures, strict=True):
            with grid.cell():
                _channel(channel, made, told)
    note(f"One colour scale for all: {channel_range_words(gate)}. What the network did not see is grey.")


def _channel(channel: Channel, made: Painted, told: Sequence[str]) -> None:
    st.image(
        badges.with_badge(made.image, told),
        caption=f"{channel.number}: {channel.factor:.2f}" + (" (flat)" if made.scaled is None else ""),
        width="stretch",
        alt=f"channel {channel.number}, factor {channel.factor:.3f}, feature map before the gate: {made.words}",
    )


def _heads(layer: AttentionLayer) -> None:
    if not layer.entropy.size:
        st.info(plain(" ".join(layer.notes) or "Nothing can be told of this layer's heads."))
        return
    st.markdown("**How each head attends**")
    st.plotly_chart(untitled(heads_chart(layer)), config=QUIET, alt=heads_alt(layer), key=f"heads_{layer.site}")
    windows = f" in {layer.windows} windows" if layer.windows > 1 else ""
    note(f"{layer.grid_hw[0]} × {layer.grid_hw[1]} tokens{windows}. The dashed line is attention spread evenly.")


def _bar(made: Painted) -> drawing.ColourBar:
    scaled = made.scaled
    assert scaled is not None  # a flat map has no colours
    low, high = span(scaled.vmin, scaled.vmax)
    colours = drawing.gradient(legend_strip(scaled, "heat", OPACITY))
    return drawing.ColourBar(low, high, scaled.unit, colours)


def _key(gate: Gate, what: str) -> str:
    return f"{what}_{gate.site.layer}_{gate.site.call}_{gate.site.mechanism}"


def _sentence(text: str) -> str:
    return f"{_capital(text)}." if text else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

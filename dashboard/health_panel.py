"""What the gates did on the picture: how many are flat, all of them in a table, and one channel gate's factors."""

from collections.abc import Sequence

import streamlit as st

from attnviz.errors import NothingTracedError
from attnviz.export import ChannelGateFigure, GateHealthFigure
from attnviz.health import GateHealth, flat_line, of_trace
from attnviz.health.one_gate import Kind
from attnviz.maps import channel_profile
from attnviz.pictures import Picture
from attnviz.records import ChannelWeights
from attnviz.regions import Region
from attnviz.render import channel_chart, channel_chart_alt
from attnviz.render.gate_chart import untitled
from attnviz.render.panel import percent, span
from dashboard import service, state
from dashboard.figure_toolbar import toolbar
from dashboard.service import Answers
from dashboard.sidebar import Entry
from dashboard.state import Selection
from dashboard.words import plain

KINDS: dict[Kind, str] = {"channel": "channel", "spatial": "spatial", "feature": "every feature"}
"""What has a factor of its own, as the table says it."""


@st.cache_resource(max_entries=60, show_spinner=False)
def _healths(sha256: str, name: str, _picture: Picture) -> tuple[GateHealth, ...]:
    try:
        return of_trace(service.trace(_picture, name))
    except NothingTracedError:
        return ()


def healths_of(picture: Picture, name: str) -> tuple[GateHealth, ...]:
    """Each gate of a network on a picture, in the order they ran; none for a network without gates."""
    return _healths(picture.sha256, name, picture)


def flat_note(picture: Picture, answers: Answers) -> str:
    """Which networks have flat gates on this picture, and how many; empty if there are none."""
    lines = {one.title: _flat_line(picture, one.name) for one in answers.readings}
    told = "; ".join(f"{title}: {line}" for title, line in lines.items() if line)
    return f"{told} on this picture. A flat gate treats all places, or all channels, alike." if told else ""


def _flat_line(picture: Picture, name: str) -> str:
    lent = service.lent_flat(picture, name)
    return flat_line(healths_of(picture, name)) if lent is None else lent


def draw(entry: Entry, _selection: Selection, answers: Answers, _regions: Sequence[Region]) -> None:
    """Draw the table of one network's gates, and the factors of one of its channel gates."""
    gated = {one.title: one.name for one in answers.readings if healths_of(entry.picture, one.name)}
    if not gated:
        st.info("None of these networks has a gate. Choose one with SE or CBAM in the sidebar.")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        title = st.selectbox("Gates of", list(gated), key=state.GATES_OF, bind="query-params")
        name = gated[title]
        healths = healths_of(entry.picture, name)
        flat = flat_line(healths)
        st.markdown(
            plain(f"{title}: {flat} on this picture." if flat else f"{title}: no gate is flat on this picture.")
        )
        st.table(rows(healths), hide_index=True, alt=f"Gates of {title} on {entry.title}")
        st.caption(
            "A factor of 0 closes, 1 lets everything through. Flat: the factors differ by under 5 % of the largest, "
            "so there is nothing to see in a picture of them."
        )
        weights = service.network(name).loaded.card.sha256
        figure = GateHealthFigure(picture=entry.picture, network=title, weights=weights, healths=healths)
        toolbar("gate_health", f"Gate health of {title}", lambda: figure)
    with right:
        _channels(entry.picture, name)


def _channels(picture: Picture, name: str) -> None:
    gates = {
        place(record.site.layer, record.site.call): record
        for record in service.trace(picture, name).records
        if isinstance(record, ChannelWeights)
    }
    if not gates:
        st.info("This network has no channel gate: its gates are spatial, and the maps above show them.")
        return
    chosen = st.selectbox("Channel gate", list(gates), index=len(gates) - 1, key=f"{state.CHANNEL_GATE}_{name}")
    record = gates[chosen]
    figure = channel_chart(record)
    st.markdown(f"**{plain(figure.layout.title.text)}**")
    st.plotly_chart(untitled(figure), config={"displayModeBar": False}, alt=channel_chart_alt(record))
    card = service.network(name).loaded.card
    gate = ChannelGateFigure(picture=picture, network=card.title, weights=card.sha256, profile=channel_profile(record))
    toolbar("channel_gate", f"Channel gate of {card.title}", lambda: gate)


def rows(healths: Sequence[GateHealth]) -> list[dict[str, str]]:
    """The table's rows as people read them, one for each gate."""
    return [
        {
            "Gate": f"{plain(place(one.site.layer, one.site.call))}, {KINDS[one.kind]}",
            "Factors": " to ".join(span(one.minimum, one.maximum)).replace(" ", "\N{NO-BREAK SPACE}"),
            "Closed": "unknown" if one.closed is None else percent(one.closed),
            "Open": "unknown" if one.opened is None else percent(one.opened),
            "Remark": ", ".join(filter(None, (*one.flags, plain(one.site.edit)))),
        }
        for one in healths
    ]


def place(layer: str, call: int) -> str:
    """A layer as the table names it; its second run and later ones by their number."""
    named = layer or "the network itself"
    return f"{named}, run {call + 1}" if call else named

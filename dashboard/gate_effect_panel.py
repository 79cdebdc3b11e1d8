"""What the gates of the chosen networks did with the regions: a sentence, a table, and two charts."""

import hashlib
from collections.abc import Sequence

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.export import ChannelPreference, GateEffectFigure
from attnviz.gate_effect import (
    ChannelSelectivity,
    GateEffect,
    channel_selectivity,
    gate_effects,
    without_overlap,
)
from attnviz.maps.gated_activation import has_gate
from attnviz.pictures import Picture
from attnviz.records import ChannelWeights, FeatureMask
from attnviz.regions import Region
from attnviz.render.gate_chart import (
    gate_name,
    moved_chart,
    moved_chart_alt,
    moved_summary,
    selectivity_chart,
    selectivity_chart_alt,
    selectivity_summary,
    tenths,
    untitled,
)
from attnviz.render.panel import the
from dashboard import service
from dashboard.figure_toolbar import toolbar
from dashboard.service import Answers, Reading
from dashboard.sidebar import Entry
from dashboard.state import Selection
from dashboard.words import plain

NETWORK, LAYER = "gate_effect_network", "gate_effect_layer"

ENERGY = (
    "Energy is the squared activation of a layer's features. A gate multiplies the features, so each region's share of "
    "the energy may change; a point is one percent of the layer's energy. It says what the gate did inside the "
    "network, not whether that mattered for the answer."
)
SELECTIVE = (
    "Each point is a channel, the larger the more energy it has. Right of the line it is more active on "
    "{region}, left of it on {against}; the higher, the more the gate let through. If the gate favoured {region}, the "
    "points would rise to the right."
)


def draw(entry: Entry, selection: Selection | None, answers: Answers, regions: tuple[Region, ...]) -> None:
    """Draw the panel, or say what to do to get it."""
    if not regions:
        st.info("No region yet. Drag a box around the object in the picture to see what the gates did with it.")
        return
    try:
        apart = without_overlap(regions)
    except AttnvizError as error:
        st.warning(plain(str(error)))
        return
    found = _gated(entry.picture, answers.readings, apart)
    if not found:
        st.info("None of these networks has a gate. Choose one with SE, CBAM or residual attention in the sidebar.")
        return
    if any(int(one.mask_hw.sum()) < int(other.mask_hw.sum()) for one, other in zip(apart, regions, strict=True)):
        st.caption(plain(f"Where regions overlap, the place counts for the first of them: {_listed(regions)}."))
    st.table(
        rows(found, apart[0].name), hide_index=True, alt=f"What each network's gates did with {the(apart[0].name)}"
    )
    titles = list(found)
    title = titles[0]
    if len(titles) > 1:
        title = st.segmented_control("Network", titles, default=titles[0], required=True, key=NETWORK) or titles[0]
    name = next(reading.name for reading in answers.readings if reading.title == title)
    left, right = st.columns(2, gap="large")
    with left:
        _moved(found[title])
        effects = GateEffectFigure(
            picture=entry.picture,
            network=title,
            weights=service.network(name).loaded.card.sha256,
            effects=found[title],
        )
        toolbar("gate_effect", f"Gate effect of {title}", lambda: effects)
    with right:
        _channels(entry.picture, name, apart)


def rows(effects: dict[str, tuple[GateEffect, ...]], region_name: str) -> list[dict[str, str]]:
    """A row for each network: the gate that moved most, and the region's share before and after it."""
    made = []
    for title, of_network in effects.items():
        most = max(of_network, key=lambda effect: effect.total_moved)
        made.append(
            {
                "Network": plain(title),
                "Gate that moved most": plain(gate_name(most)),
                "Energy moved": f"{100 * most.total_moved:.1f} points",
                f"On {plain(the(region_name))} before": tenths(most.before[region_name]),
                "After": tenths(most.after[region_name]),
            }
        )
    return made


def _moved(effects: tuple[GateEffect, ...]) -> None:
    st.markdown(f"**{plain(moved_summary(effects))}**")
    st.plotly_chart(untitled(moved_chart(effects)), config={"displayModeBar": False}, alt=moved_chart_alt(effects))
    st.caption(ENERGY)


def _channels(picture: Picture, name: str, regions: tuple[Region, ...]) -> None:
    gates = _channel_gates(picture, name)
    if not gates:
        st.info("This network has no gate with a weight for each channel.")
        return
    number = st.selectbox(
        "Channel gate",
        range(len(gates)),
        index=len(gates) - 1,
        format_func=lambda one: gates[one].site.layer,
        key=f"{LAYER}_{name}",
    )
    found = _selectivity(picture.sha256, name, number, _key(regions[:2]), picture, regions)
    st.markdown(f"**{plain(selectivity_summary(found))}**")
    chart, words = untitled(selectivity_chart(found)), selectivity_chart_alt(found)
    st.plotly_chart(chart, config={"displayModeBar": False}, alt=words)
    card = service.network(name).loaded.card
    preference = ChannelPreference(picture=picture, network=card.title, weights=card.sha256, found=found)
    toolbar("channel_preference", f"Channel preference of {card.title}", lambda: preference)
    against = the(found.against) if len(regions) > 1 else found.against
    st.caption(plain(SELECTIVE.format(region=the(found.region), against=against)))


def _gated(
    picture: Picture, readings: Sequence[Reading], regions: tuple[Region, ...]
) -> dict[str, tuple[GateEffect, ...]]:
    """The effects of the networks with gates, by title; one that has no answer says why and does not stop the rest."""
    found = {}
    for reading in readings:
        try:
            effects = _effects(picture.sha256, reading.name, _key(regions), picture, regions)
        except AttnvizError as error:
            st.caption(plain(f"{reading.title}: {error}"))
            continue
        if effects:
            found[reading.title] = effects
    return found


@st.cache_resource(max_entries=60, show_spinner="Measuring what the gates did")
def _effects(
    sha256: str, name: str, regions_key: str, _picture: Picture, _regions: tuple[Region, ...]
) -> tuple[GateEffect, ...]:
    trace = service.trace(_picture, name)
    return gate_effects(trace, _regions) if has_gate(trace.records) else ()


@st.cache_resource(max_entries=60, show_spinner=False)
def _selectivity(
    sha256: str, name: str, number: int, regions_key: str, _picture: Picture, _regions: tuple[Region, ...]
) -> ChannelSelectivity:
    geometry = service.trace(_picture, name).geometry
    assert geometry is not None  # preprocess() gives one
    against = _regions[1] if len(_regions) > 1 else None
    return channel_selectivity(_channel_gates(_picture, name)[number], _regions[0], geometry, against=against)


def _channel_gates(picture: Picture, name: str) -> list[ChannelWeights | FeatureMask]:
    records = service.trace(picture, name).records
    return [record for record in records if isinstance(record, ChannelWeights | FeatureMask)]


def _key(regions: Sequence[Region]) -> str:
    """A key of names and pixels: Streamlit would hash an array by a sample."""
    digest = hashlib.sha256()
    for region in regions:
        digest.update(repr((region.name, region.source_hw)).encode())
        digest.update(region.mask_hw.tobytes())
    return digest.hexdigest()


def _listed(regions: Sequence[Region]) -> str:
    return ", ".join(region.name for region in regions)

"""What does one network do with the photograph, layer by layer?"""

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.export import LayerWalkFigure
from attnviz.render import NOT_EXPLANATION
from attnviz.render.panel import percent
from attnviz.render.walk_charts import (
    activity_alt,
    activity_chart,
    change_alt,
    change_chart,
    reach_alt,
    reach_chart,
    untitled,
)
from attnviz.walking import AttentionLayer, GatedLayer, LayerWalk
from attnviz.walking.words import ACTIVITY_DEFINED, ATTENTION_DEFINED, CHANGE_DEFINED, finding, place_name
from dashboard import layer_panel, service, sidebar, state, walked
from dashboard.components.layer_strip import layer_strip
from dashboard.figure_toolbar import toolbar
from dashboard.sidebar import Entry
from dashboard.words import plain


def render() -> None:
    """Draw the page."""
    names = sidebar.chosen_networks()
    if not names:
        st.info("No network is chosen. Choose at least one in the sidebar.")
        return
    _page(sidebar.chosen_entry(), names)


# A fragment: another layer or network does not run the sidebar again. Streamlit would draw a docstring's string.
@st.fragment
def _page(entry: Entry, names: tuple[str, ...]) -> None:
    cards = service.cards()
    by_title = {cards[name].title: name for name in names}
    head, picker = st.container(), st.container()
    with picker:
        name = by_title[_network(list(by_title))]
    try:
        with st.spinner(f"{plain(cards[name].title)} looks at the picture", show_time=False):
            walk = walked.walk(entry.picture, name)
            strip = walked.strip(entry.picture, name)
    except AttnvizError as error:
        st.error(plain(str(error)))
        return
    with head:
        st.markdown(f"### {plain(finding(walk))}")
    _about(walk)
    count = len(walk.layers)
    chosen = _fitted_number(count)
    aspect = entry.picture.hw[1] / entry.picture.hw[0]
    layer_strip(f"layer_strip_{name}", f"Layers of {walk.network}", strip, aspect, chosen, _choose)
    if any(isinstance(layer, GatedLayer) for layer in walk.layers):
        layer_panel.note(
            "Bar: how much the gates change the features. Orange: the part that treats some features otherwise than "
            "others. Grey areas: factors of channels, sorted. A flat map is not painted."
        )
    chosen = _step(walk, chosen)
    st.divider()
    layer_panel.draw(entry, name, walk, chosen - 1)
    picture = entry.picture
    toolbar("layer", f"{walk.network} {place_name(walk.layers[chosen - 1])}",
            lambda: LayerWalkFigure(picture, walk, chosen - 1))  # fmt: skip
    st.divider()
    _all_layers(walk, chosen - 1)
    toolbar("walk", f"{walk.network} layers", lambda: LayerWalkFigure(picture, walk))
    layer_panel.note(NOT_EXPLANATION)


def _network(titles: list[str]) -> str:
    if st.session_state.get(state.WALKED) not in titles:
        st.session_state.pop(state.WALKED, None)
    return st.segmented_control(
        "Network",
        titles,
        default=None if state.WALKED in st.session_state else _first_with_gates(titles),
        required=True,
        key=state.WALKED,
        bind="query-params",
        help="Those chosen in the sidebar.",
    )


# The first chosen network is plain: one with layers to walk through is a better start.
def _first_with_gates(titles: list[str]) -> str:
    plain_titles = {card.title for card in service.cards().values() if card.mechanism.lower().startswith("none")}
    return next((title for title in titles if title not in plain_titles), titles[0])


def _about(walk: LayerWalk) -> None:
    answer = ""
    if walk.predictions:
        answer = f"Its answer: {walk.predictions[0][0]}, {percent(walk.predictions[0][1])}."
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        hint = "Choose a layer to see what it did; they stand in the order in which they ran."
        st.markdown(plain(" ".join(filter(None, (answer, hint)))), width="content")
        with st.popover("What the numbers mean", width="content"):
            for text in definitions(walk):
                st.markdown(plain(text))
    if not walk.has_attention:
        st.info(
            plain(
                f"{walk.network} has no attention that can be read, so there are no gates and no heads to show. What "
                "there is: where each of its parts is active."
            )
        )
    for layer, why in walk.unread:
        layer_panel.note(f"Not shown: {layer}. {why}")


def definitions(walk: LayerWalk) -> tuple[str, ...]:
    kinds = {type(layer) for layer in walk.layers}
    told = (CHANGE_DEFINED if GatedLayer in kinds else "", ATTENTION_DEFINED if AttentionLayer in kinds else "")
    return tuple(filter(None, told)) or (ACTIVITY_DEFINED,)


def _fitted_number(count: int) -> int:
    number = st.session_state.get(state.LAYER, 1)
    fitted = min(max(1, number), count) if isinstance(number, int) else 1
    if state.LAYER in st.session_state and fitted != number:
        st.session_state[state.LAYER] = fitted
    return fitted


def _step(walk: LayerWalk, chosen: int) -> int:
    count = len(walk.layers)
    if count == 1:
        return 1
    with st.container(horizontal=True, vertical_alignment="bottom", key="layer_steps"):
        st.button("Back", key="layer_back", shortcut="P", disabled=chosen == 1, on_click=_choose, args=(chosen - 1,))
        number = st.slider("Layer", 1, count, key=state.LAYER, bind="query-params", width="stretch")
        st.button("Next", key="layer_next", shortcut="N", disabled=chosen == count, on_click=_choose,
                  args=(chosen + 1,))  # fmt: skip
    return number


def _choose(number: int) -> None:
    st.session_state[state.LAYER] = number


def _all_layers(walk: LayerWalk, place: int) -> None:
    kinds = {type(layer) for layer in walk.layers}
    charts = []
    if GatedLayer in kinds:
        charts.append(("How much the gates change, layer by layer", change_chart, change_alt))
    if any(isinstance(layer, AttentionLayer) and layer.entropy.size for layer in walk.layers):
        charts.append(("How the heads attend, layer by layer", reach_chart, reach_alt))
    if not walk.has_attention:
        charts.append(("How active each part is", activity_chart, activity_alt))
    for title, chart, alt in charts:
        st.markdown(f"#### {title}")
        st.plotly_chart(untitled(chart(walk, place)), config=layer_panel.QUIET, alt=alt(walk), key=chart.__name__)


if __name__ == "__main__":
    render()

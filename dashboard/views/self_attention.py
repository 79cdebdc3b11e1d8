"""What does each network look at from one point of the photograph?"""

import streamlit as st

from attnviz import zoo
from attnviz.errors import AttnvizError
from dashboard import asked, layer_attention_panel, point_panel, service, sidebar, state
from dashboard.asked import Asked
from dashboard.sidebar import Entry
from dashboard.waiting import Progress
from dashboard.words import plain

# The bundled network that is offered where none of the chosen ones has self-attention.
OFFERED = "vit"


def render() -> None:
    """Draw the page."""
    names = sidebar.chosen_networks()
    if not names:
        st.info("No network is chosen. Choose at least one in the sidebar.")
        return
    entry = sidebar.chosen_entry()
    point_panel.start_over()
    networks, failed = _ask(entry, names)
    _page(entry, networks, failed)


def _ask(entry: Entry, names: tuple[str, ...]) -> tuple[tuple[Asked, ...], dict[str, str]]:
    networks: list[Asked] = []
    failed: dict[str, str] = {}
    cards = service.cards()
    progress = Progress(len(names), ("attention", entry.picture.sha256))
    try:
        for number, name in enumerate(names):
            progress.begin(number, cards[name].title)
            try:
                networks.append(asked.asked(entry.picture, name))
            except AttnvizError as error:
                failed[cards[name].title] = str(error)
    finally:
        progress.end()
    return tuple(networks), failed


@st.fragment
def _page(entry: Entry, networks: tuple[Asked, ...], failed: dict[str, str]) -> None:
    for title, problem in failed.items():
        st.error(plain(f"{title}: {problem}"))
    if networks:
        point_panel.draw(entry, networks)
    able = tuple(one for one in networks if one.attention)
    if able:
        layer_attention_panel.draw(entry, able)
    elif networks:
        _offer()


def _offer() -> None:
    title = zoo.cards()[OFFERED].title
    st.info(
        "None of the chosen networks has self-attention, so no place of the picture looks at another. Gates only turn "
        "places or channels up and down: their values at the point stand above."
    )
    if st.button(f"Add {title}", type="primary", on_click=_add, key="add_attention"):
        st.rerun()


def _add() -> None:
    st.session_state[state.NEWLY_ADDED] = OFFERED


if __name__ == "__main__":
    render()

"""One network's self-attention in detail: any layer, any head, the whole matrix, and all heads side by side."""

from collections.abc import Sequence

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.export import HeadGrid, MatrixSheet
from attnviz.querying import HeadRows
from attnviz.render.head_figure import MOST_HEADS
from dashboard import asked, drawing, point_panel, service, state
from dashboard.asked import Asked
from dashboard.components.attention_canvas import attention_canvas
from dashboard.figure_toolbar import toolbar
from dashboard.sidebar import Entry
from dashboard.words import plain

MATRIX_CANVAS, HEADS_CANVAS = "attention_matrix", "attention_heads"
PICTURE_PIXELS, HEAD_PIXELS = 800, 480
HEADS_NARROWEST_PX = 200

HOW_TO_READ = (
    "One colour scale for all heads, up to the largest value among them.",
    "Spread: the entropy of the row as a share of the largest possible; 100 % is an even look, 0 % a single cell.",
    "Pixels: mean distance in the photograph from the place that looks to what it looks at. Class and register tokens "
    "are left out of spread and distance.",
)


def draw(entry: Entry, networks: Sequence[Asked]) -> None:
    """Draw the choice of network, layer and head, the picture beside the matrix, and the heads."""
    st.markdown("### One network in detail")
    one, layer, head, who = _choose(networks)
    point = asked.point_now()
    revision, seed = point_panel.revision_of(entry, point)
    sha256 = entry.picture.sha256
    asks = -1 if who == "point" else asked.class_query(one, layer) or 0
    try:
        matrix = asked.matrix(sha256, one.name, layer, head, one)
    except AttnvizError as error:  # windows that together are too large for the browser
        st.info(plain(str(error)))
        return
    about = asked.about_attention(matrix, asked.head_count(one, layer))
    attention_canvas(
        MATRIX_CANVAS,
        picture_url=drawing.data_url(sha256, PICTURE_PIXELS, entry.picture),
        size_hw=entry.picture.hw,
        panels=[asked.matrix_panel(sha256, one.name, layer, head, asks, one)],
        revision=revision,
        point=seed,
        group=point_panel.GROUP,
        label=f"{entry.title} with the attention of {one.title}. Choose a point.",
        on_choose=point_panel.keep,
        matrix=f"{about}. Rows look, columns are looked at; grey: out of sight. Point at it to see the two places.",
        opacity=point_panel.OPACITY,
    )
    point_yx = None if point is None or who == "class" else asked.source_point(point, entry.picture.hw)
    weights = service.cards()[one.name].sha256
    sheet = MatrixSheet(entry.picture, matrix, point_yx, weights)
    toolbar("attention_matrix", f"Attention matrix of {one.title}, layer {layer + 1}", lambda: sheet)
    _heads(entry, one, layer, who, asks, revision, seed)


def _choose(networks: Sequence[Asked]) -> tuple[Asked, int, asked.Heads, str]:
    """The network, the place of its layer, the head, and who looks."""
    by_name = {one.name: one for one in networks}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _fit(state.ATTENTION_OF, list(by_name), next(iter(by_name)))
        name = st.selectbox(
            "Network",
            list(by_name),
            format_func=lambda name: by_name[name].title if name in by_name else str(name),
            key=state.ATTENTION_OF,
            bind="query-params",
            width=220,
        )
        one = by_name[name]
        count = len(one.attention)
        layer = count
        if count > 1:
            _fit(state.ATTENTION_LAYER, range(1, count + 1), count)
            layer = st.slider(
                f"Layer, of {count}",
                1,
                count,
                key=state.ATTENTION_LAYER,
                bind="query-params",
                width=260,
                help="The self-attention layers in the order they run.",
            )
        heads = asked.head_count(one, layer - 1)
        _fit(state.ATTENTION_HEAD, range(heads + 1), 0)
        head = st.selectbox(
            "Head",
            range(heads + 1),
            format_func=lambda head: f"Head {head}" if head else f"Mean of all {heads}",
            key=state.ATTENTION_HEAD,
            bind="query-params",
            width=150,
        )
        who = "point"
        if asked.class_query(one, layer - 1) is not None:
            who = st.segmented_control(
                "Who looks",
                list(state.ASKERS),
                default="point",
                required=True,
                format_func=lambda who: state.ASKERS.get(who, who),
                key=state.ATTENTION_FROM,
                bind="query-params",
                help="The class token has no place in the picture. What it gathers is what the network answers from.",
            )
    return one, layer - 1, head - 1 if head else "mean", who


def _fit(key: str, allowed: Sequence[object], otherwise: object) -> None:
    """A choice from the address, or for another network, that is not to be had here gives way."""
    if st.session_state.get(key) not in allowed:
        st.session_state[key] = otherwise


def _heads(
    entry: Entry, one: Asked, layer: int, who: str, asks: int, revision: str, seed: tuple[int, int] | None
) -> None:
    sha256 = entry.picture.sha256
    st.markdown("#### All heads of this layer")
    means = asked.head_means(sha256, one.name, layer, one)
    attention_canvas(
        HEADS_CANVAS,
        picture_url=drawing.data_url(sha256, HEAD_PIXELS, entry.picture),
        size_hw=entry.picture.hw,
        panels=[asked.head_panel(sha256, one.name, layer, head, asks, about, one) for head, about in enumerate(means)],
        revision=revision,
        point=seed,
        group=point_panel.GROUP,
        label=f"{entry.title} with the attention of each head. Choose a point.",
        on_choose=point_panel.keep,
        shared_scale=True,
        narrowest_px=HEADS_NARROWEST_PX,
        opacity=point_panel.OPACITY,
    )
    st.html(drawing.small_print(HOW_TO_READ, in_columns=True))
    point = asked.point_now()
    if who == "point" and point is None:
        return
    rows = asked.heads_at(sha256, one.name, layer, None if who == "class" else point, one)
    _numbers(rows)
    if len(rows.rows) <= MOST_HEADS:
        grid = HeadGrid(entry.picture, rows, service.cards()[one.name].sha256, opacity=point_panel.OPACITY)
        toolbar("head_grid", f"Heads of {one.title}, layer {layer + 1}", lambda: grid)


def _numbers(rows: HeadRows) -> None:
    with st.expander("The numbers of the heads"):
        st.markdown(plain(f"{rows.model}, {rows.site.layer}, from {rows.who}."))
        st.table(
            [
                {
                    "Head": f"{row.head + 1}",
                    "Entropy, nats": f"{row.entropy:.2f}",
                    "Spread": f"{row.entropy_share:.0%}",
                    "Distance, px": "-" if row.distance_px is None else f"{row.distance_px:.0f}",
                    "To named tokens": f"{row.prefix:.1%}",
                    "Spread, all places": f"{row.mean_entropy_share:.0%}",
                    "Distance, all places, px": f"{row.mean_distance_px:.0f}",
                }
                for row in rows.rows
            ]
        )

"""All layers of a network beside each other in the browser. The slider below does the same without this component."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent

_strip = st.components.v2.component(
    "attnviz_layer_strip",
    html='<div class="strip" role="group"></div>',
    css=(HERE / "layer_strip.css").read_text(encoding="utf-8"),
    js=(HERE / "layer_strip.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class StripLayer:
    """One layer of the strip.

    Attributes:
        name: of the layer.
        image: its map as a data URL; empty where it has none.
        factors: of its channels, sorted, as shares of the axis's height; drawn where there is no map.
        share: how much its gates change, 0 to 1; None for a layer without gates.
        apart: how much of that tells features apart.
        values: a few words, one line each.
        mark: what is special about it; empty for nothing.
        flag: what is wrong with its gates; empty for nothing.
        alt: all of it in words.
    """

    name: str
    image: str
    factors: tuple[float, ...]
    share: float | None
    apart: float
    values: tuple[str, ...]
    mark: str
    flag: str
    alt: str


def layer_strip(
    key: str, label: str, layers: Sequence[StripLayer], aspect: float, chosen: int, on_pick: Callable[[int], None]
) -> None:
    """Show the strip.

    Args:
        key: Streamlit key.
        label: what the strip is, for a screen reader.
        layers: in the order in which they ran.
        aspect: width over height of the picture.
        chosen: number of the layer that is shown below, counted from 1.
        on_pick: called before the next run with the number of another layer. Numbers that are not there are ignored.
    """

    def picked() -> None:
        number = st.session_state[key].picked
        if isinstance(number, int) and 1 <= number <= len(layers):
            on_pick(number)

    _strip(
        key=key,
        data={
            "label": label,
            "aspect": round(aspect, 4),
            "chosen": chosen,
            "layers": [asdict(layer) for layer in layers],
        },
        on_picked_change=picked,
    )

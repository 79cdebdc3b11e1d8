"""The step of the lesson on shifted windows that computes: an editable map, an editable bias, masked attention."""

import numpy as np
import streamlit as st
from PIL import Image

from attnviz.export.lesson_figure import LessonFigure
from attnviz.lessons import WindowAttentionSteps, window_attention
from attnviz.pictures import Picture
from attnviz.render.lesson.window_attention import window_attention_drawing, window_attention_wh
from dashboard.learn import editor
from dashboard.learn.lesson import figure, fitting
from dashboard.sidebar import Entry

FIRST, SECOND = "First layer, no shift", "Second layer, shifted"
FACTORS = [[1.5, 1.5, 1.0]]
NEARER = 0.25
"""How much the starting bias falls with each row and column of distance."""


def numbers(entry: Entry, grid_hw: tuple[int, int], window: int, shift: int, cell: tuple[int, int]) -> None:
    """Draw the tables and the chosen layer.

    Args:
        entry: whose light the map starts with.
        grid_hw: rows and columns of the map.
        window: side of a window.
        shift: of the second layer.
        cell: row and column of the cell that asks, from 0.
    """
    height, width = grid_hw
    map_key = f"swin_map_{height}_{width}_{entry.picture.sha256[:8]}"
    bias_key, factors_key = f"swin_bias_{window}", "swin_factors"
    rows, columns = ([str(number) for number in range(1, size + 1)] for size in grid_hw)
    offsets = [f"{number:+d}" if number else "0" for number in range(1 - window, window)]
    with editor.side_by_side():
        with editor.as_wide_as_needed():
            features = editor.numbers(map_key, "**Map z**: light, 1 brightest, -1 darkest",
                                      light(entry.picture, grid_hw), rows, columns)  # fmt: skip
        with editor.as_wide_as_needed():
            table = editor.numbers(bias_key, "**Bias B**: rows and columns from query to key", _nearer(window),
                                   offsets, offsets)  # fmt: skip
        with editor.as_wide_as_needed():
            factors = editor.numbers(factors_key, "**Factors w** of q, k and v", FACTORS, ["w"], ["q", "k", "v"])[0]
    st.button("Start again", key="swin_again", on_click=editor.forget, args=(map_key, bias_key, factors_key))
    layers = [FIRST, SECOND]
    layer = st.segmented_control("Layer", layers, default=SECOND, required=True, key=fitting("swin_layer", layers),
                                 persist_state="session") or SECOND  # fmt: skip
    masked = st.toggle("Mask what only the roll brought together", value=True,
                       key=fitting("swin_masked", (True, False)), persist_state="session",
                       disabled=layer == FIRST)  # fmt: skip
    three = (float(factors[0]), float(factors[1]), float(factors[2]))
    steps = window_attention(features, three, table, 0)
    if layer == SECOND:
        steps = window_attention(steps.output, three, table, shift, masked)
    figure("swin_numbers", LessonFigure(
        f"{layer}: what the cell at row {cell[0] + 1}, column {cell[1] + 1} gets of its window",
        _said(steps, layer, cell),
        window_attention_drawing(steps, cell), window_attention_wh(steps),
        "Purple below zero, orange above; weights light to dark; brown: masked. One head, one number a cell, no "
        "LayerNorm and no MLP. Both layers share the bias and the factors.",
        {"layer": layer, "map": features.tolist(), "bias": table.tolist(), "factors": list(three), "window": window,
         "shift": shift, "masked": masked, "cell": [cell[0] + 1, cell[1] + 1]},
        {"features": steps.features, "weights": steps.weights, "output": steps.output},
    ))  # fmt: skip


def _said(steps: WindowAttentionSteps, layer: str, cell: tuple[int, int]) -> str:
    asked = steps.asked(cell)
    strongest = int(asked.cells.flat[int(np.argmax(asked.weights))])
    width = steps.features.shape[1]
    to = "a cell that fills up the grid" if strongest < 0 else f"row {strongest // width + 1}, column " \
        f"{strongest % width + 1}"  # fmt: skip
    return (
        f"{layer}: the cell at row {cell[0] + 1}, column {cell[1] + 1} has {steps.features[cell]:.2f} and asks "
        f"{asked.cells.size} places of its window, {int((asked.mask < 0).sum())} of them masked. It gives most, "
        f"{asked.weights.max():.0%}, to {to}; weights times values sum to {asked.attended:.2f}, and "
        f"{steps.output[cell]:.2f} comes out."
    )


def light(picture: Picture, grid_hw: tuple[int, int]) -> np.ndarray:
    """The mean light of each cell of the picture, the darkest -1, the brightest 1, with two digits; all 0 if even."""
    grey = Image.fromarray(picture.rgb).convert("F").resize((grid_hw[1], grid_hw[0]), Image.Resampling.BOX)
    cells = np.asarray(grey, dtype=np.float64)
    middle, half = (cells.max() + cells.min()) / 2, (cells.max() - cells.min()) / 2
    return np.round((cells - middle) / half, 2) if half > 0 else np.zeros(grid_hw)


def _nearer(window: int) -> np.ndarray:
    """A bias that prefers near keys."""
    away = np.abs(np.arange(1 - window, window))
    return -NEARER * (away[:, None] + away[None])

"""What networks look at from one point of the picture: the figures and their words."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from attnviz.maps import AttentionMap, is_flat
from attnviz.pictures import Picture
from attnviz.querying import AttentionAnswer, NoAnswer, PlaceAnswer, QueryAnswer
from attnviz.querying.answer_words import capital
from attnviz.render.columns import LONGEST_PIXELS
from attnviz.render.inputs import pixels_of
from attnviz.render.interactive import LONGEST_PX, columns_chart
from attnviz.render.panel import NOT_EXPLANATION
from attnviz.render.point_columns import (
    Shown,
    check_count,
    column_of,
    drawn,
    frames,
    point_words,
    source_with_cross,
    theme_named,
    warnings_of,
)
from attnviz.render.sizes import SLIDE_IN

MOST_ANSWERS = 6


def query_figure(
    picture: Picture | np.ndarray,
    point_yx: tuple[float, float],
    answers: Sequence[QueryAnswer],
    *,
    heading: str = "",
    opacity: float = 0.85,
    size: tuple[float, float] = SLIDE_IN,
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
) -> Figure:
    """The picture with a cross at the point, and every network's answer beside it.

    Args:
        picture: the source picture, or its pixels.
        point_yx: the point, in source pixels.
        answers: of one to six networks, from `attnviz.query`.
        heading: a line across the top.
        opacity: opacity of the highest value, in [0, 1].
        size: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.

    Raises:
        ValueRangeError: no answer, too many, or an unknown theme.
    """
    check_count(len(answers), MOST_ANSWERS, "answers")
    rgb = pixels_of(picture)
    shown = [_of_answer(one) for one in answers]
    columns = [
        source_with_cross(rgb, point_yx, LONGEST_PIXELS),
        *(column_of(rgb, one, opacity, LONGEST_PIXELS) for one in shown),
    ]
    return drawn(columns, heading, list(query_footer(answers)), size, theme, transparent)


def query_chart(
    picture: Picture,
    point_yx: tuple[float, float],
    answers: Sequence[QueryAnswer],
    *,
    heading: str = "",
    opacity: float = 0.85,
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
) -> go.Figure:
    """The figure of `query_figure` for a notebook: each cell tells its raw value under the pointer."""
    check_count(len(answers), MOST_ANSWERS, "answers")
    shown = [_of_answer(one) for one in answers]
    columns = [
        source_with_cross(picture.rgb, point_yx, LONGEST_PX),
        *(column_of(picture.rgb, one, opacity, LONGEST_PX) for one in shown),
    ]
    maps: list[tuple[str, AttentionMap] | None] = [None]
    maps += [None if one.one is None else (one.title, one.one) for one in shown]
    return columns_chart(picture, columns, maps, heading, list(query_footer(answers)), theme_named(theme), transparent)


def query_alt(picture: Picture, point_yx: tuple[float, float], answers: Sequence[QueryAnswer]) -> str:
    """The figure in words."""
    check_count(len(answers), MOST_ANSWERS, "answers")
    told = " ".join(f"{one.model}: {one.sentence}" for one in answers)
    return f"{picture.name} with a cross at {point_words(point_yx, picture.hw)}, and {len(answers)} networks. {told}"


def query_footer(answers: Sequence[QueryAnswer]) -> Iterator[str]:
    """What the values are, how they became colours, and what not to conclude."""
    said: list[str] = []
    heads = dict.fromkeys(one.heads for one in answers if isinstance(one, AttentionAnswer))
    if heads:
        said.append(f"Self-attention: share of attention from the cell under the point, {' or '.join(heads)}.")
    said += [
        f"{capital(kind)}: {unit}."
        for kind, unit in {one.of: one.values.unit for one in answers if isinstance(one, PlaceAnswer)}.items()
    ]
    if said:
        yield " ".join(said)
    layers = [f"{one.model} {one.site.layer}" for one in answers if one.site is not None]
    if layers:
        yield f"Layers: {', '.join(layers)}."
    if any(one.attention_map is not None for one in answers):
        yield (
            "Colours run from zero, or from a gate's smallest value, to the number at the end of each bar: each "
            "picture has a scale of its own. White frames: the cell that is asked, the border of what it may look at; "
            "hatched: out of its sight, or never seen by the network."
        )
    yield from warnings_of([(one.model, one.attention_map) for one in answers if one.attention_map is not None])
    yield NOT_EXPLANATION


def _of_answer(answer: QueryAnswer) -> Shown:
    told = answer.short[0].upper() + answer.short[1:]
    if isinstance(answer, AttentionAnswer):
        rows, columns = answer.of_grid_hw
        window = "" if answer.window_hw is None else f", window {answer.window_hw[0]} × {answer.window_hw[1]}"
        if not answer.is_off:  # how much is written at the end of the bar
            told = capital(", ".join([f"most to {answer.strongest_words}", *answer.taken]))
        return Shown(
            answer.model,
            answer.row,
            answer.row.value_range[1],
            0.0,
            told,
            f"{rows} × {columns} cells{window}",
            frames(answer.row, answer.of_cell, answer.of_grid_hw),
        )
    if isinstance(answer, PlaceAnswer):
        rows, columns = answer.grid_hw
        low, high = answer.values.value_range
        return Shown(
            answer.model,
            answer.values,
            high,
            0.0 if answer.of == "class attention" else low,
            told.removeprefix("Spatial gate "),
            f"{rows} × {columns} cells",
            frames(answer.values, answer.of_cell, answer.grid_hw),
            is_flat(answer.values),
        )
    assert isinstance(answer, NoAnswer)
    return Shown(answer.model, None, 0.0, 0.0, told, "", ())

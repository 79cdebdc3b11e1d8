"""The maps side by side, each over the whole source picture, with what the network predicts and how to read them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import streamlit as st

from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render import MEANINGLESS, NOT_EXPLANATION, UNPROVEN, number, overlay, scale_maps, scale_sentences
from attnviz.render.inputs import on_shrunk_picture
from attnviz.render.overlay import legend_strip
from attnviz.render.panel import span
from attnviz.render.scale import ScaledMap, grid_scale_sentences
from dashboard import badges, drawing, health_panel, service, state
from dashboard.controls import disagreement
from dashboard.drawing import ColourBar
from dashboard.region_panel import outlines_of
from dashboard.service import Answers, Reading
from dashboard.state import Selection
from dashboard.told_regions import ChosenRegion
from dashboard.words import plain

NARROWEST_PX = 215
"""Panels that would become narrower go to the next row."""

NARROW_PX = 205
"""The same for four panels: three and one would look worse."""

FEWEST_IN_A_ROW, MOST_IN_A_ROW = 2, 6
SHARED_BAR_PX = 420
NAMES_PER_SIDE = 20
"""The names of several regions are this part of the longest side high: panels are small."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """One panel's pixels and its colour bar; a flat map has a sentence instead of a bar, and is not painted.

    Panels of one group have one colour scale.
    """

    image: npt.NDArray[np.uint8]
    bar: ColourBar | None
    flat: str = ""
    group: int = 0


@dataclass(frozen=True, eq=False)
class Row:
    """One picture of the grid.

    Attributes:
        title: of the picture, for people.
        picture: the source picture.
        answers: what the networks say about it.
        chosen: its regions, the one in focus first.
    """

    title: str
    picture: Picture
    answers: Answers
    chosen: tuple[ChosenRegion, ...]


def draw(rows: Sequence[Row], selection: Selection, notes: Sequence[str] = ()) -> None:
    """Draw a row of panels for each picture, and how to read them beneath.

    Args:
        rows: at least one picture. The scale is chosen over all of them.
        selection: what is shown, and how.
        notes: what else is to be said of the maps.
    """
    drawn = drawn_rows(rows, selection)
    flat_list = [one for of_row in drawn for one in of_row]
    bars, groups = {one.bar for one in flat_list}, {one.group for one in flat_list}
    shared_bar = bars.pop() if len(bars) == len(groups) == 1 and len(flat_list) > 1 else None
    for place, (row, of_row) in enumerate(zip(rows, drawn, strict=True)):
        answers, region = row.answers, row.chosen[0].region if row.chosen else None
        if len(rows) > 1:
            st.markdown(f"#### {plain(row.title)}")
        cells = _in_order(selection, answers, of_row)
        narrowest = NARROW_PX if len(cells) == 4 else NARROWEST_PX
        columns = min(max(FEWEST_IN_A_ROW, len(cells)), MOST_IN_A_ROW)
        grid = st.grid(columns, min_column_width=narrowest, key=f"maps_{place}")
        for cell in cells:
            with grid.cell():
                if isinstance(cell, str):
                    _no_panel(cell, answers)
                else:
                    _panel(*cell, answers, region, with_bar=shared_bar is None, of=row.title if place else "")
    _how_to_read(rows, selection, shared_bar, notes)


def _in_order(selection: Selection, answers: Answers, drawn: Sequence[Drawn]) -> list[tuple[Reading, Drawn] | str]:
    """What stands in each cell, in the order of the networks: a panel, or the title of a network that has none."""
    panels = {reading.name: (reading, one) for reading, one in zip(answers.readings, drawn, strict=True)}
    titles = {name: card.title for name, card in service.cards().items()}
    told = (*answers.failed, *answers.missing)
    return [
        panels.get(name) or titles[name]
        for name in dict.fromkeys((*selection.networks, *panels))
        if name in panels or titles.get(name) in told
    ]


def _no_panel(title: str, answers: Answers) -> None:
    st.markdown(f"**{plain(title)}**")
    if title in answers.failed:
        st.error(plain(answers.failed[title]))
    else:
        st.info(plain(answers.missing[title]))


def drawn_rows(rows: Sequence[Row], selection: Selection) -> list[list[Drawn]]:
    """Each panel's pixels, in colours whose scale is chosen over all rows."""
    raw = [reading.attention_map for row in rows for reading in row.answers.readings]
    if not raw:
        return [[] for _ in rows]
    scaled = iter(scale_maps(raw, selection.scale))
    return [_drawn_row(row, selection, [next(scaled) for _ in row.answers.readings]) for row in rows]


def _drawn_row(row: Row, selection: Selection, scaled: Sequence[ScaledMap]) -> list[Drawn]:
    pixels = drawing.on_screen(row.picture.sha256, row.picture)
    drawn = [
        _drawn_one(row.picture, pixels, selection, one, reading.attention_map)
        for one, reading in zip(scaled, row.answers.readings, strict=True)
    ]
    if not row.chosen:
        return drawn
    hw = (pixels.shape[0], pixels.shape[1])
    slot = f"{state.LAST_OUTLINE}_{row.picture.sha256}"
    outlines = outlines_of(row.chosen, hw, names_px=round(max(hw) / NAMES_PER_SIDE), slot=slot)
    return [replace(one, image=outlines.drawn_on(one.image)) for one in drawn]


def _drawn_one(
    picture: Picture, pixels: npt.NDArray[np.uint8], selection: Selection, scaled: ScaledMap, raw: AttentionMap
) -> Drawn:
    flat = scaled.flat
    image = overlay(
        pixels,
        on_shrunk_picture(scaled.attention_map, picture.rgb, pixels.shape[:2]),
        vmin=scaled.vmin,
        vmax=scaled.vmax,
        opacity=0.0 if flat else selection.opacity,
        style="heat" if flat else selection.style,
        interpolation=selection.interpolation,
    )
    if flat:
        return Drawn(image, None, _flat_words(raw), scaled.group)
    under, over = scaled.clipped
    bar = drawing.ColourBar(
        low=("< " if under else "") + number(scaled.vmin),
        high=("> " if over else "") + number(scaled.vmax),
        unit=scaled.unit,
        colours=drawing.gradient(legend_strip(scaled, selection.style, selection.opacity)),
    )
    return Drawn(image, bar, group=scaled.group)


def _flat_words(attention_map: AttentionMap) -> str:
    low, high = span(*attention_map.value_range)
    if low == high:
        return f"Flat: {attention_map.unit} {low} everywhere. There is nothing to draw."
    return f"Flat: {attention_map.unit} {low} to {high}. There is nothing to draw."


def _panel(
    reading: Reading, drawn: Drawn, answers: Answers, region: Region | None, *, with_bar: bool, of: str = ""
) -> None:
    """Draw a panel; `of` names the picture where it is not the first."""
    panel = service.panel_of(reading, answers.scores)
    focus = panel.focus_line(region.name) if region is not None else ""
    st.markdown(f"**{plain(reading.title)}**", help=plain(reading.attention_map.meaning))
    said = [reading.what, drawn.flat, f"answer: {panel.prediction_line}", focus, *panel.warnings]
    st.image(
        badges.with_badge(drawn.image, panel.warnings),
        width="stretch",
        output_format="JPEG",
        alt=f"{reading.title}{f' on {of}' if of else ''}: {'; '.join(part for part in said if part)}",
    )
    if panel.untrained:
        st.warning(f"{panel.untrained.upper()}: {MEANINGLESS}.")
    if reading.attention_map.proof == "unproven":
        st.warning(f"{UNPROVEN[0].upper()}{UNPROVEN[1:]}.")
    details = [reading.what, panel.grid_line, reading.attention_map.note]
    st.html(
        drawing.panel_text(
            drawn.bar if with_bar else None,
            drawn.flat,
            focus,
            panel.predictions,
            " · ".join(part for part in details if part),
        )
    )


def _how_to_read(rows: Sequence[Row], selection: Selection, shared_bar: ColourBar | None, notes: Sequence[str]) -> None:
    st.markdown("**How to read this**")
    if shared_bar is not None:
        with st.container(width=SHARED_BAR_PX):
            st.html(drawing.colour_bar(shared_bar))
    readings = [reading for row in rows for reading in row.answers.readings]
    said = [*notes, *_scale_notes(rows, selection)]
    if selection.map_kind == "own":
        said.append("Own attention knows no class: it is what the network multiplied with, whatever it then answered.")
    elif len(rows) == 1 and any(reading.explained for reading in readings):
        said.append(disagreement([(reading.title, reading.explained or "") for reading in readings]))
    if selection.interpolation == "smooth":
        said.append("Smoothed between cells: it looks finer than the network is.")
    if len(rows) == 1:
        said.append(health_panel.flat_note(rows[0].picture, rows[0].answers))
    st.html(drawing.small_print([note for note in [*said, NOT_EXPLANATION] if note], in_columns=True))


def _scale_notes(rows: Sequence[Row], selection: Selection) -> list[str]:
    """What the colours mean. The library's sentences, so that the page and its downloads say the same."""
    readings = [(row, reading) for row in rows for reading in row.answers.readings]
    if not readings:
        return []
    scaled = scale_maps([reading.attention_map for _, reading in readings], selection.scale)
    if len(rows) == 1:
        return list(scale_sentences(scaled, [reading.title for _, reading in readings], selection.scale))
    titles = [f"{reading.title} on {row.title}" for row, reading in readings]
    return list(grid_scale_sentences(scaled, titles, selection.scale))

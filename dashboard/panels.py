"""The maps side by side, each over the whole source picture, with what the network predicts and how to read them."""

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
from attnviz.render.scale import ScaledMap
from dashboard import badges, drawing, health_panel, service
from dashboard.controls import disagreement
from dashboard.drawing import ColourBar
from dashboard.region_panel import outlines_of
from dashboard.service import Answers, Reading
from dashboard.state import Selection
from dashboard.told_regions import ChosenRegion
from dashboard.words import plain

NARROWEST_PX = 230
"""Panels that would become narrower go to the next row."""

MOST_IN_A_ROW = 6
SHARED_BAR_PX = 420
NAMES_PER_SIDE = 20
"""The names of several regions are this part of the longest side high: panels are small."""


@dataclass(frozen=True, eq=False)
class _Drawn:
    """One panel's pixels and its colour bar; a flat map has a sentence instead of a bar, and is not painted.

    Panels of one group have one colour scale.
    """

    image: npt.NDArray[np.uint8]
    bar: ColourBar | None
    flat: str = ""
    group: int = 0


def draw(picture: Picture, selection: Selection, answers: Answers, chosen: tuple[ChosenRegion, ...]) -> None:
    """Draw the panels, and how to read them beneath."""
    drawn = _drawn(picture, selection, answers, chosen)
    region = chosen[0].region if chosen else None
    bars = {one.bar for one in drawn}
    groups = {one.group for one in drawn}
    shared_bar = bars.pop() if len(bars) == len(groups) == 1 and len(drawn) > 1 else None
    cells = max(1, len(drawn) + len(answers.failed) + len(answers.missing))
    grid = st.grid(min(cells, MOST_IN_A_ROW), min_column_width=NARROWEST_PX, key="maps")
    for reading, one in zip(answers.readings, drawn, strict=True):
        with grid.cell():
            _panel(reading, one, answers, region, with_bar=shared_bar is None)
    for title, problem in answers.failed.items():
        with grid.cell():
            st.markdown(f"**{plain(title)}**")
            st.error(plain(problem))
    for title, reason in answers.missing.items():
        with grid.cell():
            st.markdown(f"**{plain(title)}**")
            st.info(plain(reason))
    _how_to_read(picture, selection, answers, shared_bar)


def _drawn(picture: Picture, selection: Selection, answers: Answers, chosen: tuple[ChosenRegion, ...]) -> list[_Drawn]:
    if not answers.readings:
        return []
    pixels = drawing.on_screen(picture.sha256, picture)
    raw = [reading.attention_map for reading in answers.readings]
    scaled = scale_maps(raw, selection.scale)
    drawn = [_drawn_one(picture, pixels, selection, one, of) for one, of in zip(scaled, raw, strict=True)]
    if not chosen:
        return drawn
    hw = (pixels.shape[0], pixels.shape[1])
    outlines = outlines_of(chosen, hw, names_px=round(max(hw) / NAMES_PER_SIDE))
    return [replace(one, image=outlines.drawn_on(one.image)) for one in drawn]


def _drawn_one(
    picture: Picture, pixels: npt.NDArray[np.uint8], selection: Selection, scaled: ScaledMap, raw: AttentionMap
) -> _Drawn:
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
        return _Drawn(image, None, _flat_words(raw), scaled.group)
    under, over = scaled.clipped
    bar = drawing.ColourBar(
        low=("< " if under else "") + number(scaled.vmin),
        high=("> " if over else "") + number(scaled.vmax),
        unit=scaled.unit,
        colours=drawing.gradient(legend_strip(scaled, selection.style, selection.opacity)),
    )
    return _Drawn(image, bar, group=scaled.group)


def _flat_words(attention_map: AttentionMap) -> str:
    low, high = span(*attention_map.value_range)
    if low == high:
        return f"Flat: {attention_map.unit} {low} everywhere. There is nothing to draw."
    return f"Flat: {attention_map.unit} {low} to {high}. There is nothing to draw."


def _panel(reading: Reading, drawn: _Drawn, answers: Answers, region: Region | None, *, with_bar: bool) -> None:
    panel = service.panel_of(reading, answers.scores)
    focus = panel.focus_line(region.name) if region is not None else ""
    st.markdown(f"**{plain(reading.title)}**", help=plain(reading.attention_map.meaning))
    said = [reading.what, drawn.flat, f"answer: {panel.prediction_line}", focus, *panel.warnings]
    st.image(
        badges.with_badge(drawn.image, panel.warnings),
        width="stretch",
        output_format="JPEG",
        alt=f"{reading.title}: {'; '.join(part for part in said if part)}",
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


def _how_to_read(picture: Picture, selection: Selection, answers: Answers, shared_bar: ColourBar | None) -> None:
    st.markdown("**How to read this**")
    if shared_bar is not None:
        with st.container(width=SHARED_BAR_PX):
            st.html(drawing.colour_bar(shared_bar))
    notes = _scale_notes(selection, answers)
    if selection.map_kind == "own":
        notes.append("Own attention knows no class: it is what the network multiplied with, whatever it then answered.")
    elif any(reading.explained for reading in answers.readings):
        notes.append(disagreement([(reading.title, reading.explained or "") for reading in answers.readings]))
    if selection.interpolation == "smooth":
        notes.append("Smoothed between cells: it looks finer than the network is.")
    notes.append(health_panel.flat_note(picture, answers))
    st.html(drawing.small_print([note for note in [*notes, NOT_EXPLANATION] if note], in_columns=True))


def _scale_notes(selection: Selection, answers: Answers) -> list[str]:
    """What the colours mean. The library's sentences, so that the page and its downloads say the same."""
    if not answers.readings:
        return []
    scaled = scale_maps([reading.attention_map for reading in answers.readings], selection.scale)
    return list(scale_sentences(scaled, [reading.title for reading in answers.readings], selection.scale))

"""The comparison as files and its numbers as tables, made when a button is pressed."""

from collections.abc import Callable

import streamlit as st

from attnviz import comparing
from attnviz.comparing import MapChoice
from attnviz.export import Comparison, comparison_png, scores_csv, slug, talk_pptx
from attnviz.export.maps_file import maps_of_all
from attnviz.export.slides import SlideSize
from attnviz.pictures import Picture
from attnviz.regions import Region
from dashboard import asking, controls, region_panel, state
from dashboard.figure_toolbar import toolbar
from dashboard.service import Answers
from dashboard.sidebar import Entry
from dashboard.state import Selection

PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def buttons(
    picture: Picture, selection: Selection, answers: Answers, regions: tuple[Region, ...], finding: str
) -> None:
    """Draw the download buttons for what is on the page."""
    comparison = comparison_of(picture, selection, answers, regions, finding)
    name = name_of(picture)
    with st.container(horizontal=True, vertical_alignment="center"):
        _button("Comparison (PNG)", lambda: comparison_png(comparison), f"{name}-attention.png", "image/png", "png")
        _button("Numbers (CSV)", lambda: scores_csv([comparison]), f"{name}-attention.csv", "text/csv", "csv")
        toolbar("comparison", f"{name} attention", lambda: comparison, formats=("SVG", "PDF"))


def files(comparison: Comparison, name: str, key: str, size: SlideSize) -> None:
    """Draw the buttons for a whole talk of a comparison, its scores and its raw maps."""
    with st.container(horizontal=True):
        _button(
            "A talk of it (PPTX)",
            lambda: talk_pptx(comparison, size=size, theme=comparison.theme),
            f"{name}-talk.pptx",
            PPTX,
            f"{key}_pptx",
        )
        csv, npz = f"{name}-attention.csv", f"{name}-maps.npz"
        _button("Scores (CSV)", lambda: scores_csv([comparison]), csv, "text/csv", f"{key}_csv")
        maps = {f"{name}-attention": comparison}
        _button("Raw maps (NPZ)", lambda: maps_of_all(maps) or b"", npz, "application/octet-stream", f"{key}_npz")


def on_screen(entry: Entry, networks: tuple[str, ...]) -> Comparison | None:
    """The comparison that the page Compare shows, for a page without its controls; None if no network has a map.

    Nothing runs that ran before.
    """
    chosen = region_panel.regions_there(entry)
    selection = selection_there(networks)
    answers = asking.ask(entry, selection, chosen)
    if not answers.readings:
        return None
    regions = tuple(one.region for one in chosen)
    return comparison_of(entry.picture, selection, answers, regions, asking.sentence_of(answers, regions))


def selection_there(networks: tuple[str, ...]) -> Selection:
    """What the controls say where they are not drawn."""
    told = st.session_state
    target = told.get(state.TARGET, state.TOP_1)
    gaze = told.get(state.GAZE, "mean")
    map_kind = told.get(state.MAP_KIND, "gradcam")
    across, down = (told.get(key, 50) / 100 for key in (state.POINT_X, state.POINT_Y))
    return Selection(
        networks,
        map_kind,
        None if target == state.TOP_1 or not MapChoice(map_kind).class_dependent else target,
        gaze if map_kind in asking.LOOKING_FROM else "mean",
        (min(down, 1 - 1e-6), min(across, 1 - 1e-6)),
        told.get(state.STYLE, "heat"),
        told.get(state.GRID, "cells"),
        told.get(state.SCALE, "per map"),
        told.get(state.OPACITY, controls.DEFAULT_OPACITY),
    )


def comparison_of(
    picture: Picture, selection: Selection, answers: Answers, regions: tuple[Region, ...], finding: str
) -> Comparison:
    """What is on the page, as the library draws and writes it; the region in focus comes first."""
    scores = {regions[0].name: answers.scores, **answers.others} if regions else {}
    return comparing.comparison_of(
        picture,
        answers.readings,
        regions,
        scores,
        scale=selection.scale,
        style=selection.style,
        interpolation=selection.interpolation,
        opacity=selection.opacity,
        heading=finding,
    )


def name_of(picture: Picture) -> str:
    """The picture's name as the start of file names."""
    return slug(picture.name.rsplit(".", 1)[0])


def _button(label: str, make: Callable[[], bytes], file_name: str, mime: str, key: str) -> None:
    # The callable runs outside this session's run: it holds everything it needs. "ignore" keeps the page still.
    st.download_button(
        label, make, file_name, mime, key=f"download_{key}", on_click="ignore", icon=":material/download:"
    )

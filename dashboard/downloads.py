"""The comparison as a picture file and its numbers as a table, made when a button is pressed."""

from collections.abc import Callable

import streamlit as st

from attnviz.export import Comparison, comparison_png, scores_csv, slug
from attnviz.pictures import Picture
from attnviz.regions import Region
from dashboard import service
from dashboard.service import Answers
from dashboard.state import Selection


def buttons(
    picture: Picture, selection: Selection, answers: Answers, regions: tuple[Region, ...], finding: str
) -> None:
    """Draw the download buttons for what is on the page."""
    comparison = comparison_of(picture, selection, answers, regions, finding)
    name = slug(picture.name.rsplit(".", 1)[0])
    files: list[tuple[str, str, str, Callable[[], bytes]]] = [
        ("Comparison (PNG)", "png", "image/png", lambda: comparison_png(comparison)),
        ("Numbers (CSV)", "csv", "text/csv", lambda: scores_csv([comparison])),
    ]
    with st.container(horizontal=True):
        for label, kind, mime, make in files:
            # The callable runs outside this session's run: it holds everything it needs. "ignore" keeps the page still.
            st.download_button(
                label,
                make,
                f"{name}-attention.{kind}",
                mime,
                key=f"download_{kind}",
                on_click="ignore",
                icon=":material/download:",
            )


def comparison_of(
    picture: Picture, selection: Selection, answers: Answers, regions: tuple[Region, ...], finding: str
) -> Comparison:
    """What is on the page, as the library draws and writes it; the region in focus comes first."""
    return Comparison(
        picture,
        tuple(service.panel_of(reading, answers.scores, answers.others) for reading in answers.readings),
        region=regions[0] if regions else None,
        others=regions[1:],
        scale=selection.scale,
        style=selection.style,
        interpolation=selection.interpolation,
        opacity=selection.opacity,
        heading=finding,
    )

"""A figure as a picture for a slide: without the title that the slide says already, and without empty edges."""

import io

from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from attnviz.export.figure_files import figure_png
from attnviz.export.figure_source import FigureSource, Json
from attnviz.render.text import ELLIPSIS

HEADING_IN = 1.1
"""Height that a figure's heading and margins take."""

_UPPER_PART = 0.8


class Untitled:
    """A figure whose own heading is not drawn, if it has one."""

    def __init__(self, source: FigureSource) -> None:
        self._source = source

    @property
    def title(self) -> str:
        """That of the figure."""
        return self._source.title

    @property
    def alt(self) -> str:
        """That of the figure."""
        return self._source.alt

    def figure(self) -> Figure:
        """The figure without the lines at its top that are its title."""
        figure = self._source.figure()
        for line in _heading(figure, " ".join(self.title.split())):
            line.set_visible(False)
        return figure

    def provenance(self) -> dict[str, Json]:
        """That of the figure."""
        return self._source.provenance()


def is_titled(source: FigureSource) -> bool:
    """Whether the figure draws its title at its top."""
    return bool(_heading(source.figure(), " ".join(source.title.split())))


def picture_of(source: FigureSource, dpi: int) -> tuple[bytes, float]:
    """A figure as a PNG without its heading and without see-through edges, and its width / height."""
    image: Image.Image = Image.open(io.BytesIO(figure_png(Untitled(source), dpi)))
    seen = image.getchannel("A").getbbox() if image.mode == "RGBA" else None
    if seen is not None:
        image = image.crop(seen)
    file = io.BytesIO()
    image.save(file, "PNG", dpi=(dpi, dpi))
    return file.getvalue(), image.width / image.height


def _heading(figure: Figure, title: str) -> list[Text]:
    """The lines of text, one below the other at the top, that together are the title; none if some are missing."""
    said, lines = "", []
    for one in figure.texts:
        words = " ".join(one.get_text().split())
        whole = f"{said} {words}".strip()
        cut = whole.endswith(ELLIPSIS) and title.startswith(whole.removesuffix(ELLIPSIS).rstrip())
        if not words or one.get_position()[1] < _UPPER_PART or not (title.startswith(whole) or cut):
            continue
        said = whole
        lines.append(one)
        if cut or said == title:
            return lines
    return []

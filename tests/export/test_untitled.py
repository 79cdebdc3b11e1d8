"""A slide's picture does not repeat the slide's title, and keeps everything else."""

import io
from dataclasses import dataclass

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from attnviz.export.deck.untitled import Untitled, picture_of


@dataclass(frozen=True)
class Titled:
    """Some lines of text from the top down, and a bar in the middle of a see-through sheet of 4 x 2 inches."""

    title: str
    lines: tuple[str, ...]
    alt: str = ""

    def figure(self):
        figure = Figure(figsize=(4, 2), facecolor="none")
        FigureCanvasAgg(figure)
        for place, line in enumerate(self.lines):
            figure.text(0, 1 - 0.08 * (place + 1), line, size=8)
        axes = figure.add_axes((0.25, 0.25, 0.5, 0.5))
        axes.set_axis_off()
        axes.set_facecolor("red")
        axes.imshow([[1]], aspect="auto")
        return figure

    def provenance(self):
        return {}


@pytest.mark.parametrize(
    ("title", "lines", "kept"),
    [
        ("the dog", ("the dog", "the grass"), ["the grass"]),
        ("the dog sits on the grass", ("the dog sits", "on the grass"), []),
        ("the dog sits on the grass", ("the dog sits", "on…"), []),
        ("the dog sits", ("the dog",), ["the dog"]),  # the name of a panel, and not the whole title
        ("other", ("the dog", "the grass"), ["the dog", "the grass"]),
        ("low", ("a", "b", "low"), ["a", "b", "low"]),  # not at the top: 0.76 of the height
    ],
)
def test_only_the_whole_title_at_the_top_is_left_out(title, lines, kept):
    shown = [one.get_text() for one in Untitled(Titled(title, lines)).figure().texts if one.get_visible()]
    assert shown == kept


def test_the_picture_ends_where_something_is_drawn():
    made, aspect = picture_of(Titled("gone", ("gone",)), 100)
    image = Image.open(io.BytesIO(made))
    # the bar: half of 4 x 2 inches at 100 dots, give or take the pixel that its edge shares
    assert image.size == pytest.approx((200, 100), abs=2)
    assert aspect == image.width / image.height

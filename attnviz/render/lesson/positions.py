"""Relative position logits, drawn on a small grid, and what they do in a real layer."""

import numpy as np

from attnviz.geometry import Geometry
from attnviz.lessons import RelativeSteps
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.render.lesson.board import Board, Placed
from attnviz.render.lesson.colours import SHARE_PALETTE, Colours
from attnviz.render.lesson.drawing import Drawing, telling
from attnviz.render.lesson.numbers import written
from attnviz.render.overlay import overlay

SMALL_WH = (12.0, 5.5)
REAL_WH = (12.0, 3.1)


@telling
def relative_drawing(steps: RelativeSteps, cell: tuple[int, int]) -> Drawing:
    """The offsets, the two terms, their sum and its softmax, for one query.

    Args:
        steps: of `lessons.relative_positions`.
        cell: row and column of the query.
    """

    def draw(board: Board) -> None:
        height, width = steps.logits.shape
        side = min(3.2 / width, 2.0 / height, 0.62)
        rows = np.repeat(steps.row_offsets[:, None], width, axis=1)
        columns = np.repeat(steps.column_offsets[None, :], height, axis=0)
        row_terms = np.repeat(steps.row_terms[:, None], width, axis=1)
        column_terms = np.repeat(steps.column_terms[None, :], height, axis=0)
        terms = Colours.signed(steps.row_terms, steps.column_terms, steps.logits)
        offsets = Colours.signed(rows, columns)
        size = 12 if side > 0.5 else 10
        for x, y, values, colours, title in (
            (0.2, 0.55, rows, offsets, "row offset"),
            (0.2, 0.55 + 2.75, columns, offsets, "column offset"),
            (4.4, 0.55, row_terms, terms, r"$q \cdot r_H\,/\sqrt{d}$"),
            (4.4, 0.55 + 2.75, column_terms, terms, r"$q \cdot r_W\,/\sqrt{d}$"),
            (8.6, 0.55, steps.logits, terms, "sum: relative logits"),
            (8.6, 0.55 + 2.75, steps.weights, Colours(SHARE_PALETTE, 0, float(steps.weights.max())),
             "softmax: place alone"),
        ):  # fmt: skip
            words = _with_signs(values) if "offset" in title else True
            placed = board.cells(x, y, values, colours, cell=(side, side), title=title, marked=[cell], size=size,
                                 words=words)  # fmt: skip
            if x == 0.2:
                board.arrow((placed.right + 0.15, placed.middle[1]), (4.25, placed.middle[1]))
            elif x == 4.4:
                end = 0.55 + height * side / 2 + (0.0 if y < 1 else 0.25)
                board.arrow((placed.right + 0.15, placed.middle[1]), (8.45, end))
        middle = 8.6 + width * side / 2
        board.arrow((middle, 0.55 + height * side + 0.08), (middle, 0.55 + 2.75 - 0.36))

    return draw


def _with_signs(values: np.ndarray) -> list[list[str]]:
    return [
        [f"+{word}" if value > 0 else word for word, value in zip(line, numbers, strict=True)]
        for line, numbers in zip(written(values), values, strict=True)
    ]


@telling
def content_and_place(
    content: np.ndarray,
    relative: np.ndarray,
    weights: np.ndarray,
    picture: Picture,
    geometry: Geometry,
    cell: tuple[int, int],
) -> Drawing:
    """Three maps over the picture: logits of content, logits of place, and the attention that both give.

    Args:
        content: (h, w), `q . k / sqrt(d)` of one query with every key.
        relative: (h, w), its relative logits.
        weights: (h, w), softmax of their sum.
        picture: that the network saw.
        geometry: where it saw it.
        cell: row and column of the query.
    """

    def draw(board: Board) -> None:
        height, width = picture.hw
        room = 3.7
        down = min(room * height / width, 2.35)
        across = down * width / height
        rows, columns = geometry.cell_edges((weights.shape[0], weights.shape[1]))
        largest = max(float(np.abs(content).max()), float(np.abs(relative).max())) or 1.0
        for number, (title, values, signed) in enumerate(
            (("what is there: content logits", content, True), ("where it is: relative logits", relative, True),
             ("softmax of the sum: the attention", weights, False))
        ):  # fmt: skip
            place = Placed(number * (12 - room) / 2 + (room - across) / 2, 0.4, across, down)
            ends = (-np.inf, np.inf) if signed else (0.0, 1.0)
            one = AttentionMap(values, "lesson", (), "", "", ends, signed, geometry)
            low, high = (-largest, largest) if signed else (0.0, float(values.max()))
            board.picture(place, overlay(picture, one, vmin=low, vmax=high, opacity=0.85, longest=640), smooth=True)
            board.text(place.middle[0], 0.18, title, size=13, align="center")
            said = written([[values.min(), values.max()]])[0] if signed else [f"{values.min():.2%}",
                                                                            f"{values.max():.1%}"]  # fmt: skip
            board.text(place.middle[0], place.bottom + 0.2, f"{said[0]} to {said[1]}", size=11, muted=True,
                       align="center")  # fmt: skip
            y0, y1 = (np.clip(rows[one_], 0, height) * down / height for one_ in (cell[0], cell[0] + 1))
            x0, x1 = (np.clip(columns[one_], 0, width) * across / width for one_ in (cell[1], cell[1] + 1))
            board.frame(Placed(place.x + x0, place.y + y0, x1 - x0, y1 - y0), width=1.8)

    return draw

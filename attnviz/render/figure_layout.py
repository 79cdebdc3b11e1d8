"""Where the parts of a comparison go: the arrangement with the largest pictures whose text still fits."""

import math
from dataclasses import dataclass
from typing import Protocol

MARGIN_IN = 0.35
GUTTER_IN = 0.34
ROW_GAP_IN = 0.26
SIDE_GAP_IN = 0.14
_NARROWEST_SIDE_IN = 1.3
_THINNEST_IN = 0.08


class Measures(Protocol):
    """Heights, in inches, of the tallest panel's text when it is wrapped to a width."""

    def above(self, width_in: float) -> float:
        """Name and prediction."""
        ...

    def bar(self) -> float:
        """Colour bar with its numbers."""
        ...

    def rest(self, width_in: float) -> float:
        """All that may stand under the colour bar or beside the picture."""
        ...


@dataclass(frozen=True)
class Grid:
    """Cells of a comparison, in inches.

    Attributes:
        columns: panels in a full row.
        rows: rows of panels.
        picture_wh: width and height of each picture.
        column_in: width of a cell.
        row_in: height of a cell.
        side_in: width of the text beside the picture; 0 where it stands below.
    """

    columns: int
    rows: int
    picture_wh: tuple[float, float]
    column_in: float
    row_in: float
    side_in: float = 0.0


def best_grid(panels: int, aspect: float, room_wh: tuple[float, float], measures: Measures) -> Grid:
    """The arrangement with the largest pictures; among nearly equal ones, the one with the fewest rows.

    Args:
        panels: how many, the source picture included.
        aspect: width / height of the picture.
        room_wh: width and height left between heading and footer.
        measures: of the panels' text.
    """
    grids: list[Grid] = []
    for rows in range(1, panels + 1):
        columns = math.ceil(panels / rows)
        if math.ceil(panels / columns) == rows:
            cell_wh = (
                (room_wh[0] - (columns - 1) * GUTTER_IN) / columns,
                (room_wh[1] - (rows - 1) * ROW_GAP_IN) / rows,
            )
            grids.append(_text_below(columns, rows, cell_wh, aspect, measures))
            beside = _text_beside(columns, rows, cell_wh, aspect, measures)
            if beside is not None:
                grids.append(beside)
    grids = [grid for grid in grids if _fits(grid, room_wh)] or grids
    largest = max(grid.picture_wh[0] for grid in grids)
    return next(grid for grid in grids if grid.picture_wh[0] >= 0.93 * largest)


def _text_below(columns: int, rows: int, cell_wh: tuple[float, float], aspect: float, measures: Measures) -> Grid:
    width, height = cell_wh
    text = measures.above(width) + measures.bar() + measures.rest(width)
    picture_wh = _picture(min(height - text, width / aspect), aspect, width)
    return Grid(columns, rows, picture_wh, width, text + picture_wh[1])


def _picture(height: float, aspect: float, widest: float) -> tuple[float, float]:
    """Width and height of a picture. The short side of an extreme one is drawn thicker than it is, to be seen."""
    return min(widest, max(_THINNEST_IN, height * aspect)), max(_THINNEST_IN, height)


def _fits(grid: Grid, room_wh: tuple[float, float]) -> bool:
    return grid.rows * grid.row_in + (grid.rows - 1) * ROW_GAP_IN <= room_wh[1] + 1e-9


def _text_beside(
    columns: int, rows: int, cell_wh: tuple[float, float], aspect: float, measures: Measures
) -> Grid | None:
    width, height = cell_wh
    fixed = measures.above(width) + measures.bar()
    picture_h = min(height - fixed, (width - SIDE_GAP_IN - _NARROWEST_SIDE_IN) / aspect)
    if picture_h <= 0.3:
        return None
    picture_wh = _picture(picture_h, aspect, width)
    side = width - SIDE_GAP_IN - picture_wh[0]
    if measures.rest(side) > picture_h + measures.bar():
        return None
    return Grid(columns, rows, picture_wh, width, fixed + picture_h, side)

"""Where the parts of a comparison go: the arrangement with the largest pictures whose text still fits."""

import math
from collections.abc import Callable
from dataclasses import dataclass

MARGIN_IN = 0.35
GUTTER_IN = 0.32
ROW_GAP_IN = 0.24


@dataclass(frozen=True)
class Grid:
    """Cells of a comparison, in inches.

    Attributes:
        columns: panels in a full row.
        rows: rows of panels.
        picture_wh: width and height of each picture.
        column_in: width that each panel's text may take.
        text_in: height of each panel's text and colour bar.
    """

    columns: int
    rows: int
    picture_wh: tuple[float, float]
    column_in: float
    text_in: float


def best_grid(
    panels: int, aspect: float, room_wh: tuple[float, float], text_height: Callable[[float], float]
) -> Grid:
    """The arrangement with the largest pictures; one row wins where it comes within a tenth of that.

    Args:
        panels: how many, the source picture included.
        aspect: width / height of the picture.
        room_wh: width and height left between heading and footer.
        text_height: height of the tallest panel's text when wrapped to a column of the given width.
    """
    grids = []
    for columns in range(panels, 0, -1):
        rows = math.ceil(panels / columns)
        column = (room_wh[0] - (columns - 1) * GUTTER_IN) / columns
        text = text_height(column)
        height = max(0.01, (room_wh[1] - (rows - 1) * ROW_GAP_IN) / rows - text)
        width = min(column, height * aspect)
        grids.append(Grid(columns, rows, (width, width / aspect), column, text))
    largest = max(grid.picture_wh[0] for grid in grids)
    return next(grid for grid in grids if grid.picture_wh[0] >= 0.9 * largest)

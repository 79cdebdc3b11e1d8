"""Pictures of figures about one point: the photograph with a cross, and what is looked at, with frames around it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from attnviz.errors import ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.maps.attention_grid import SHARE_UNIT
from attnviz.querying.answer_words import tenths
from attnviz.render.columns import BODY_PT, SMALL_PT, TITLE_PT, ColourBar, Column, Mark, Words, badge_of
from attnviz.render.inputs import shrink_pixels, shrunk_hw
from attnviz.render.overlay import legend_strip, overlay
from attnviz.render.panel import MEANINGLESS, UNPROVEN, Panel, number
from attnviz.render.scale import ScaledMap
from attnviz.render.sheet import THEMES, Sheet

POINT_COLOUR = "#FFFFFF"
_ARM = 0.035
_GAP = 0.011
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, eq=False)
class Shown:
    """One picture of the figure: a map with its range, or None, and what is written."""

    title: str
    one: AttentionMap | None
    top: float
    low: float
    told: str
    small: str
    marks: tuple[Mark, ...]
    flat: bool = False


def point_words(point_yx: tuple[float, float], source_hw: tuple[int, int]) -> str:
    """Where a point lies, such as "45 % across, 40 % down"."""
    down, across = (share / size for share, size in zip(point_yx, source_hw, strict=True))
    return f"{percent(across)} across, {percent(down)} down"


def column_of(rgb: np.ndarray, shown: Shown, opacity: float, longest: int) -> Column:
    """The picture with what is looked at, its colour bar and its words; the picture alone where there is no map."""
    above = (Words(shown.title, TITLE_PT, bold=True),)
    rest = [Words(shown.told, BODY_PT, bold=True, most_lines=4)]
    if shown.small:
        rest.append(Words(shown.small, SMALL_PT, muted=True))
    hw = shrunk_hw((rgb.shape[0], rgb.shape[1]), longest)
    if shown.one is None:
        blank = AttentionMap(np.zeros((1, 1)), "", (), "", "", (0.0, 1.0), False, Geometry.identity(rgb.shape[:2]))
        return Column(overlay(rgb, blank, opacity=0.0, longest=longest), above, None, (), tuple(rest))
    top = shown.top if shown.top > shown.low else shown.low + 1.0
    image = overlay(rgb, shown.one, vmin=shown.low, vmax=top, opacity=0.0 if shown.flat else opacity, longest=max(hw))
    scaled = ScaledMap(shown.one, shown.low, top, shown.one.unit, flat=shown.flat)
    ends = (_value(shown.one, shown.low), _value(shown.one, top))
    bar = None if shown.flat else ColourBar(legend_strip(scaled, "heat", opacity), *ends)
    unit = () if shown.flat else (Words(shown.one.unit.removeprefix("share "), SMALL_PT, muted=True),)
    warnings = Panel(shown.title, shown.one).warnings
    return Column(image, above, bar, unit, tuple(rest), badge_of(warnings), shown.marks)


def source_with_cross(rgb: np.ndarray, point_yx: tuple[float, float], longest: int) -> Column:
    """The picture as it is, with a cross at the point."""
    hw = (rgb.shape[0], rgb.shape[1])
    words = Words(point_words(point_yx, hw), BODY_PT)
    image = shrink_pixels(rgb, shrunk_hw(hw, longest))
    return Column(image, (Words("Picture", TITLE_PT, bold=True),), None, (), (words,), marks=(_cross(point_yx, hw),))


def _cross(point_yx: tuple[float, float], hw: tuple[int, int]) -> Mark:
    y, x = point_yx[0] / hw[0], point_yx[1] / hw[1]
    longest = max(hw)
    lines = tuple(
        (
            (x + dx * _GAP * longest / hw[1], y + dy * _GAP * longest / hw[0]),
            (x + dx * _ARM * longest / hw[1], y + dy * _ARM * longest / hw[0]),
        )
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))
    )
    return Mark(lines, POINT_COLOUR)


def frames(one: AttentionMap, cell: tuple[int, int], grid_hw: tuple[int, int]) -> tuple[Mark, ...]:
    """The border of what may be looked at, where there is one, and the frame of the cell that is asked."""
    geometry = one.geometry
    if geometry is None:
        return ()
    rows, columns = _edges(geometry, grid_hw)
    (top, bottom), (left, right) = rows[cell[0] : cell[0] + 2], columns[cell[1] : cell[1] + 2]
    frame = Mark((((left, top), (right, top), (right, bottom), (left, bottom), (left, top)),), POINT_COLOUR)
    border = _border(one, geometry)
    return (Mark(border, POINT_COLOUR), frame) if border else (frame,)


def _border(one: AttentionMap, geometry: Geometry) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Lines between cells that may be looked at and cells that may not, in shares of the picture."""
    seen = ~np.isnan(one.values_hw)
    if seen.all():
        return ()
    rows, columns = _edges(geometry, one.grid_hw)
    padded = np.pad(seen, 1)
    lines: list[tuple[tuple[float, float], ...]] = []
    for row, column in np.argwhere(padded[1:] != padded[:-1]):  # above and below differ: a horizontal line
        if 1 <= column <= seen.shape[1]:
            lines.append(((columns[column - 1], rows[row]), (columns[column], rows[row])))
    for row, column in np.argwhere(padded[:, 1:] != padded[:, :-1]):
        if 1 <= row <= seen.shape[0]:
            lines.append(((columns[column], rows[row - 1]), (columns[column], rows[row])))
    return tuple(lines)


def _edges(geometry: Geometry, grid_hw: tuple[int, int]) -> tuple[list[float], list[float]]:
    """Borders of cells in shares of the picture's height and width."""
    rows, columns = geometry.cell_edges(grid_hw)
    return (rows / geometry.source_hw[0]).tolist(), (columns / geometry.source_hw[1]).tolist()


def drawn(
    columns: Sequence[Column],
    heading: str,
    footer: Sequence[str],
    size: tuple[float, float],
    theme: Literal["light", "dark"],
    transparent: bool,
) -> Figure:
    """The columns on a sheet."""
    theme_named(theme)
    sheet = Sheet(size, THEMES[theme], transparent)
    sheet.draw(columns, heading, footer, ())
    return sheet.figure


def theme_named(theme: str) -> Literal["light", "dark"]:
    """The theme, if it is one."""
    if theme not in THEMES:
        raise ValueRangeError(f"theme must be one of {', '.join(THEMES)}; got {theme!r}.")
    return "dark" if theme == "dark" else "light"


def warnings_of(maps: Sequence[tuple[str, AttentionMap]]) -> Iterator[str]:
    """What must be said of networks that are untrained, unproven or changed."""
    for title, one in maps:
        if one.untrained:
            yield f"{title}: {one.untrained}; {MEANINGLESS}."
        if one.proof == "unproven":
            yield f"{title} is {UNPROVEN}."
        if one.edits:
            yield f"{title} ran with its attention changed: {', '.join(one.edits)}."


def check_count(count: int, most: int, what: str) -> None:
    """Refuse more than a figure can hold, or nothing."""
    if not 1 <= count <= most:
        raise ValueRangeError(f"{what} must number 1 to {most}; got {count}. Draw several figures instead.")


def _value(one: AttentionMap, value: float) -> str:
    """A number at the end of a bar; shares of attention in percent, as on the page."""
    return tenths(value) if one.unit == SHARE_UNIT and value else number(value)


def percent(share: float) -> str:
    """A share in whole percent, held together by a no-break space."""
    return f"{100 * share:.0f}{_NO_BREAK}%"

"""What gates did, as still figures: energy moved between regions, and selective channels with their weights."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from attnviz.gate_effect import ChannelSelectivity, GateEffect
from attnviz.render.chart_rows import RowText, fitting, number_axis, row_axes
from attnviz.render.chart_sheet import DASHES, ChartSheet, Key, colour_of, room_in
from attnviz.render.gate_words import (
    MOVED_AXIS,
    PREFERENCE_AXIS,
    PREFERENCE_TICKS,
    WEIGHT_AXIS,
    gate_name,
    moved_summary,
    part_colours,
    parts_of,
    place,
    preference_ticks,
    reach_of,
    selectivity_summary,
    sides_of,
    weight_range,
)
from attnviz.render.sizes import is_for_paper
from attnviz.render.text import FAMILY, line_in, width_in
from attnviz.render.whatif_words import GRID_COLOUR

MIDDLE_COLOUR = "#808080"
_EDGE = "#404040"
_LARGEST_PT, _SMALLEST_PT = 22.0, 4.0


def moved_figure(
    effects: Sequence[GateEffect],
    *,
    numbers: Sequence[int] | None = None,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """Bars of what each gate took from some regions and gave to others.

    Args:
        effects: of one network's gates in the order in which they ran.
        numbers: the regions' numbers, which decide their colours; 0, 1, 2 and so on unless given.
        heading: a line across the top; the gate that moved most where none is given, nothing where it is empty.
        footer: paragraphs at the bottom.
        size: width and height in inches; on paper the height grows with the gates. A slide shows as many as fit,
            those that moved most, and says so.
        theme: "light" or "dark".
        transparent: leave the background out.

    Raises:
        ValueRangeError: there is no effect, or they are of different regions.
    """
    parts = parts_of(effects)
    colours = part_colours(parts, numbers)
    keys = [Key(place(part), colour) for part, colour in zip(parts, colours, strict=True)]
    title = moved_summary(effects) if heading is None else heading

    def words(rows: Sequence[GateEffect]) -> RowText:
        said = [f"{100 * effect.total_moved:.1f}" for effect in rows]
        return RowText.of(size, [gate_name(row) for row in rows], said, head="moved", axis_title=MOVED_AXIS)

    shown, text, left_out = fitting(
        effects,
        lambda effect: effect.total_moved,
        [words],
        lambda said: room_in(size, title, keys, [said, *footer]),
        "gates that moved most",
    )
    sheet = ChartSheet(size, theme, transparent, title, keys, [left_out, *footer], text.least_in)
    reach = reach_of(effects)
    axes = row_axes(sheet, text, (-reach, reach))
    lost, gained = np.zeros(len(shown)), np.zeros(len(shown))
    for part, colour in zip(parts, colours, strict=True):
        moved = np.array([100 * effect.moved[part] for effect in shown])
        start = np.where(moved < 0, lost, gained)
        axes.barh(
            range(len(shown)),
            moved,
            left=start,
            height=0.68,
            color=colour,
            edgecolor=_EDGE,
            linewidth=sheet.line(1),
        )
        lost, gained = lost + np.minimum(moved, 0), gained + np.maximum(moved, 0)
    axes.axvline(0, color=MIDDLE_COLOUR, linewidth=sheet.line(1.5))
    number_axis(sheet, axes, "")
    return sheet.figure


def selectivity_figure(
    found: ChannelSelectivity,
    *,
    numbers: Sequence[int] | None = None,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """Each channel's preference for a region against the weight that its gate gave it.

    Args:
        found: as from `gate_effect.channel_selectivity`.
        numbers: of the region and of the other one, which decide their colours; 0 and 1 unless given.
        heading: a line across the top; the finding where none is given, nothing where it is empty.
        footer: paragraphs at the bottom.
        size: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.
    """
    colours = part_colours([found.region, found.against], numbers)
    sides = sides_of(found)
    keys = [
        Key(said, colour, "mark", mark) for (_, said, _), colour, mark in zip(sides, colours, ("o", "s"), strict=True)
    ]
    paragraphs = [
        "The larger a point, the more of the layer's energy its channel has. Dashed: the mean weight.",
        *footer,
    ]
    sheet = ChartSheet(
        size, theme, transparent, selectivity_summary(found) if heading is None else heading, keys, paragraphs
    )
    x, y, width, height = sheet.room
    small = sheet.text_sizes.small
    ticks = preference_ticks(found)
    left = width_in("0.00", small) + 2.2 * sheet.text_sizes.gap + line_in(small)
    right = max(width_in(line, small) for line in ticks[-1].split("\n")) / 2
    bottom = 4.6 * line_in(small)
    axes = sheet.axes(x + left, y, width - left - right, height - bottom)
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_color(sheet.theme.muted)
    axes.grid(color=colour_of(GRID_COLOUR), linewidth=sheet.line(1.2))
    axes.axhline(float(found.weights.mean()), color=MIDDLE_COLOUR, linestyle=DASHES["dash"], linewidth=sheet.line(1.5))
    axes.axvline(0, color=MIDDLE_COLOUR, linewidth=sheet.line(1.5))
    diameters = np.clip(_LARGEST_PT * np.sqrt(found.energy / found.energy.max()), _SMALLEST_PT, None)
    for (chosen, _, _), colour, mark in zip(sides, colours, ("o", "s"), strict=True):
        axes.scatter(
            found.selectivity[chosen],
            found.weights[chosen],
            s=np.square(sheet.line(1) * diameters[chosen]),
            color=colour_of(colour, 0.8),
            marker=mark,
            edgecolors="black",
            linewidths=sheet.line(1),
            clip_on=False,
            zorder=3,
        )
    axes.set_xlim(-1.08, 1.08)
    axes.set_ylim(*weight_range(found))
    # the outer two of five fit any width; those between them do not
    places = [
        (at, said)
        for at, said in zip(PREFERENCE_TICKS, ticks, strict=True)
        if not is_for_paper(size) or size[0] > 5 or abs(at) != 0.5
    ]
    axes.set_xticks([at for at, _ in places], [said for _, said in places], family=FAMILY, parse_math=False)
    under = y + height - 1.1 * line_in(small)
    sheet.text(x + left + (width - left - right) / 2, under, PREFERENCE_AXIS, small, muted=True, align="center")
    axes.set_ylabel(WEIGHT_AXIS, size=small, family=FAMILY, color=sheet.theme.muted)
    axes.yaxis.set_label_coords(-(left - 0.5 * line_in(small)) / (width - left - right), 0.5)
    return sheet.figure

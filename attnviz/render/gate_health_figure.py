"""Gate health as still figures: a strip of factors for each gate, and one channel gate's factors in order."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from attnviz.errors import ValueRangeError
from attnviz.health import GateHealth, flat_line
from attnviz.maps import ChannelProfile
from attnviz.render.chart_rows import RowText, fitting, number_axis, row_axes
from attnviz.render.chart_sheet import DASHES, ChartSheet, Key, colour_of, room_in
from attnviz.render.charts import FACTOR_AXIS, SORTED_AXIS, profile_title
from attnviz.render.focus_words import AREA_COLOUR, BAR_COLOUR
from attnviz.render.health_chart import gate_words
from attnviz.render.text import FAMILY, line_in, width_in
from attnviz.render.whatif_words import GRID_COLOUR

FLAG_COLOURS = {"light": "#B00020", "dark": "#FF8A80"}
_STRIPS = {"light": "Blues", "dark": "Blues_r"}


FACTOR_WORDS = "factor that the gate multiplied with"


def health_title(healths: Sequence[GateHealth]) -> str:
    """How many gates are flat."""
    return flat_line(healths) or "no gate is flat"


def gate_health_figure(
    healths: Sequence[GateHealth],
    *,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """A strip for each gate: the stronger the colour, the more of its factors lie there; and what is flagged.

    Args:
        healths: of one network's gates in the order in which they ran.
        heading: a line across the top; how many are flat where none is given, nothing where it is empty.
        footer: paragraphs at the bottom.
        size: width and height in inches; on paper the height grows with the gates. A slide shows as many as fit, the
            flagged ones first, and says so.
        theme: "light" or "dark".
        transparent: leave the background out.

    Raises:
        ValueRangeError: there is no gate, or the theme is unknown.
    """
    if not healths:
        raise ValueRangeError("healths must hold at least one gate; got none. Ask gate_health() for them.")
    if theme not in _STRIPS:
        raise ValueRangeError(f"theme must be one of {', '.join(_STRIPS)}; got {theme!r}.")
    title = health_title(healths) if heading is None else heading
    low, high = min(float(one.edges[0]) for one in healths), max(float(one.edges[-1]) for one in healths)
    ink = "#16181D" if theme == "light" else "#F4F5F7"
    keys = [
        Key("where its factors lie", "#6BAED6"),
        Key("median, and 90 % of them", ink, "solid", "o"),
        Key("flagged", FLAG_COLOURS[theme], "solid", "o"),
    ]

    def words(rows: Sequence[GateHealth]) -> RowText:
        return RowText.of(
            size, [gate_words(one) for one in rows], ["; ".join(one.flags) for one in rows], axis_title=FACTOR_WORDS
        )

    shown, text, left_out = fitting(
        healths,
        lambda one: len(one.flags),
        [words],
        lambda said: room_in(size, title, keys, [said, *footer]),
        "gates, flagged ones first",
    )
    sheet = ChartSheet(size, theme, transparent, title, keys, [left_out, *footer], text.least_in)
    axes = row_axes(sheet, text, (low, high))
    colours = matplotlib.colormaps[_STRIPS[theme]]
    for row, one in enumerate(shown):
        fullness = one.counts / max(1, one.counts.max())
        shades = np.where(one.counts > 0, 0.12 + 0.78 * fullness, np.nan)  # a bin that holds anything can be seen
        strip = colours(np.nan_to_num(shades))
        strip[..., 3] = np.isfinite(shades)
        axes.imshow(
            strip[None],
            extent=(float(one.edges[0]), float(one.edges[-1]), row + 0.36, row - 0.36),
            aspect="auto",
            interpolation="nearest",
        )
        colour = FLAG_COLOURS[theme] if one.flags else ink
        axes.plot(one.quantiles[::4], (row, row), color=colour, linewidth=sheet.line(2))
        axes.plot(
            one.quantiles[2],
            row,
            "o",
            color=colour,
            markersize=sheet.line(8),
            markeredgecolor=sheet.theme.background,
            markeredgewidth=sheet.line(1),
            clip_on=False,
        )
    axes.set_xlim(low, high)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    number_axis(sheet, axes, "")
    return sheet.figure


def channel_gate_figure(
    profile: ChannelProfile,
    *,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """The factors of a channel gate, from the most open channel to the most closed.

    Args:
        profile: as from `maps.channel_profile`.
        heading: a line across the top; what is shown where none is given, nothing where it is empty.
        footer: paragraphs at the bottom.
        size: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.
    """
    keys = [Key("factor", BAR_COLOUR), Key(f"mean {profile.mean:.2f}", AREA_COLOUR, "dash")]
    sheet = ChartSheet(size, theme, transparent, profile_title(profile) if heading is None else heading, keys, footer)
    x, y, width, height = sheet.room
    small = sheet.text_sizes.small
    left = width_in("0.00", small) + line_in(small) + 1.5 * sheet.text_sizes.gap
    count = profile.factors.size
    right = width_in(str(count), small) / 2
    axes = sheet.axes(x + left, y, width - left - right, height - 3 * line_in(small))
    axes.stairs(profile.factors, np.arange(count + 1) + 0.5, fill=True, color=colour_of(BAR_COLOUR, 0.55), linewidth=0)
    axes.stairs(profile.factors, np.arange(count + 1) + 0.5, color=BAR_COLOUR, linewidth=sheet.line(2), baseline=None)
    axes.axhline(profile.mean, color=AREA_COLOUR, linestyle=DASHES["dash"], linewidth=sheet.line(2.5))
    axes.set_xlim(0.5, count + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_ylim(0, max(1.0, 1.05 * float(profile.factors[0])))
    axes.grid(axis="y", color=colour_of(GRID_COLOUR), linewidth=sheet.line(1.2))
    axes.set_ylabel(FACTOR_AXIS, size=small, family=FAMILY, color=sheet.theme.muted)
    axes.yaxis.set_label_coords(-(left - 0.5 * line_in(small)) / (width - left - right), 0.5)
    under = y + height - 1.3 * line_in(small)
    sheet.text(x + left + (width - left - right) / 2, under, SORTED_AXIS, small, muted=True, align="center")
    return sheet.figure

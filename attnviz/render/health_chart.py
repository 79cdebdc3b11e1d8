"""Gate health as figures: a strip of factors for each gate, and the excitations of some classes.

The second is the figure of Hu, Shen, Sun 2018, arXiv:1709.01507, section "Role of Excitation": the mean excitation of
each class, channel by channel, in the last gate of each stage.
"""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.health import GateHealth, flat_line, stage_ends
from attnviz.health.words import marks
from attnviz.render.panel import number
from attnviz.render.text import FAMILY

CLASS_COLOURS = ("#DC267F", "#648FFF", "#FE6100", "#785EF0")
"""Told apart by people who are colour blind; the lines differ in their dashes, too."""

MOST_CLASSES = len(CLASS_COLOURS)
MOST_CHANNELS = 50
"""Of more channels, this many are shown, evenly spaced, as in the paper."""

_DASHES = ("-", "--", "-.", ":")
_ROW_IN, _FRAME_IN, _WIDTH_IN = 0.3, 0.95, 11.0
_STRIPS = "Blues"
_INK, _MUTED, _FLAG = "#16181D", "#4A4F59", "#B00020"
_PAPER = "#FFFFFF"


def health_figure(healths: Sequence[GateHealth], heading: str = "") -> Figure:
    """A strip for each gate: the darker, the more of its factors lie there.

    The line reaches from the 5 % to the 95 % quantile, the mark is the median. Gates whose factors have other bounds
    stand in a block of their own, with an axis of their own. Darkness is relative to the fullest bin of each strip.

    Args:
        healths: gates in the order they ran, at least one.
        heading: a line across the top.

    Raises:
        ValueRangeError: there is no gate.
    """
    _refuse_none(healths)
    blocks: dict[tuple[float, float], list[GateHealth]] = {}
    for one in healths:
        blocks.setdefault((float(one.edges[0]), float(one.edges[-1])), []).append(one)
    height = sum(_ROW_IN * len(rows) + _FRAME_IN for rows in blocks.values()) + (0.4 if heading else 0)
    figure = Figure(figsize=(_WIDTH_IN, height), facecolor=_PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=[len(rows) + 1 for rows in blocks.values()])
    for place, (bounds, rows) in zip(axes[:, 0], blocks.items(), strict=True):
        _strips(place, bounds, rows)
    if heading:
        figure.suptitle(heading, x=0.01, ha="left", size=14, weight="bold", color=_INK, family=FAMILY)
    return figure


def health_alt(healths: Sequence[GateHealth]) -> str:
    """The strips in words: each gate's median and spread, and what is flagged.

    Raises:
        ValueRangeError: there is no gate.
    """
    _refuse_none(healths)
    said = [
        f"{gate_words(one)}: median {number(one.quantiles[2])}, 90 % between {number(one.quantiles[0])} and "
        f"{number(one.quantiles[-1])}" + (f", {', '.join(one.flags)}" if one.flags else "")
        for one in healths
    ]
    pictures = healths[0].pictures
    parts = [f"Factors of {len(healths)} gates over {pictures} picture{'s' if pictures > 1 else ''}", *said]
    return ". ".join([*parts, *filter(None, [flat_line(healths)])]) + "."


def excitation_figure(healths: Sequence[GateHealth], classes: Sequence[int | str], heading: str = "") -> Figure:
    """Mean excitation of each channel for some classes, in the last channel gate of each stage.

    A band reaches one standard deviation over the pictures of a class to either side; the dark line is the mean over
    all pictures. Of more than 50 channels, 50 are shown, evenly spaced.

    Args:
        healths: of a network with channel gates, from `gate_health` with labels.
        classes: one to four of those labels.
        heading: a line across the top.

    Raises:
        NothingTracedError: there is no channel gate.
        ValueRangeError: no class, more than four, or one that no picture belongs to.
    """
    ends = _ends(healths, classes)
    rows = -(-len(ends) // 2)
    figure = Figure(figsize=(_WIDTH_IN, 2.9 * rows + 0.9), facecolor=_PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, min(2, len(ends)), squeeze=False, sharey=True).ravel()
    for place, one in zip(axes, ends, strict=False):
        _excitations(place, one, classes)
    for place in axes[len(ends) :]:
        place.set_axis_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    if heading:
        figure.suptitle(heading, x=0.01, ha="left", size=14, weight="bold", color=_INK, family=FAMILY)
    return figure


def excitation_alt(healths: Sequence[GateHealth], classes: Sequence[int | str]) -> str:
    """The excitation lines in words: how far apart the classes lie in each stage.

    Raises:
        NothingTracedError: there is no channel gate.
        ValueRangeError: no class, more than four, or one that no picture belongs to.
    """
    parts = []
    for one in _ends(healths, classes):
        shown = one.class_means[[one.classes.index(name) for name in classes]]
        apart = float(np.mean(shown.max(axis=0) - shown.min(axis=0)))
        parts.append(
            f"{one.site.layer}, {one.shape[0]} channels: mean excitation {number(float(one.mean.mean()))}, the classes "
            f"lie {number(apart)} apart on average over the channels"
        )
    return f"Mean excitation of {', '.join(str(name) for name in classes)} by channel. {'. '.join(parts)}."


def _strips(axes: Axes, bounds: tuple[float, float], rows: Sequence[GateHealth]) -> None:
    colours = matplotlib.colormaps[_STRIPS]
    low, high = bounds
    for row, one in enumerate(rows):
        fullness = one.counts / max(1, one.counts.max())
        # a bin that holds anything at all can be seen
        shades = np.where(one.counts > 0, 0.12 + 0.78 * fullness, 0.0)
        axes.imshow(
            colours(shades)[None], extent=(low, high, row + 0.36, row - 0.36), aspect="auto", interpolation="nearest"
        )
        axes.plot(one.quantiles[::4], (row, row), color=_FLAG if one.flags else _INK, linewidth=1.4)
        axes.plot(one.quantiles[2], row, "o", color=_FLAG if one.flags else _INK, markersize=4.5)
        if one.flags:
            axes.annotate(
                "; ".join(one.flags), (1, row), xycoords=("axes fraction", "data"), xytext=(6, 0), size=9.5,
                textcoords="offset points", va="center", color=_FLAG, family=FAMILY, annotation_clip=False,
            )  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [gate_words(one) for one in rows], size=9.5, family=FAMILY, color=_INK)
    axes.set_xlabel(
        f"factor: {number(low)} closed, {number(high)} open" if all(one.bounds == bounds for one in rows) else "factor",
        size=10, family=FAMILY, color=_INK,
    )  # fmt: skip
    _calm(axes)


def _excitations(axes: Axes, one: GateHealth, classes: Sequence[int | str]) -> None:
    channels = np.unique(np.linspace(0, one.shape[0] - 1, min(MOST_CHANNELS, one.shape[0])).round().astype(int))
    for name, colour, dashes in zip(classes, CLASS_COLOURS, _DASHES, strict=False):
        row = one.classes.index(name)
        mean, deviation = one.class_means[row][channels], one.class_deviations[row][channels]
        axes.fill_between(channels, mean - deviation, mean + deviation, color=colour, alpha=0.13, linewidth=0)
        axes.plot(channels, mean, dashes, color=colour, linewidth=1.3, label=str(name))
    axes.plot(channels, one.mean[channels], color=_INK, linewidth=1.6, label="all pictures")
    axes.set_title(_stage_title(one), loc="left", size=10.5, family=FAMILY, color=_INK)
    axes.set_ylim(*(one.bounds or (one.minimum, one.maximum)))
    axes.set_xlim(channels[0], max(channels[-1], 1))
    axes.set_xlabel("channel", size=9.5, family=FAMILY, color=_MUTED)
    axes.set_ylabel("factor", size=9.5, family=FAMILY, color=_MUTED)
    _calm(axes)


def _stage_title(one: GateHealth) -> str:
    layer = ", ".join([one.site.layer, *marks(one)])
    if one.class_share is None or one.class_share_by_chance is None:
        return layer
    share, chance = 100 * one.class_share, 100 * one.class_share_by_chance
    return f"{layer}\n{share:.0f} % of the variance lies between classes (by chance {chance:.0f} %)"


def _ends(healths: Sequence[GateHealth], classes: Sequence[int | str]) -> tuple[GateHealth, ...]:
    ends = stage_ends(healths)
    if not ends:
        raise NothingTracedError(
            f"healths must hold a channel gate; got {len(healths)} other gates. Draw health_figure() instead."
        )
    known = ends[0].classes
    if not 1 <= len(classes) <= MOST_CLASSES or any(name not in known for name in classes):
        raise ValueRangeError(
            f"classes must be 1 to {MOST_CLASSES} labels that pictures have; got {list(classes)}. "
            f"Labels: {', '.join(str(name) for name in known) or 'none; call gate_health() with labels'}."
        )
    return ends


def gate_words(one: GateHealth) -> str:
    """Which gate it is: its layer, run and kind, with what must be said of it."""
    run = f" run {one.site.call + 1}" if one.site.call else ""
    return ", ".join([f"{one.site.layer or 'the model itself'}{run}", one.kind, *marks(one)])


def _calm(axes: Axes) -> None:
    axes.set_facecolor(_PAPER)
    axes.tick_params(colors=_MUTED, labelsize=9.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _refuse_none(healths: Sequence[GateHealth]) -> None:
    if not healths:
        raise ValueRangeError("healths must hold at least one gate; got none. Ask gate_health() for them.")

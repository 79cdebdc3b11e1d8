"""CBAM's gates, drawn on the actual picture."""

import numpy as np

from attnviz.geometry import Geometry
from attnviz.lessons import ChannelGateSteps, SpatialGateSteps, convolution_at
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.render.lesson.board import Board, Placed
from attnviz.render.lesson.colours import Colours
from attnviz.render.lesson.drawing import Drawing, telling
from attnviz.render.lesson.numbers import written
from attnviz.render.overlay import overlay

CHANNEL_WH = (12.0, 5.0)
_LONGEST_PX = 480
_ROOM_IN = 2.28


@telling
def channel_gate_drawing(steps: ChannelGateSteps, channel: int) -> Drawing:
    """The channel gate: two pools, the shared MLP twice, their sum, the sigmoid; one channel is followed in numbers.

    Args:
        steps: of `lessons.channel_gate`.
        channel: number of the one that is followed.
    """
    order = np.argsort(-steps.weights, kind="stable")
    marked = [int(np.flatnonzero(order == channel)[0])]

    def draw(board: Board) -> None:
        both = np.concatenate([steps.logits_mean, steps.logits_maximum, steps.logits])
        ends = (float(both.min()), float(both.max()))
        pools = (steps.mean, steps.maximum)
        passed = (steps.logits_mean, steps.logits_maximum)
        for row, (name, pool, made) in enumerate(zip(("mean", "maximum"), pools, passed, strict=True)):
            y = 0.5 + row * 1.85
            board.bars(
                Placed(0.7, y, 3.0, 1.2), pool[order], (float(pool.min()), float(pool.max())),
                title=f"{name} of each channel", marked=marked,
            )  # fmt: skip
            board.arrow((3.8, y + 0.6), (4.85, y + 0.6), "shared MLP")
            board.bars(Placed(5.4, y, 2.6, 1.2), made[order], ends, title=f"MLP({name})", marked=marked)
            board.arrow((8.1, y + 0.6), (8.75, 2.02 + (0.12 if row else -0.12)))
        board.bars(Placed(9.3, 0.5, 2.6, 1.2), steps.logits[order], ends, title="sum", marked=marked)
        board.arrow((10.6, 1.76), (10.6, 2.02))
        board.bars(Placed(9.3, 2.35, 2.6, 1.2), steps.weights[order], (0.0, 1.0), title="sigmoid: the gate",
                   marked=marked)  # fmt: skip
        numbers = (
            steps.mean[channel], steps.logits_mean[channel], steps.maximum[channel], steps.logits_maximum[channel],
            steps.logits[channel], steps.weights[channel],
        )  # fmt: skip
        mean, made_mean, maximum, made_maximum, total, weight = (written([[one]])[0][0] for one in numbers)
        board.text(0, 4.15, f"Channel {channel}, marked in each chart:", size=13, bold=True)
        board.text(
            0, 4.5,
            f"mean {mean} → MLP {made_mean};   maximum {maximum} → MLP {made_maximum};   sum {total} → sigmoid "
            f"{weight}",
            size=13,
        )  # fmt: skip
        board.text(0, 4.83, f"All {len(order)} channels stand in the same order, by their weight.", size=11, muted=True)

    return draw


@telling
def spatial_gate_drawing(
    steps: SpatialGateSteps, picture: Picture, geometry: Geometry, cell: tuple[int, int]
) -> Drawing:
    """The spatial gate: mean and maximum over the channels, the convolution, the mask; one place is followed.

    Args:
        steps: of `lessons.spatial_gate`.
        picture: that the network saw.
        geometry: where it saw it.
        cell: row and column of the place that is followed.
    """
    at = convolution_at(steps, *cell)
    side = steps.kernel.shape[-1]

    side_in = 0.19
    room, across, down = _panel(picture)

    def shown(values: np.ndarray, signed: bool) -> np.ndarray:
        ends = (-np.inf, np.inf) if signed else (0.0, np.inf)
        one = AttentionMap(values, "lesson", (), "", "", ends, signed, geometry)
        low, high = (None, None) if signed else (float(values.min()), float(values.max()))
        if low is not None and high is not None and not low < high:
            low, high = low, low + 1
        return overlay(picture, one, vmin=low, vmax=high, opacity=0.85, longest=_LONGEST_PX)

    def draw(board: Board) -> None:
        height, width = picture.hw
        rows, columns = geometry.cell_edges((steps.mean.shape[0], steps.mean.shape[1]))
        half = side // 2
        panels = (
            ("mean over channels", steps.mean, True, True),
            ("maximum over channels", steps.maximum, True, True),
            ("after the convolution", steps.logits, True, False),
            ("sigmoid: the mask", steps.mask, False, False),
        )
        from_left = (12 - 5 * room) / 4 + room
        place = Placed((room - across) / 2, 0.4, across, down)
        board.text(room / 2, 0.2, "the picture", size=12, align="center")
        board.picture(place, overlay_source(picture), smooth=True)
        for number, (title, values, signed, window) in enumerate(panels, start=1):
            place = Placed(number * from_left + (room - across) / 2, 0.4, across, down)
            board.text(place.middle[0], 0.2, title, size=12, align="center")
            board.picture(place, shown(values, signed), smooth=True)
            low, high = written([[values.min(), values.max()]])[0]
            board.text(place.middle[0], place.bottom + 0.16, f"{low} to {high}", size=11, muted=True, align="center")
            reach = half if window else 0
            top, bottom = (max(0, cell[0] - reach), min(len(rows) - 2, cell[0] + reach) + 1)
            left, right = (max(0, cell[1] - reach), min(len(columns) - 2, cell[1] + reach) + 1)
            y0, y1 = (np.clip(rows[one], 0, height) * down / height for one in (top, bottom))
            x0, x1 = (np.clip(columns[one], 0, width) * across / width for one in (left, right))
            board.frame(Placed(place.x + x0, place.y + y0, x1 - x0, y1 - y0), width=1.8)
        base = 0.4 + down + 1.15
        one = side_in
        colours_of = (Colours.spread(at.window[0]), Colours.spread(at.window[1]))
        kernels, products = Colours.signed(steps.kernel), Colours.signed(at.products)
        x = 0.1
        for number, name in enumerate(("means", "maxima")):
            for values, colours, title, sign in (
                (at.window[number], colours_of[number], f"window of {name}", "×"),
                (steps.kernel[number], kernels, "kernel", "="),
                (at.products[number], products, "products", "+" if number == 0 else ""),
            ):
                placed = board.cells(x, base, values, colours, cell=(one, one), title=title, words=False)
                if sign:
                    board.text(placed.right + 0.16, placed.middle[1], sign, size=15, align="center")
                x = placed.right + 0.32
        total, logit, weight = written([[at.total]])[0][0], steps.logits[cell], steps.mask[cell]
        middle = base + side * one / 2
        board.text(x - 0.05, middle - 0.45, f"sum = {total}", size=13, bold=True)
        board.text(x - 0.05, middle - 0.1, f"BatchNorm: {written([[logit]])[0][0]}", size=13)
        board.text(x - 0.05, middle + 0.25, f"sigmoid: {weight:.2f}", size=13, bold=True)
        board.text(0.1, base - 0.58, f"Row {cell[0] + 1}, column {cell[1] + 1} of the map, framed above:", size=13,
                   bold=True)  # fmt: skip

    return draw


def spatial_wh(picture: Picture) -> tuple[float, float]:
    """Width and height of the drawing of the spatial gate."""
    return 12.0, 0.4 + _panel(picture)[2] + 1.15 + 7 * 0.19 + 0.1


def _panel(picture: Picture) -> tuple[float, float, float]:
    """Room of a panel, and width and height of the picture in it."""
    height, width = picture.hw
    down = min(_ROOM_IN * height / width, 2.2)
    return _ROOM_IN, down * width / height, down


def overlay_source(picture: Picture) -> np.ndarray:
    """The picture's pixels, small enough for a panel."""
    step = max(1, max(picture.hw) // _LONGEST_PX)
    return np.asarray(picture.rgb[::step, ::step])

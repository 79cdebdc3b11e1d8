"""A picture as the tokens of a vision transformer, drawn."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from attnviz.errors import ValueRangeError
from attnviz.lessons import TokenCount, count_tokens, cut_patches
from attnviz.pictures import Picture
from attnviz.render.lesson.board import Board, Placed
from attnviz.render.lesson.colours import Colours
from attnviz.render.lesson.drawing import Drawing, telling

TOKENS_WH = (12.0, 5.5)
POSITIONS_WH = (12.0, 3.3)
LARGEST_PX = 2048
_SHOWN = 12


@telling
def cut_drawing(
    picture: Picture, input_hw: tuple[int, int], patch: int, chosen: int, prefix_names: tuple[str, ...]
) -> Drawing:
    """A picture resized, cut apart, and the row of tokens that it becomes.

    Args:
        picture: the source picture.
        input_hw: height and width that it is resized to, in pixels.
        patch: side of a patch in pixels.
        chosen: number of the patch that is followed, from 0.
        prefix_names: tokens before the patches.

    Raises:
        ValueRangeError: a side of the input has no pixel, or more than `LARGEST_PX`.
    """
    height, width = input_hw
    if not all(1 <= side <= LARGEST_PX for side in input_hw):
        raise ValueRangeError(
            f"sides of the input must have 1 to {LARGEST_PX} pixels; got {height} x {width}. Take a smaller one."
        )
    pixels = np.asarray(Image.fromarray(picture.rgb).resize((width, height), Image.Resampling.BICUBIC))
    count = count_tokens(input_hw, patch, len(prefix_names))
    return tokens_drawing(cut_patches(pixels, patch), count, chosen, prefix_names)


@telling
def tokens_drawing(
    patches: npt.NDArray[np.uint8], count: TokenCount, chosen: int, prefix_names: tuple[str, ...]
) -> Drawing:
    """The picture cut apart, and the row of tokens that it becomes.

    Args:
        patches: of `lessons.cut_patches`.
        count: of `lessons.count_tokens`.
        chosen: number of the patch that is followed, from 0.
        prefix_names: tokens before the patches.
    """

    def draw(board: Board) -> None:
        rows, columns = count.grid_hw
        apart = cut_apart(patches, count.grid_hw)
        high, wide = apart.shape[:2]
        side = min(5.4 / wide, 3.5 / high)  # of a pixel
        whole = Placed(0, 0.45, wide * side, high * side)
        board.picture(whole, apart, smooth=True)
        size = patches.shape[1]
        step = (size + _gap(size)) * side
        row, column = divmod(chosen, columns)
        board.frame(Placed(column * step, 0.45 + row * step, size * side, size * side))
        board.text(0, 0.2, f"{rows} × {columns} patches", size=13, bold=True)
        x = max(6.3, whole.right + 0.5)
        board.text(x, 0.2, f"patch {chosen + 1}", size=13, bold=True)
        large = Placed(x, 0.45, 1.7, 1.7)
        board.picture(large, patches[chosen])
        board.frame(large)
        mean = patches[chosen].reshape(-1, 3).mean(axis=0)
        for number, line in enumerate(
            (
                f"{size} × {size} pixels × 3 colours",
                f"= {count.numbers:,} numbers in a row",
                f"mean red {mean[0]:.0f}, green {mean[1]:.0f}, blue {mean[2]:.0f}",
                "one matrix E makes a token of them",
                "its position is added",
            )
        ):
            board.text(large.right + 0.2, 0.6 + number * 0.32, line, size=12, muted=number >= 2)
        board.text(x, 2.6, f"{count.tokens:,} tokens", size=13, bold=True)
        board.text(x, 2.95, f"{len(prefix_names)} before the patches, {count.patches:,} patches", size=12)
        board.text(x, 3.3, f"each head compares {count.tokens:,} × {count.tokens:,} pairs", size=12)
        board.text(x, 3.62, f"= {count.weights:,} attention weights", size=12)
        _row(board, patches, chosen, prefix_names)

    return draw


def cut_apart(patches: npt.NDArray[np.uint8], grid_hw: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The patches in their places with clear gaps between them, RGBA (h, w, 4)."""
    size = patches.shape[1]
    gap = _gap(size)
    rows, columns = grid_hw
    made = np.zeros((rows * (size + gap) - gap, columns * (size + gap) - gap, 4), dtype=np.uint8)
    for number, patch in enumerate(patches):
        row, column = divmod(number, columns)
        y, x = row * (size + gap), column * (size + gap)
        made[y : y + size, x : x + size, :3] = patch
        made[y : y + size, x : x + size, 3] = 255
    return made


def _gap(size: int) -> int:
    return max(2, round(size * 0.22))


def _row(board: Board, patches: npt.NDArray[np.uint8], chosen: int, prefix_names: tuple[str, ...]) -> None:
    """The beginning of the row of tokens, the followed one among them, and the last."""
    y, side = 4.55, 0.6
    room = _SHOWN - len(prefix_names)
    shown = _shown(len(patches), chosen, room)
    x = 0.0
    board.text(0, y - 0.25, "The row of tokens, with the number of its position:", size=13, bold=True)
    for name in prefix_names:
        board.fill(Placed(x, y, side + 0.1, side), "#E8C468")
        board.text(x + side / 2 + 0.05, y + side / 2, name, size=11, align="center", colour="#16181D")
        board.text(x + side / 2 + 0.05, y + side + 0.17, "0" if len(prefix_names) == 1 else "", size=11, muted=True,
                   align="center")  # fmt: skip
        x += side + 0.3
    for one in shown:
        if one is None:
            board.text(x + 0.15, y + side / 2, "…", size=16, align="center")
            x += 0.45
            continue
        place = Placed(x, y, side, side)
        board.picture(place, patches[one])
        if one == chosen:
            board.frame(place)
        board.text(place.middle[0], y + side + 0.17, str(one + len(prefix_names)), size=11, muted=True, align="center")
        x += side + 0.2


def _shown(count: int, chosen: int, room: int) -> list[int | None]:
    """Numbers of the patches that a row of so many places shows: the first, the followed, the last; None is a gap."""
    if count <= room:
        return list(range(count))
    kept = sorted({*range(room - 3), chosen, count - 1})
    shown: list[int | None] = []
    for one in kept:
        if shown and one != (shown[-1] or 0) + 1:
            shown.append(None)
        shown.append(one)
    return shown


@telling
def positions_drawing(similarity: npt.NDArray[np.float64], cell: tuple[int, int], vector: np.ndarray) -> Drawing:
    """How alike a learned position is to all others.

    Args:
        similarity: of `lessons.position_similarity`.
        cell: row and column of the position.
        vector: (d,), its numbers.
    """

    def draw(board: Board) -> None:
        height, width = similarity.shape
        side = min(0.34, 2.6 / height)
        board.cells(0.1, 0.5, similarity, Colours("PuOr_r", -1, 1), cell=(side * 1.6, side), marked=[cell], size=10,
                    title="cosine with every position")  # fmt: skip
        x = 0.1 + width * side * 1.6 + 1.2
        shown = vector[:24]
        board.bars(
            Placed(x, 0.9, 12 - x - 0.1, 1.7),
            shown,
            (float(shown.min()), float(shown.max())),
            title=f"the first {len(shown)} of its {len(vector)} numbers",
        )

    return draw

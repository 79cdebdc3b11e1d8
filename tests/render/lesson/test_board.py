"""Drawings of the lessons: numbers as people write them, colours that keep their meaning, text inside the figure."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from attnviz import lessons
from attnviz.export import figure_pdf, figure_png, figure_svg
from attnviz.export.lesson_figure import LessonFigure
from attnviz.lessons import tea
from attnviz.render.lesson.board import Board, Placed
from attnviz.render.lesson.colours import Colours
from attnviz.render.lesson.drawing import Drawing, Look, drawn
from attnviz.render.lesson.excite import REAL_WH, SMALL_WH, real_excite, small_excite
from attnviz.render.lesson.folding import FOLD_WH, fold_drawing
from attnviz.render.lesson.gates import CHANNEL_WH, channel_gate_drawing
from attnviz.render.lesson.numbers import written
from attnviz.render.lesson.positions import SMALL_WH as POSITIONS_WH
from attnviz.render.lesson.positions import relative_drawing
from attnviz.render.lesson.tokens import TOKENS_WH, cut_apart, tokens_drawing
from attnviz.render.lesson.window_attention import window_attention_drawing, window_attention_wh
from attnviz.render.lesson.windows import windows_drawing, windows_wh
from attnviz.render.lesson.words import attention_drawing, attention_wh

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([[1.0, -2.0]], [["1", f"{MINUS}2"]]),
        ([[0.5, 1.0]], [["0.50", "1.00"]]),
        ([[-0.001, 0.5]], [["0.00", "0.50"]]),  # no minus before a zero
        ([[123.4, 0.06]], [["123.4", "0.1"]]),
        ([[2e5, 1.0]], [["2.0e+05", "1.0e+00"]]),
    ],
)
def test_numbers_of_a_table(values: list[list[float]], shown: list[list[str]]) -> None:
    assert written(values) == shown


def test_signed_colours_are_white_at_zero_and_as_strong_on_both_sides() -> None:
    colours = Colours.signed([-1.0, 3.0])
    assert colours.low == -colours.high
    middle = colours.of(0.0)
    assert (np.abs(middle[:3] - middle[0]) < 0.02).all()
    orange, purple = colours.of(3.0), colours.of(-3.0)
    assert orange[0] > orange[2]
    assert purple[2] > purple[1]


def test_a_flat_table_has_a_range() -> None:
    assert Colours.spread([2.0, 2.0]).high > 2
    assert Colours.signed([0.0]).high > 0


def test_patches_keep_their_pixels_and_gaps_are_clear() -> None:
    patches = np.arange(2 * 10 * 10 * 3, dtype=np.uint8).reshape(2, 10, 10, 3)
    apart = cut_apart(patches, (1, 2))
    assert apart.shape == (10, 22, 4)
    np.testing.assert_array_equal(apart[:, :10, :3], patches[0])
    np.testing.assert_array_equal(apart[:, 12:, :3], patches[1])
    assert not apart[:, 10:12, 3].any()


def drawings() -> dict[str, tuple[Callable[[], Drawing], tuple[float, float]]]:
    draw = np.random.default_rng(0)
    w1, w2 = draw.normal(size=(2, 4)), draw.normal(size=(4, 2))
    layer = lessons.excite_layer(w1, w2, [0, 0], [0] * 4)
    small = lessons.squeeze_and_excite(layer, draw.normal(size=(4, 2, 2)))
    real = lessons.squeeze_and_excite(layer, draw.normal(size=(4, 9, 14)))
    gate = lessons.channel_gate(lessons.channel_gate_layer(w1, w2, [0, 0], [0] * 4), draw.normal(size=(4, 9, 14)))
    steps = tea.as_printed()
    relative = lessons.relative_positions(
        draw.normal(size=2), draw.normal(size=(5, 2)), draw.normal(size=(7, 2)), (1, 2)
    )
    plain, shifted = lessons.shifted_windows((5, 7), 3, 0), lessons.shifted_windows((5, 7), 3, 1)
    masked = lessons.window_attention(draw.normal(size=(5, 7)), (2, 2, 1), draw.normal(size=(5, 5)), 1)
    patches = lessons.cut_patches(draw.integers(0, 255, (64, 96, 3), dtype=np.uint8), 16)
    window, kernel = draw.normal(size=(3, 3)), draw.normal(size=(3, 3))
    fold = lessons.fold_steps(window, kernel, 0.5, lessons.norm_layer(2.0, 0.1, 0.2, 0.5))
    return {
        "excite": (lambda: small_excite(small, w1, w2), SMALL_WH),
        "real excite": (lambda: real_excite(real), REAL_WH),
        "channel gate": (lambda: channel_gate_drawing(gate, 2), CHANNEL_WH),
        "attention": (lambda: attention_drawing(steps, tea.tokens(), tea.WORDS, True), attention_wh(steps)),
        "positions": (lambda: relative_drawing(relative, (1, 2)), POSITIONS_WH),
        "windows": (lambda: windows_drawing(plain, shifted, (0, 6)), windows_wh(plain, shifted)),
        "window attention": (lambda: window_attention_drawing(masked, (0, 6)), window_attention_wh(masked)),
        "tokens": (lambda: tokens_drawing(patches, lessons.count_tokens((64, 96), 16), 23, ("class",)), TOKENS_WH),
        "folding": (lambda: fold_drawing(window, kernel, 0.5, fold), FOLD_WH),
    }


DRAWINGS = drawings()


def outside(figure: Figure) -> list[str]:
    """Texts that reach beyond the figure by more than a pixel or two."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    width, height = figure.bbox.width, figure.bbox.height
    found = []
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent(renderer)
            if box.x0 < -2 or box.y0 < -2 or box.x1 > width + 2 or box.y1 > height + 2:
                found.append(text.get_text())
    return found


@pytest.mark.parametrize("name", list(DRAWINGS))
def test_every_text_stays_inside(name: str) -> None:
    make, board_wh = DRAWINGS[name]
    figure = drawn(make(), board_wh, Look((12.0, 0.0)))
    assert outside(figure) == []
    texts = [text.get_text() for text in figure.findobj(Text) if text.get_text()]
    assert len(texts) > 5


@pytest.mark.parametrize(("side", "window"), [(2, 2), (8, 4), (12, 6)])
def test_numbers_of_a_window_do_not_run_into_each_other(side: int, window: int) -> None:
    """Five signs in every cell, such as -0.75, and masked logits of four."""
    features = np.where(np.indices((side, side)).sum(0) % 2, -0.75, 0.25)
    steps = lessons.window_attention(features, (2, 2, 1), np.full((2 * window - 1,) * 2, -1.25), window // 2)
    figure = drawn(window_attention_drawing(steps, (0, 0)), window_attention_wh(steps), Look((12.0, 0.0)))
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [text.get_window_extent(renderer) for text in figure.findobj(Text) if text.get_text()]
    touching = sum(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])
    assert len(boxes) > 6 * window**2
    assert touching == 0


def test_text_that_sticks_out_is_noticed() -> None:
    """The counter-example: a word that begins at the right end."""
    figure = drawn(lambda board: board.text(4.9, 1, "outside"), (5.0, 2.0), Look((5.0, 0.0)))
    assert outside(figure) == ["outside"]


def square(board: Board) -> None:
    board.fill(Placed(0, 0, 2, 2), "#FF0000")


@pytest.mark.parametrize("size", [(6.0, 3.0), (3.0, 6.0), (4.0, 4.0)])
def test_a_drawing_keeps_its_shape_on_any_page(size: tuple[float, float]) -> None:
    """A red square of the board is a square of pixels, in the middle of the page."""
    figure = LessonFigure("", "a square", square, (2.0, 2.0), size=size, bare=True)
    pixels = np.asarray(Image.open(io.BytesIO(figure_png(figure, 50))).convert("RGB")).astype(int)
    red = (pixels[..., 0] > 200) & (pixels[..., 1] < 60)
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert abs(len(rows) - len(columns)) <= 2
    assert abs((rows[0] + rows[-1]) / 2 - (pixels.shape[0] - 1) / 2) <= 2
    assert abs((columns[0] + columns[-1]) / 2 - (pixels.shape[1] - 1) / 2) <= 2


def test_a_figure_is_written_in_every_format_with_its_words() -> None:
    figure = LessonFigure("A square and its corners", "a square", square, (6.0, 2.0), "Small print.", {"side": 2})
    assert figure_pdf(figure).startswith(b"%PDF")
    svg = figure_svg(figure).decode()
    assert ">A square and its corners<" in svg
    assert ">Small print.<" in svg
    assert figure.provenance()["side"] == 2
    bare = LessonFigure("A square and its corners", "a square", square, (6.0, 2.0), bare=True)
    assert ">A square and its corners<" not in figure_svg(bare).decode().split("</metadata>")[1]

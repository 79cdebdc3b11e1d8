"""Text is broken by its measured width."""

import pytest

from attnviz.render.panel import number, percent, span, the
from attnviz.render.text import ELLIPSIS, width_in, wrap

LONG = "The attention of a network is where its values are large"


@pytest.mark.parametrize("available_in", [0.6, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("bold", [False, True])
def test_no_line_is_wider_than_allowed_and_no_word_is_lost(available_in, bold):
    lines = wrap(LONG, available_in, 14, bold)
    assert all(width_in(line, 14, bold) <= available_in for line in lines)
    assert "".join(lines).replace(" ", "") == LONG.replace(" ", "")


def test_bold_is_wider_and_twice_the_size_twice_as_wide():
    assert width_in(LONG, 14, bold=True) > width_in(LONG, 14)
    assert width_in(LONG, 28) == pytest.approx(2 * width_in(LONG, 14), rel=0.02)


def test_a_long_word_breaks_after_its_hyphen_before_it_is_cut():
    available = width_in("CBAM-", 14) * 1.05
    assert wrap("CBAM-Net", available, 14) == ["CBAM-", "Net"]


def test_what_does_not_fit_the_lines_shows_as_an_ellipsis():
    lines = wrap(LONG, 1.5, 14, most_lines=2)
    assert len(lines) == 2
    assert lines[-1].endswith(ELLIPSIS)
    assert width_in(lines[-1], 14) <= 1.5


def test_no_break_spaces_hold_a_number_and_its_unit_together():
    text = f"lies at {percent(0.48)}"
    available = width_in("lies at 48", 14) * 1.02
    assert wrap(text, available, 14) == ["lies at", "48\N{NO-BREAK SPACE}%"]


def test_nothing_gives_no_lines():
    assert wrap("", 1.0, 14) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.5, "0.5"),
        (0.03149, "0.0315"),
        (1234.5, "1234"),
        (0.000123, "0.00012"),
        (0.000012, "1.2e-5"),
        (2.5e7, "2.5e7"),
    ],
)
def test_numbers_beside_a_colour_bar(value, text):
    assert number(value) == text


def test_a_span_shows_as_many_digits_as_tell_its_ends_apart():
    assert span(0.49995, 0.50005) == ("0.49995", "0.50005")
    assert span(0.1, 0.9) == ("0.1", "0.9")
    assert span(0.5, 0.5) == ("0.5", "0.5")


@pytest.mark.parametrize(("name", "said"), [("cat", "the cat"), ("the cat", "the cat"), ("A dog", "A dog")])
def test_an_article_is_added_once(name, said):
    assert the(name) == said

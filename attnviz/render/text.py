"""Text that fits: widths are measured with the font that is drawn, so neighbours never run into each other."""

from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

FAMILY = "DejaVu Sans"
POINTS_PER_INCH = 72
LINE_HEIGHT = 1.28
"""Distance between lines, as a multiple of the font size."""

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@lru_cache(maxsize=4096)
def width_in(text: str, size_pt: float, bold: bool = False) -> float:
    """Width of one line in inches."""
    font = FontProperties(family=FAMILY, size=size_pt, weight="bold" if bold else "normal")
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return float(width) / POINTS_PER_INCH


def wrap(
    text: str, available_in: float, size_pt: float, bold: bool = False, most_lines: int | None = None
) -> list[str]:
    """Break a text into lines that fit a width; words that are too long are cut, and what is left out shows as "...".

    Args:
        text: one paragraph; it may break at plain spaces, not at no-break spaces.
        available_in: width in inches.
        size_pt: font size.
        bold: weight of the font.
        most_lines: lines allowed; None allows any number.

    Returns:
        The lines; none of them wider than the width, except for a single character that is.
    """
    lines: list[str] = []
    current = ""
    for piece, spaced in _pieces(text, available_in, size_pt, bold):
        longer = f"{current} {piece}" if current and spaced else current + piece
        if current and width_in(longer, size_pt, bold) > available_in:
            lines.append(current)
            current = piece
        else:
            current = longer
    if current:
        lines.append(current)
    if most_lines is not None and len(lines) > most_lines:
        lines = lines[:most_lines]
        lines[-1] = _shorten(lines[-1], available_in, size_pt, bold)
    return lines


def line_in(size_pt: float) -> float:
    """Height of one line in inches."""
    return size_pt * LINE_HEIGHT / POINTS_PER_INCH


def _pieces(text: str, available_in: float, size_pt: float, bold: bool) -> list[tuple[str, bool]]:
    """Parts of a text that fit a line each, and whether a space goes before them. Long words break after a hyphen."""
    pieces: list[tuple[str, bool]] = []
    for word in filter(None, text.split(" ")):
        spaced, rest = True, word
        while len(rest) > 1 and width_in(rest, size_pt, bold) > available_in:
            keep = len(rest) - 1
            while keep > 1 and width_in(rest[:keep], size_pt, bold) > available_in:
                keep -= 1
            keep = rest.rfind("-", 0, keep) + 1 or keep
            pieces.append((rest[:keep], spaced))
            spaced, rest = False, rest[keep:]
        pieces.append((rest, spaced))
    return pieces


def _shorten(line: str, available_in: float, size_pt: float, bold: bool) -> str:
    kept = line
    while kept and width_in(kept + ELLIPSIS, size_pt, bold) > available_in:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS

"""Sizes that figures are made for."""

SLIDE_IN = (40 / 3, 7.5)
"""Width and height of a 16:9 slide in inches: 4000 x 2250 pixels at 300 dots."""

SIZES: dict[str, tuple[float, float]] = {
    "16:9": SLIDE_IN,
    "4:3": (10.0, 7.5),
    "one column": (3.5, 4.2),
    "two columns": (7.16, 4.6),
}
"""Name to width and height in inches. Slides as PowerPoint makes them; columns as wide as those of IEEE papers."""

PAPER_BELOW_IN = 8.0
"""A figure that is narrower than this is for a paper: its text is smaller than that of a slide."""


def is_for_paper(size: tuple[float, float]) -> bool:
    """Whether a figure of this size is read close up, like a page, and not from the back of a room."""
    return size[0] < PAPER_BELOW_IN

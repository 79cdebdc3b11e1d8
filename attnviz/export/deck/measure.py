"""Room on a slide, and text that fits into it. All measures are in inches, text sizes in points.

Widths are those of DejaVu Sans, which is wider than the fonts of nearly all templates: what fits here fits there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attnviz.render.text import POINTS_PER_INCH, wrap

LINE_HEIGHT = 1.22
"""Distance between lines, as a multiple of the font size."""

READ_PT = 18.0
"""Text that people in the room read is at least this large, where it fits."""

NOTE_PT = 12.0
"""Of footnotes, and of the tables of an appendix."""

_STEPS = (1.0, 0.94, 0.89, 0.83, 0.78, 0.72, 0.67, 0.6, 0.55, 0.5)


@dataclass(frozen=True)
class Box:
    """A rectangle on a slide."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.top + self.height

    def above(self, height: float) -> "Box":
        """The upper part of this height."""
        return replace(self, height=height)

    def below(self, height: float) -> "Box":
        """What is left under an upper part of this height."""
        return replace(self, top=self.top + height, height=self.height - height)

    def leftmost(self, width: float) -> "Box":
        """The left part of this width."""
        return replace(self, width=width)

    def rightmost(self, width: float) -> "Box":
        """The right part of this width."""
        return replace(self, left=self.right - width, width=width)

    def holding(self, aspect: float) -> "Box":
        """The largest box of this width / height inside, at the upper left."""
        width = min(self.width, self.height * aspect)
        return Box(self.left, self.top, width, width / aspect)

    def centred(self, aspect: float) -> "Box":
        """The largest box of this width / height inside, in the middle."""
        held = self.holding(aspect)
        return replace(
            held, left=self.left + (self.width - held.width) / 2, top=self.top + (self.height - held.height) / 2
        )


@dataclass(frozen=True)
class Text:
    """One paragraph.

    Attributes:
        words: the text.
        size_pt: its size.
        bold: its weight.
        colour: as "#RRGGBB"; empty takes the template's.
        space_pt: room above it, but above the first.
    """

    words: str
    size_pt: float = READ_PT
    bold: bool = False
    colour: str = ""
    space_pt: float = 4.0


def height_of(paragraphs: Sequence[Text], width: float) -> float:
    """Height that paragraphs take when they are wrapped to a width."""
    lines = sum(len(wrap(one.words, width, one.size_pt, one.bold)) * one.size_pt * LINE_HEIGHT for one in paragraphs)
    return (lines + sum(one.space_pt for one in paragraphs[1:])) / POINTS_PER_INCH


def fitted(paragraphs: Sequence[Text], width: float, height: float) -> tuple[Text, ...]:
    """The paragraphs at the largest size at which they fit, down to half of their own.

    What does not fit even then is cut, and the cut shows as an ellipsis.
    """
    for factor in _STEPS:
        tried = tuple(replace(one, size_pt=round(2 * one.size_pt * factor) / 2) for one in paragraphs)
        if height_of(tried, width) <= height:
            return tried
    kept: list[Text] = []
    for one in tried:
        room = height - height_of([*kept, replace(one, words="x")], width)
        more = int(room * POINTS_PER_INCH / (one.size_pt * LINE_HEIGHT) + 1e-6)
        if room < 0:
            break
        kept.append(replace(one, words=" ".join(wrap(one.words, width, one.size_pt, one.bold, most_lines=1 + more))))
    return tuple(kept)

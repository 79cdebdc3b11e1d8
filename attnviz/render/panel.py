"""What one network contributes to a comparison."""

from dataclasses import dataclass

from attnviz.errors import ValueRangeError
from attnviz.focus import FocusScore
from attnviz.maps import AttentionMap

NOT_EXPLANATION = (
    "Attention is not explanation: a map shows where values are large, not why the network decided as it did."
)
"""The sentence that stands on every figure and in every file that holds figures, scores or maps."""

UNPROVEN = "unproven: the layer's output does not follow from these numbers"
"""What is said of a map whose records failed their replay."""

MEANINGLESS = "without trained weights a map says nothing about the picture"
"""What is said of a map of a network that was not trained, or only in parts."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One network's column in a comparison.

    Attributes:
        title: name of the network, as a reader should see it.
        attention_map: its map of the picture.
        predictions: classes with their probability, the most likely first; may be empty.
        focus: how much of the map lies in the region, from `focus.share`, if there is one.
        trained: False marks the panel as untrained, on every figure and export. A map of a network that
            `mark_untrained` was told of is marked without it.
        weights: which weights these are, such as the card's name and hash; written into exports.
        others: how much of the map lies in each further region, from `focus.share`, in the order of the regions.

    Raises:
        ValueRangeError: the focus score is no share.
    """

    title: str
    attention_map: AttentionMap
    predictions: tuple[tuple[str, float], ...] = ()
    focus: FocusScore | None = None
    trained: bool = True
    weights: str = ""
    others: tuple[FocusScore, ...] = ()

    def __post_init__(self) -> None:
        for score in filter(None, (self.focus, *self.others)):
            if score.unit != "share":
                raise ValueRangeError(
                    f"the panel's focus must be a score in the unit 'share'; got {score.unit!r} ({score.name}). "
                    "Score the map with focus.share()."
                )

    @property
    def prediction_line(self) -> str:
        """Top class and its probability, such as "tabby, 87 %"; empty without predictions."""
        if not self.predictions:
            return ""
        name, probability = self.predictions[0]
        return f"{name}, {percent(probability)}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must stand on the picture itself: `untrained`, "unproven", "intervention"."""
        one = self.attention_map
        told = (
            self.untrained,
            "unproven" if one.proof == "unproven" else "",
            "intervention" if one.edits else "",
        )
        return tuple(word for word in told if word)

    @property
    def untrained(self) -> str:
        """What of the network has no trained weights, such as "untrained"; empty for a trained network."""
        return self.attention_map.untrained or ("" if self.trained else "untrained")

    @property
    def grid_line(self) -> str:
        """Size of the native grid, such as "8 x 12 cells"."""
        rows, columns = self.attention_map.grid_hw
        return f"{rows} × {columns} cells"

    def focus_line(self, region_name: str) -> str:
        """Share and lift, such as "48 % on the cat, lift 1.3"; empty without a score."""
        return focus_line(self.focus, region_name) if self.focus is not None else ""

    @property
    def others_line(self) -> str:
        """The lift on each further region, such as "the grass 0.6×, the ivy 0.9×"; empty without one."""
        return ", ".join(f"{the(score.region)}\N{NO-BREAK SPACE}{score.lift:.1f}×" for score in self.others)


def focus_line(score: FocusScore, region_name: str) -> str:
    """Share and lift in words. A lift of 1.0 means: as much as the region's area alone would give."""
    return f"{percent(score.value)} on {the(region_name)}, lift\N{NO-BREAK SPACE}{score.lift:.1f}"


def the(region_name: str) -> str:
    """The region's name with an article, unless it has one: "cat" becomes "the cat"."""
    first = region_name.split(" ", 1)[0].lower()
    return region_name if first in ("the", "a", "an", "all", "my") else f"the {region_name}"


def percent(share: float) -> str:
    """A share in whole percent, held together by a no-break space."""
    return f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


def span(low: float, high: float) -> tuple[str, str]:
    """Two values with as many digits as it takes to tell them apart, at most seven."""
    for digits in range(3, 8):
        ends = f"{low:.{digits}g}", f"{high:.{digits}g}"
        if ends[0] != ends[1]:
            break
    return ends


def number(value: float) -> str:
    """A value for a colour bar: three significant digits (two if tiny), no needless zeros."""
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e4:
        text = f"{value:.{3 if abs(value) >= 1e-3 else 2}g}"
        return f"{value:.0f}" if "e" in text else text
    return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")

"""How the evaluation page prints numbers, and how it finds them on a card."""

from collections.abc import Mapping, Sequence
from string import ascii_letters

from attnviz.focus import CENTRED_GAUSSIAN
from attnviz.training.facts import Fact
from attnviz.training.measure import GRAD_CAM
from attnviz.zoo import Card

MAP_TITLES = {
    "spatial_gate": "spatial gate",
    "feature_mask": "feature mask",
    "rollout": "rollout",
    "received": "attention received",
    "gated_activation": "gate-weighted activation",
    "ungated_activation": "activation before the gate",
    GRAD_CAM: "Grad-CAM, true class",
}
"""Key: a map's name. Value: what the page calls it. The first one that a network has, Grad-CAM aside, is its own."""

Numbers = Sequence[float]

NOT_KNOWN, NONE, NOTHING = "not known", "none", "\N{EN DASH}"

_MISSING = (NOT_KNOWN, NONE, NOTHING)
_LETTERS = frozenset(ascii_letters)


def percent(triple: Numbers) -> str:
    """A share and its interval in percent: "70.8 % (69.0 to 72.5)"."""
    value, low, high = (100 * number for number in triple)
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"


def points(triple: Numbers) -> str:
    """A difference of shares and its interval in percentage points, with signs."""
    return "{} ({} to {})".format(*(_signed(100 * number, 1) for number in triple))


def plain(triple: Numbers) -> str:
    """A number and its interval."""
    return "{:.2f} ({:.2f} to {:.2f})".format(*triple)


def difference(triple: Numbers) -> str:
    """A difference and its interval, with signs."""
    return "{} ({} to {})".format(*(_signed(number, 2) for number in triple))


def _signed(number: float, digits: int) -> str:
    text = f"{number:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns of numbers stand on the right, the first column aside, which names the rows."""
    numeric = [
        all(cell[:1] not in _LETTERS or cell in _MISSING for cell in column) for column in zip(*rows, strict=True)
    ]
    ruled = [head, ["---", *("---:" if right else "---" for right in numeric[1:])], *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def focus_of(card: Card) -> dict[str, Fact]:
    """Numbers of the card's maps that have any, in the order of `MAP_TITLES`."""
    found = as_fact(card.measured["focus"])
    return {name: as_fact(found[name]) for name in MAP_TITLES if name in found and "share" in as_fact(found[name])}


def as_fact(value: object) -> Fact:
    """A mapping on a card."""
    assert isinstance(value, Mapping)
    return value


def score_of(numbers: object, name: str) -> Numbers:
    """A score's value and interval among a map's numbers."""
    return as_triple(as_fact(numbers)[name])


def as_list(value: object) -> Sequence[object]:
    """A list on a card."""
    assert isinstance(value, (list, tuple))
    return value


def as_triple(value: object) -> Numbers:
    """Numbers on a card, such as a value and its interval."""
    return [float(str(number)) for number in as_list(value)]


def number_of(card: Card, name: str) -> float:
    """One of a card's measured numbers."""
    return float(str(card.measured[name]))


def over_centre(numbers: Fact, name: str) -> Numbers:
    """What a map scores more than the centred Gaussian."""
    return score_of(as_fact(numbers["against"])[CENTRED_GAUSSIAN], name)

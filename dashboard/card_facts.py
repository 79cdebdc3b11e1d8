"""A network's card in words: plain facts first, then everything that was measured."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attnviz.focus import CENTRED_GAUSSIAN
from attnviz.zoo import Card

Rows = list[tuple[str, str]]

_SHARES = ("top1", "top5", "hit", "pointing", "share", "accuracy", "confidence", "rate", "error", "area", "energy")
_NOT_SHOWN = ("bins",)
_TITLES = {
    "top1": "first answer right",
    "top5": "among the first five",
    "top1_difference": "first answer right, difference",
    "mean_gates": "gates at their mean",
    "multiply_adds": "multiply-adds",
    "calibration": "calibration",
    "boxes": "the objects' boxes",
    "whole": "pictures that are all object, left out",
    "focus": "on the object",
    "without": "pictures without a map",
    "share": "share on the object",
    "hit": "peak inside the object",
    "uniform": "a map that is the same everywhere",
    CENTRED_GAUSSIAN: "a blob in the middle",
    "untrained": "the network untrained",
    "likelihood": "negative log likelihood, in nats",
    "confidence": "mean probability of the answer",
    "grad_cam": "Grad-CAM",
    "received": "attention received",
    "training_seconds": "training time",
    "against": "beyond",
}


def main_facts(card: Card) -> Rows:
    """What a person asks first: attention, size, input, accuracy, origin."""
    shown = card.preprocessing
    size = " × ".join(map(str, shown.crop_hw)) if shown.crop_hw else f"short side {shown.short_side}"
    rows = [
        ("Attention", card.mechanism),
        ("Parameters", f"{card.parameters:,}"),
        ("Input", f"{size} px"),
        ("Classes", f"{len(card.classes):,}" if card.classes else "none: features only"),
    ]
    told = card.measured.get("top1")
    if isinstance(told, (list, tuple)):
        rows.append(("Right", f"{_value(('top1',), told)} of {card.validated_on:,} pictures"))
    elif card.top1 is not None:
        five = f", {card.top5:.1%} among five" if card.top5 is not None else ""
        pictures = f" (of {card.validated_on:,} pictures)" if card.validated_on else ""
        rows.append(("Right", f"{card.top1:.1%}{five}{pictures}"))
    else:
        rows.append(("Right", "not measured"))
    further = {"Trained on": card.trained_on, "Licence": card.licence}
    return rows + [(name, value) for name, value in further.items() if value]


def measured_facts(card: Card) -> Rows:
    """Everything that was measured, one row for each number: what it is, and its value with the 95 % interval."""
    rows = list(_rows(card.measured))
    sides = {f"first answer right at {side} px": _share(value) for side, value in card.top1_by_short_side.items()}
    return rows + list(sides.items())


def focus_rows(cards: Iterable[Card]) -> list[dict[str, str]]:
    """How much of each network's maps lies on the objects of the validation pictures, one row for each map.

    The last column is the paired difference from a centred blob, with whether the interval tells them apart.
    """
    rows = []
    for card in cards:
        maps = card.measured.get("focus")
        for name, found in maps.items() if isinstance(maps, Mapping) else ():
            if not isinstance(found, Mapping) or "share" not in found:
                continue
            against = found.get("against")
            centre = against.get(CENTRED_GAUSSIAN) if isinstance(against, Mapping) else None
            rows.append(
                {
                    "Network": card.title,
                    "Map": _title(name),
                    "Share on the object": _value(("share",), found["share"]),
                    "Lift": _value(("lift",), found.get("lift", "")),
                    "Peak inside": _value(("hit",), found.get("hit", "")),
                    "Beyond a centred blob": _beyond(centre["share"]) if isinstance(centre, Mapping) else "",
                }
            )
    return rows


def _beyond(triple: Sequence[float]) -> str:
    middle, low, high = triple
    verdict = "more" if low > 0 else "less" if high < 0 else "no difference told"
    return f"{_interval(_points, middle, low, high)}: {verdict}"


def _rows(found: Mapping[str, object], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        here = (*path, name)
        if name in _NOT_SHOWN:
            continue
        if isinstance(value, Mapping):
            yield from _rows(value, here)
        else:
            yield ": ".join(_title(part) for part in here), _value(here, value)


def _title(name: str) -> str:
    return _TITLES.get(name, name.replace("_", " "))


def _value(path: Sequence[str], value: object) -> str:
    """A number as its name wants it; three numbers are a value and its interval."""
    write = _writer(path)
    if isinstance(value, (list, tuple)) and len(value) == 3 and all(_is_number(one) for one in value):
        return _interval(write, *(float(one) for one in value))
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(path, one) for one in value)
    if _is_number(value):
        return write(value)  # type: ignore[arg-type]
    return str(value)


def _interval(write: Callable[[float], str], middle: float, low: float, high: float) -> str:
    """A value and its interval, the unit once: 71.5% (70.4 to 72.7). One that shows no width is left out."""
    shown, ends = write(middle), (write(low), write(high))
    if ends == (shown, shown):
        return shown
    low_end, high_end = (end.removesuffix("%").removesuffix(" points") for end in ends)
    return f"{shown} ({low_end} to {high_end})"


def _writer(path: Sequence[str]) -> Callable[[float], str]:
    last = path[-1]
    if "seconds" in "".join(path):
        return lambda seconds: f"{seconds / 60:.0f} min"
    if last.endswith("difference"):
        return _points
    if any(word in last for word in _SHARES):
        return _points if "against" in path else _share
    if last == "lift":
        return _lift_beyond if "against" in path else lambda lift: f"{lift:.2f}"
    if last in ("pictures", "multiply_adds", "count"):
        return lambda value: f"{value:,.0f}"
    return lambda value: f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 10 else f"{value:.3g}"


def _share(value: float) -> str:
    return f"{value:.1%}"


def _points(value: float) -> str:
    """A difference of shares, in percentage points."""
    return f"{_signed(100 * value, 1)} points"


def _lift_beyond(value: float) -> str:
    return _signed(value, 3)


def _signed(value: float, digits: int) -> str:
    """With its sign; none where it rounds to zero."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

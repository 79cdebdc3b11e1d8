"""The page `docs/evaluation.md`, made of the numbers on the cards and of nothing else."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM
from attnviz.training.evaluation_words import HEAD, LOOK, MISLEADS, TRIED
from attnviz.training.facts import BEFORE_GATE, MEAN_GATES, UNTRAINED, Fact
from attnviz.training.measure import GRAD_CAM
from attnviz.training.tried import Tried
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

RIVALS = (UNIFORM, CENTRED_GAUSSIAN, UNTRAINED, MEAN_GATES, BEFORE_GATE)

Numbers = Sequence[float]


def page(cards: Sequence[Card], rows: Sequence[Tried], seed: int = 0) -> str:
    """The page in Markdown.

    Args:
        cards: networks with measured numbers, in the order of the tables.
        rows: tried recipes.
        seed: of the untrained networks, for the text.
    """
    parts = [HEAD.format(seed=seed)]
    if cards:
        parts += ["## Accuracy and cost", _accuracy(cards), _choice(cards)]
        parts += ["## Calibration", _calibration(cards)]
        parts += ["## Do they look at the object?", LOOK.format(seed=seed), _counted(cards), _baselines(cards)]
        parts += ["### Ranking by Grad-CAM of the true class", _ranking(cards, lambda card: GRAD_CAM)]
        parts += ["### Ranking by the network's own attention", _ranking(cards, own_map)]
        parts += ["### Where attention does not beat the centre", _verdicts(cards)]
        parts += ["### Every map against everything it is compared with", _against(cards)]
        parts += ["### Without the gates' choice", _mean_gates(cards)]
    parts += ["## Tried recipes", TRIED, _tried(rows), "## What these numbers do not say", MISLEADS]
    return "\n\n".join(part for part in parts if part) + "\n"


def own_map(card: Card) -> str | None:
    """Name of the map that shows the network's own attention, as `attnviz.maps.native` chooses it; None without one."""
    return next((name for name in MAP_TITLES if name != GRAD_CAM and name in _focus(card)), None)


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


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruled = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def _accuracy(cards: Sequence[Card]) -> str:
    rows = []
    for card in cards:
        seconds = card.measured.get("training_seconds")
        times = seconds if isinstance(seconds, dict) else {}
        rows.append(
            (
                card.title,
                card.mechanism,
                f"{card.parameters:,}",
                f"{card.preprocessing.short_side} px",
                f"{_number(card, 'multiply_adds') / 1e6:,.0f} M",
                f"{times[card.name] / 60:.0f} min" if card.name in times else "not known",
                f"{sum(times.values()) / 60:.0f} min" if times else "not known",
                percent(_triple(card.measured["top1"])),
                percent(_triple(card.measured["top5"])),
            )
        )
    head = (
        "network",
        "attention",
        "parameters",
        "input",
        "multiply-adds",
        "last phase",
        "all phases",
        "top-1",
        "top-5",
    )
    return _table(head, rows)


def _choice(cards: Sequence[Card]) -> str:
    counts = sorted({int(_number(card, "pictures")) for card in cards})
    return (
        f"Measured on {' and '.join(f'{count:,}' for count in counts)} validation pictures, with Wilson's intervals. "
        "The input size of each network was chosen among a few by accuracy on these very pictures, which favours all of "
        "them a little, by less than their intervals are wide. Multiply-adds are those of one square picture, the "
        "products of attention included. Training times are of one processor core, shared with other work: the phase "
        "that ends in the network, and all phases on the way to it; a trunk that several share counts for each."
    )


def _calibration(cards: Sequence[Card]) -> str:
    rows = []
    for card in cards:
        numbers = _fact(card.measured["calibration"])
        (accuracy, _, _), confidence = _triple(card.measured["top1"]), float(str(numbers["confidence"]))
        sure = "less sure than right" if confidence < accuracy else "surer than right"
        rows.append(
            (
                card.title,
                f"{100 * float(str(numbers['error'])):.1f} %",
                f"{float(str(numbers['likelihood'])):.3f}",
                f"{100 * confidence:.1f} %",
                f"{100 * accuracy:.1f} %",
                f"{sure}, by {abs(100 * (confidence - accuracy)):.1f} points",
            )
        )
    found = [[_triple(each) for each in _list(_fact(card.measured["calibration"])["bins"])] for card in cards]
    edges = [f"{each[0]:.0%} to {each[1]:.0%}" for each in found[0]]
    bins = [(card.title, *map(_bin, of)) for card, of in zip(cards, found, strict=True)]
    return "\n\n".join(
        (
            f"Expected calibration error over {len(edges)} bins of equal width (Guo et al. 2017, arXiv:1706.04599), "
            "and the negative log likelihood of the true class in nats. Confidence is the mean probability of the first "
            "answer.",
            _table(("network", "calibration error", "log likelihood", "confidence", "top-1", "so it is"), rows),
            "Reliability: the share of right answers among the pictures whose first answer has such a probability, and "
            "in brackets how many there are.",
            _table(("network", *edges), bins),
        )
    )


def _bin(each: Numbers) -> str:
    _, _, count, _, accuracy = each
    return f"{accuracy:.0%} ({count:,.0f})" if count else "none"


def _counted(cards: Sequence[Card]) -> str:
    boxes = [_fact(card.measured["boxes"]) for card in cards]
    counts = {(int(str(each["pictures"])), int(str(each["whole"]))) for each in boxes}
    said = [
        f"Scored are {pictures:,} pictures. The box of {whole:,} more is the whole picture: nothing is left to compare "
        "it with, so they are left out."
        for pictures, whole in sorted(counts)
    ]
    without = [
        f"{card.title}, {MAP_TITLES[name]}: {numbers['without']:,} of them are zero everywhere and have no score."
        for card in cards
        for name, numbers in _focus(card).items()
        if numbers["without"]
    ]
    return "\n".join([*said, *(f"- {line}" for line in without)])


def _baselines(cards: Sequence[Card]) -> str:
    boxes = _fact(cards[0].measured["boxes"])
    rows = [
        (rival, percent(_score(boxes[rival], "share")), plain(_score(boxes[rival], "lift")),
         percent(_score(boxes[rival], "hit")))
        for rival in (UNIFORM, CENTRED_GAUSSIAN)
    ]  # fmt: skip
    return "What maps that know nothing score:\n\n" + _table(("map", "energy in box", "lift", "pointing"), rows)


def _ranking(cards: Sequence[Card], chosen: Callable[[Card], str | None]) -> str:
    """The networks by the lift of one map of each."""
    having = [(card, name) for card in cards if (name := chosen(card)) in _focus(card) and name]
    having.sort(key=lambda each: -_score(_focus(each[0])[each[1]], "lift")[0])
    rows = []
    for place, (card, name) in enumerate(having, start=1):
        numbers = _focus(card)[name]
        centre = _fact(_fact(numbers["against"])[CENTRED_GAUSSIAN])
        rows.append(
            (
                f"{place}. {card.title}",
                MAP_TITLES[name],
                plain(_score(numbers, "lift")),
                percent(_score(numbers, "share")),
                percent(_score(numbers, "hit")),
                difference(_score(centre, "lift")),
                points(_score(centre, "share")),
            )
        )
    head = ("network", "map", "lift", "energy in box", "pointing", "lift over the centre's", "energy over the centre's")
    return _table(head, rows)


def _verdicts(cards: Sequence[Card]) -> str:
    """One sentence for each map that does not beat the centred Gaussian, and one for those that do."""
    said, beating = [], []
    for card in cards:
        for name, numbers in _focus(card).items():
            centre = _fact(_fact(numbers["against"])[CENTRED_GAUSSIAN])
            value, low, high = _score(centre, "share")
            what = f"{card.title}, {MAP_TITLES[name]}"
            if low > 0:
                beating.append(what)
            elif high < 0:
                said.append(
                    f"- **{what}** does not beat the centre: {-100 * value:.1f} points less of its energy lie in the "
                    f"box than of the centred Gaussian's ({-100 * high:.1f} to {-100 * low:.1f})."
                )
            else:
                said.append(
                    f"- **{what}** does not beat the centre: its energy in the box differs from the centred "
                    f"Gaussian's by {points((value, low, high))} points, which may be nothing."
                )
    said = said or ["Every map beats the centred Gaussian."]
    if beating:
        said.append(f"- These do beat it: {'; '.join(beating)}.")
    return "\n".join(said)


def _against(cards: Sequence[Card]) -> str:
    said = [
        "Paired differences of the energy in the box, in points of percent, with 95 % intervals; and, below each, of "
        "the lift. A dash: there is nothing of this kind."
    ]
    others = list(
        dict.fromkeys(
            rival
            for card in cards
            for numbers in _focus(card).values()
            for rival in _fact(numbers["against"])
            if rival not in RIVALS
        )
    )
    rivals = [*RIVALS, *others]
    rows = []
    for card in cards:
        for name, numbers in _focus(card).items():
            against = _fact(numbers["against"])
            cells = []
            for rival in rivals:
                fact = _fact(against.get(rival, {}))
                if "share" not in fact:
                    cells.append("\N{EN DASH}")
                else:
                    cells.append(f"{points(_score(fact, 'share'))}<br>{difference(_score(fact, 'lift'))}")
            rows.append((f"{card.title}: {MAP_TITLES[name]}", percent(_score(numbers, "share")), *cells))
    return "\n\n".join([*said, _table(("map", "energy in box", *(f"over {rival}" for rival in rivals)), rows)])


def _mean_gates(cards: Sequence[Card]) -> str:
    rows = [
        (card.title, percent(_triple(card.measured["top1"])), percent(_score(card.measured["mean_gates"], "top1")),
         points(_score(card.measured["mean_gates"], "top1_difference")))
        for card in cards
        if "mean_gates" in card.measured
    ]  # fmt: skip
    if not rows:
        return "No network has gates."
    said = (
        "Top-1 accuracy with every gate replaced by its own mean, over channels and positions, for each picture: what "
        "is left when a gate may be strong or weak but may not choose. The networks were not trained for it."
    )
    return f"{said}\n\n" + _table(("network", "as trained", "gates at their mean", "what choosing gains"), rows)


def _tried(rows: Sequence[Tried]) -> str:
    if not rows:
        return ""
    sides = sorted({side for row in rows for side in row.top1}, key=int)
    head = ("run", "what was changed", *(f"top-1 / top-5 at {side} px" for side in sides), "minutes")
    return _table(
        head,
        [
            (
                row.name,
                row.changed + (f" ({row.classes} classes)" if row.classes != 50 else ""),
                *(
                    f"{100 * row.top1[side]:.1f} / {100 * row.top5[side]:.1f} %" if side in row.top1 else "\N{EN DASH}"
                    for side in sides
                ),
                "not known" if row.minutes is None else f"{row.minutes:.0f}",
            )
            for row in rows
        ],
    )


def _focus(card: Card) -> dict[str, Fact]:
    """Numbers of the card's maps that have any, in the order of `MAP_TITLES`."""
    found = _fact(card.measured["focus"])
    return {name: _fact(found[name]) for name in MAP_TITLES if name in found and "share" in _fact(found[name])}


def _fact(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


def _score(numbers: object, name: str) -> Numbers:
    return _triple(_fact(numbers)[name])


def _list(value: object) -> Sequence[object]:
    assert isinstance(value, (list, tuple))
    return value


def _triple(value: object) -> Numbers:
    return [float(str(number)) for number in _list(value)]


def _number(card: Card, name: str) -> float:
    return float(str(card.measured[name]))

"""The page `docs/evaluation.md`, made of the numbers on the cards and of nothing else."""

from collections.abc import Callable, Sequence

from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM
from attnviz.training.evaluation_numbers import (
    MAP_TITLES,
    NONE,
    NOT_KNOWN,
    NOTHING,
    Numbers,
    as_fact,
    as_list,
    as_triple,
    difference,
    focus_of,
    number_of,
    over_centre,
    percent,
    plain,
    points,
    score_of,
    table,
)
from attnviz.training.evaluation_words import HEAD, LOOK, MISLEADS, TRIED
from attnviz.training.facts import BEFORE_GATE, MEAN_GATES, UNTRAINED
from attnviz.training.measure import GRAD_CAM
from attnviz.training.tried import Tried
from attnviz.training.tried_words import over_seeds, tried_table
from attnviz.zoo import Card

RIVALS = (UNIFORM, CENTRED_GAUSSIAN, UNTRAINED, MEAN_GATES, BEFORE_GATE)


def page(cards: Sequence[Card], rows: Sequence[Tried], seed: int = 0) -> str:
    """The page in Markdown.

    Args:
        cards: networks with measured numbers, in the order of the tables.
        rows: tried recipes.
        seed: of the untrained networks, for the text.
    """
    parts = [HEAD.format(seed=seed)]
    if cards:
        parts += ["## In short", _in_short(cards)]
        parts += ["## Accuracy and cost", _accuracy(cards), _choice(cards)]
        parts += ["## Calibration", _calibration(cards)]
        parts += ["## Do they look at the object?", LOOK.format(seed=seed), _counted(cards), _baselines(cards)]
        parts += ["### Ranking by Grad-CAM of the true class", _ranking(cards, _grad_cam)]
        parts += ["### Ranking by the network's own attention", _ranking(cards, own_map)]
        parts += ["### Where attention does not beat the centre", _verdicts(cards)]
        parts += ["### Every map against everything it is compared with", _against(cards)]
        parts += ["### Without the gates' choice", _mean_gates(cards)]
    parts += [
        "## Tried recipes",
        TRIED,
        tried_table(rows),
        over_seeds(rows),
        "## What these numbers do not say",
        MISLEADS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def own_map(card: Card) -> str | None:
    """Name of the map that shows the network's own attention, as `attnviz.maps.native` chooses it; None without one."""
    return next((name for name in MAP_TITLES if name != GRAD_CAM and name in focus_of(card)), None)


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
                f"{number_of(card, 'multiply_adds') / 1e6:,.0f} M",
                f"{times[card.name] / 60:.0f} min" if card.name in times else NOT_KNOWN,
                f"{sum(times.values()) / 60:.0f} min" if times else NOT_KNOWN,
                percent(as_triple(card.measured["top1"])),
                percent(as_triple(card.measured["top5"])),
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
    return table(head, rows)


def _choice(cards: Sequence[Card]) -> str:
    counts = sorted({int(number_of(card, "pictures")) for card in cards})
    return (
        f"Measured on {' and '.join(f'{count:,}' for count in counts)} validation pictures, with Wilson's intervals. "
        "The input size of each network was chosen among a few by accuracy on these very pictures, which favours "
        "all of them a little, by less than their intervals are wide. Multiply-adds are those of one square picture, "
        "the products of attention included. Training times are of one processor core, shared with other work: the "
        "phase that ends in the network, and all phases on the way to it, its teachers' included; a trunk that several "
        "share counts for each."
    )


def _calibration(cards: Sequence[Card]) -> str:
    rows = []
    for card in cards:
        numbers = as_fact(card.measured["calibration"])
        (accuracy, _, _), confidence = as_triple(card.measured["top1"]), float(str(numbers["confidence"]))
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
    found = [[as_triple(each) for each in as_list(as_fact(card.measured["calibration"])["bins"])] for card in cards]
    edges = [f"{each[0]:.0%} to {each[1]:.0%}" for each in found[0]]
    bins = [(card.title, *map(_bin, of)) for card, of in zip(cards, found, strict=True)]
    return "\n\n".join(
        (
            f"Expected calibration error over {len(edges)} bins of equal width (Guo et al. 2017, arXiv:1706.04599), "
            "and the negative log likelihood of the true class in nats. Confidence is the mean probability of the "
            "first answer.",
            table(("network", "calibration error", "log likelihood", "confidence", "top-1", "so it is"), rows),
            "Reliability: the share of right answers among the pictures whose first answer has such a probability, and "
            "in brackets how many there are.",
            table(("network", *edges), bins),
        )
    )


def _bin(each: Numbers) -> str:
    _, _, count, _, accuracy = each
    return f"{accuracy:.0%} ({count:,.0f})" if count else NONE


def _counted(cards: Sequence[Card]) -> str:
    boxes = [as_fact(card.measured["boxes"]) for card in cards]
    counts = {(int(str(each["pictures"])), int(str(each["whole"]))) for each in boxes}
    said = [
        f"Scored are {pictures:,} pictures. The box of {whole:,} more is the whole picture: nothing is left to compare "
        "it with, so they are left out."
        for pictures, whole in sorted(counts)
    ]
    without = [
        f"{card.title}, {MAP_TITLES[name]}: {numbers['without']:,} of them are zero everywhere and have no score."
        for card in cards
        for name, numbers in focus_of(card).items()
        if numbers["without"]
    ]
    return "\n".join([*said, *(f"- {line}" for line in without)])


def _baselines(cards: Sequence[Card]) -> str:
    boxes = as_fact(cards[0].measured["boxes"])
    rows = [
        (rival, percent(score_of(boxes[rival], "share")), plain(score_of(boxes[rival], "lift")),
         percent(score_of(boxes[rival], "hit")))
        for rival in (UNIFORM, CENTRED_GAUSSIAN)
    ]  # fmt: skip
    return "What maps that know nothing score:\n\n" + table(("map", "energy in box", "lift", "pointing"), rows)


def _ranking(cards: Sequence[Card], chosen: Callable[[Card], str | None]) -> str:
    """The networks by the lift of one map of each."""
    rows = []
    for place, (card, name) in enumerate(_ranked(cards, chosen), start=1):
        numbers = focus_of(card)[name]
        rows.append(
            (
                f"{place}. {card.title}",
                MAP_TITLES[name],
                plain(score_of(numbers, "lift")),
                percent(score_of(numbers, "share")),
                percent(score_of(numbers, "hit")),
                difference(over_centre(numbers, "lift")),
                points(over_centre(numbers, "share")),
            )
        )
    head = ("network", "map", "lift", "energy in box", "pointing", "lift over the centre's", "energy over the centre's")
    return table(head, rows)


def _ranked(cards: Sequence[Card], chosen: Callable[[Card], str | None]) -> list[tuple[Card, str]]:
    """The networks that have the map, the highest lift first."""
    having = [(card, name) for card in cards if (name := chosen(card)) is not None and name in focus_of(card)]
    return sorted(having, key=lambda each: -score_of(focus_of(each[0])[each[1]], "lift")[0])


def _in_short(cards: Sequence[Card]) -> str:
    best = max(cards, key=lambda card: as_triple(card.measured["top1"])[0])
    said = [f"- Most often right: {best.title}, {percent(as_triple(best.measured['top1']))} of first answers."]
    for question, chosen in (("Grad-CAM of the true class", _grad_cam), ("the network's own attention", own_map)):
        ranked = _ranked(cards, chosen)
        if not ranked:
            continue
        card, name = ranked[0]
        numbers = focus_of(card)[name]
        above = sum(over_centre(focus_of(each)[key], "share")[1] > 0 for each, key in ranked)
        what = "" if name == GRAD_CAM else f", by its {MAP_TITLES[name]}"
        said.append(
            f"- By {question}, {card.title} has the highest lift{what}: {plain(score_of(numbers, 'lift'))}. "
            f"{above or 'None'} of the {len(ranked)} networks put more of it on the object than a map that looks at "
            "the middle of every picture does."
        )
    return "\n".join(said)


def _grad_cam(_card: Card) -> str:
    return GRAD_CAM


def _verdicts(cards: Sequence[Card]) -> str:
    """One sentence for each map that does not beat the centred Gaussian, and one for those that do."""
    said, beating = [], []
    for card in cards:
        for name, numbers in focus_of(card).items():
            if name == "ungated_activation":
                continue
            value, low, high = over_centre(numbers, "share")
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
            for numbers in focus_of(card).values()
            for rival in as_fact(numbers["against"])
            if rival not in RIVALS
        )
    )
    rivals = [*RIVALS, *others]
    rows = []
    for card in cards:
        for name, numbers in focus_of(card).items():
            against = as_fact(numbers["against"])
            cells = []
            for rival in rivals:
                fact = as_fact(against.get(rival, {}))
                if "share" not in fact:
                    cells.append(NOTHING)
                else:
                    cells.append(f"{points(score_of(fact, 'share'))}<br>{difference(score_of(fact, 'lift'))}")
            rows.append((f"{card.title}: {MAP_TITLES[name]}", percent(score_of(numbers, "share")), *cells))
    return "\n\n".join([*said, table(("map", "energy in box", *(f"over {rival}" for rival in rivals)), rows)])


def _mean_gates(cards: Sequence[Card]) -> str:
    rows = [
        (card.title, percent(as_triple(card.measured["top1"])), percent(score_of(card.measured["mean_gates"], "top1")),
         points(score_of(card.measured["mean_gates"], "top1_difference")))
        for card in cards
        if "mean_gates" in card.measured
    ]  # fmt: skip
    if not rows:
        return "No network has gates."
    said = (
        "Top-1 accuracy with every gate replaced by its own mean, over channels and positions, for each picture: what "
        "is left when a gate may be strong or weak but may not choose. The networks were not trained for it."
    )
    return f"{said}\n\n" + table(("network", "as trained", "gates at their mean", "what choosing gains"), rows)

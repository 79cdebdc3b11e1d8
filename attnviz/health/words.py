"""Gate health as a table, and as one line for a page."""

from collections.abc import Sequence

from attnviz.errors import ValueRangeError
from attnviz.health.one_gate import GateHealth, Kind

NAMES: dict[Kind, str] = {"channel": "channel gate", "spatial": "spatial gate", "feature": "feature mask"}
"""Kind of a gate to what people call it."""

HEADER = (
    "layer",
    "gate",
    "factors (5 %, median, 95 %)",
    "closed",
    "open",
    "deviation inside a picture",
    "over pictures",
    "between classes",
    "flagged",
)


def health_table(healths: Sequence[GateHealth]) -> str:
    """One row for each gate, as a Markdown table.

    "closed" and "open" are shares of factors within 5 % of the bounds. Deviations are in units of the factor. "between
    classes" is eta squared, with what labels that mean nothing would give in brackets.

    Raises:
        ValueRangeError: there is no gate.
    """
    _refuse_none(healths)
    lines = [_row(HEADER), _row(("---",) * len(HEADER))]
    return "\n".join([*lines, *(_row(cells(one)) for one in healths)]) + "\n"


def cells(one: GateHealth) -> tuple[str, ...]:
    """The gate's row of the table."""
    by_chance = one.class_share_by_chance
    between = "" if one.class_share is None else percent(one.class_share)
    if between and by_chance is not None:
        between += f" ({percent(by_chance)})"
    site = one.site
    return (
        site.layer + (f" (run {site.call + 1})" if site.call else ""),
        ", ".join([NAMES[one.kind], *marks(one)]),
        f"{one.quantiles[0]:.3f}, {one.quantiles[2]:.3f}, {one.quantiles[-1]:.3f}",
        "bounds not known" if one.closed is None else percent(one.closed),
        "bounds not known" if one.opened is None else percent(one.opened),
        f"{one.inside:.3f}",
        f"{one.over_pictures:.3f}" if one.pictures > 1 else "",
        between,
        "; ".join(one.flags),
    )


def marks(one: GateHealth) -> list[str]:
    """What must be said of a gate that is untrained, failed its replay, or was changed by an intervention."""
    site = one.site
    return [word for word in (site.untrained, "unproven" if site.proven is False else "", site.edit) if word]


def flat_line(healths: Sequence[GateHealth]) -> str:
    """How many gates of each kind are flat, such as "3 of 7 spatial gates are flat"; empty if none is."""
    said = []
    for kind, name in NAMES.items():
        gates = [one for one in healths if one.kind == kind]
        flat = sum(one.is_flat for one in gates)
        if flat:
            said.append(
                f"{flat} of {len(gates)} {name}{'s' if len(gates) > 1 else ''} {'is' if flat == 1 else 'are'} flat"
            )
    return ", ".join(said)


def in_plain_words(healths: Sequence[GateHealth]) -> str:
    """What to think of a network's gates, a sentence for each kind.

    Raises:
        ValueRangeError: there is no gate.
    """
    _refuse_none(healths)
    said = []
    for kind, name in NAMES.items():
        gates = [one for one in healths if one.kind == kind]
        if not gates:
            continue
        told = [
            _counted("flat", [one for one in gates if one.is_flat], gates),
            _counted("saturated", [one for one in gates if one.is_saturated], gates),
            _counted("the same for every picture", [one for one in gates if one.is_same], gates),
        ]
        start = f"The only {name}" if len(gates) == 1 else f"Of {len(gates)} {name}s"
        nothing = "not flagged" if len(gates) == 1 else "none is flagged"
        said.append(f"{start}: {', '.join(filter(None, told)) or nothing}.")
    return " ".join(said)


def _counted(word: str, found: Sequence[GateHealth], gates: Sequence[GateHealth]) -> str:
    if not found:
        return ""
    if len(gates) == 1:
        return word
    if len(found) == len(gates):
        return f"all {len(gates)} are {word}"
    return f"{len(found)} {'is' if len(found) == 1 else 'are'} {word}"


def percent(share: float) -> str:
    """A share in whole percent; one that is neither none nor all never reads as if it were."""
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    return f"{100 * share:.0f} %"


def _row(cells_of_row: Sequence[str]) -> str:
    return f"| {' | '.join(cells_of_row)} |"


def _refuse_none(healths: Sequence[GateHealth]) -> None:
    if not healths:
        raise ValueRangeError("healths must hold at least one gate; got none. Ask gate_health() for them.")

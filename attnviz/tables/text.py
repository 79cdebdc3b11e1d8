"""The tables as text: what we count beside what is printed."""

from collections import Counter
from collections.abc import Sequence

from attnviz.tables.published import NOTES
from attnviz.tables.rows import Computed, Figure

HEADER = ("network", "parameters", "M", "printed", "G", "printed", "verdict")


def markdown(computed: Sequence[Computed]) -> str:
    """One Markdown table for each published one, each with its note. Aligned, so that it reads in a terminal, too."""
    parts = []
    for table in dict.fromkeys(each.row.table for each in computed):
        lines = [HEADER, *(_cells(each) for each in computed if each.row.table == table)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
        text = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
        text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        parts.append("\n".join([f"## {table}", "", *text, "", NOTES[table]]))
    return "\n\n".join(parts)


def wrong(computed: Sequence[Computed]) -> tuple[str, ...]:
    """Every claim that our counts do not bear out, a sentence each."""
    return tuple(sentence for each in computed for sentence in each.wrong)


def in_short(computed: Sequence[Computed]) -> str:
    """How many figures agree, and how many cannot be reproduced."""
    counted = [each for each in computed if each.cost is not None]
    figures = [figure for each in counted for figure in (each.row.parameters, each.row.costs) if figure is not None]
    tally = {kind: sum(figure.agreement == kind for figure in figures) for kind in ("digits", "near", "open")}
    text = (
        f"{tally['digits']} printed figures must agree to the digit, {tally['near']} within their tolerance; "
        f"{tally['open']} cannot be reproduced, for the reasons named."
    )
    missing = Counter(each.row.library for each in computed if each.cost is None)
    return text + "".join(f" {rows} rows not counted: {library} is not installed." for library, rows in missing.items())


def _cells(computed: Computed) -> tuple[str, ...]:
    row = computed.row
    if computed.cost is None:
        printed = [figure.printed if figure else "-" for figure in (row.parameters, row.costs)]
        return row.network, "-", "-", printed[0], "-", printed[1], f"not counted: {row.library} is not installed"
    return (
        row.network,
        f"{computed.cost.parameters:,}",
        *_beside(row.parameters, computed.millions, 2),
        *_beside(row.costs, computed.billions, 3),
        _verdict(computed),
    )


def _beside(figure: Figure | None, value: float, digits: int) -> tuple[str, str]:
    return (f"{value:.{digits}f}", "-") if figure is None else (figure.of_ours(value), figure.printed)


def _verdict(computed: Computed) -> str:
    row = computed.row
    if computed.wrong:
        return "WRONG: " + " ".join(computed.wrong)
    figures = {"parameters": row.parameters, "costs": row.costs}
    if not any(figures.values()):
        return "none printed"
    opened = [name for name, figure in figures.items() if figure is not None and figure.agreement == "open"]
    if opened:
        agree = [name for name, figure in figures.items() if figure is not None and name not in opened]
        return "".join(f"{name} agree, " for name in agree) + f"{' and '.join(opened)} not reproduced: {row.why}"
    near = any(figure is not None and figure.agreement == "near" for figure in figures.values())
    return "agrees within tolerance" if near else "agrees"

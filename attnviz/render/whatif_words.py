"""What-if tables in words, and the numbers and colours that their charts and figures share."""

from collections.abc import Sequence

from attnviz.errors import ValueRangeError
from attnviz.faithfulness.what_if_table import Control, WhatIf, WhatIfRow
from attnviz.render.panel import percent, the

BAND_COLOUR = "rgba(128,128,128,0.38)"
"""Of everything random: grey on a light and on a dark page."""

MEAN_COLOUR = "rgba(128,128,128,1)"
GRID_COLOUR = "rgba(128,128,128,0.22)"
"""Of the lines behind a chart, likewise."""

AFTER_WORDS, MEAN_WORDS = "after the change", "their mean"


def probability_axis(table: WhatIf) -> str:
    """What the axis shows."""
    return f"probability of {table.target_name}"


def before_words(table: WhatIf) -> str:
    """What the legend says of the network as it is."""
    return f"as it is: {table.target_name} {percent(table.before.probability)}"


def controls_words(controls: Sequence[Control]) -> str:
    """What the legend says of the grey bars."""
    return f"95 % of {max(len(control.points) for control in controls)} random regions"


def probability_end(table: WhatIf, rows: Sequence[WhatIfRow]) -> float:
    """Where the axis of probabilities ends, in percent."""
    before = 100 * table.before.probability
    ends = [before, *(100 * row.probability for row in rows)]
    ends += [before + row.control.band[1] for row in rows if row.control is not None]
    return min(101.0, max(50.0, 1.1 * max(ends)))


def what_if_chart_alt(table: WhatIf) -> str:
    """The chart in words."""
    rows = changes_of(table)
    said = [f"{row.change}: {percent(row.probability)}, {change_said(row)}" for row in rows]
    return (
        f"Probability of {table.target_name} after each change of {table.title}, "
        f"{percent(table.before.probability)} as it is. {'; '.join(said)}."
    )


def what_if_rows(table: WhatIf, *, brief: bool = True) -> list[dict[str, str]]:
    """The table's rows as people read them.

    Args:
        table: from `faithfulness.what_if`.
        brief: of the heads, only the one that changes most.
    """
    rows = table.brief if brief else table.rows
    has_controls = any(row.control is not None for row in rows)
    made = []
    for row in rows:
        cells = {
            "What is changed": f"{row.change}{f' ({row.detail})' if row.detail else ''}",
            f"{table.target_name}": percent(row.probability),
            "Change": "" if row.kind == "as it is" else points(row.points),
        }
        if has_controls:
            cells["Random regions, 95 %"] = band_words(row)
            cells["p"] = f"{row.control.p_value:.2f}" if row.control is not None else ""
        cells["First answer"] = f"{row.answer}, {percent(row.answer_probability)}"
        if table.focus_region:
            cells[f"Map on {the(table.focus_region)}"] = (
                f"{percent(row.focus.value)}, lift {row.focus.lift:.1f}" if row.focus is not None else "no score"
            )
        made.append(cells)
    return made


def points(change: float) -> str:
    """A change in percentage points, with its sign."""
    return f"{change:+.0f}\N{NO-BREAK SPACE}points".replace("-", "\N{MINUS SIGN}")


def changes_of(table: WhatIf) -> list[WhatIfRow]:
    """The rows that change something, of the heads only the one that changes most."""
    rows = [row for row in table.brief if row.kind != "as it is"]
    if not rows:
        raise ValueRangeError(
            f"the table must hold at least one change; got none for {table.title}. Give a region, or another network."
        )
    return rows


def change_name(table: WhatIf, row: WhatIfRow) -> str:
    """A row's name, on two lines where it stands for several heads."""
    heads = sum(other.kind == "head" for other in table.rows)
    if row.kind == "head" and heads > 1:
        return f"{row.change}\n(most of {heads} heads)"
    return row.change


def change_said(row: WhatIfRow, before_answer: str = ", ", answer: bool = True) -> str:
    """What became of the probability and of the answer."""
    told = [points(row.points)]
    if row.control is not None:
        told.append(f"p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{row.control.p_value:.2f}")
    return f"{', '.join(told)}{before_answer}now {row.answer}" if answer else ", ".join(told)


def band_words(row: WhatIfRow) -> str:
    """The middle of what random regions do."""
    if row.control is None:
        return ""
    low, high = row.control.band
    return f"{points(low).split(chr(0xA0))[0]} to {points(high)}"


def what_if_title(table: WhatIf) -> str:
    """The finding, or what was asked."""
    mark = f"{table.untrained.upper()}: " if table.untrained else ""
    return f"{mark}{table.finding or f'{table.title}: what {table.target_name} depends on'}"

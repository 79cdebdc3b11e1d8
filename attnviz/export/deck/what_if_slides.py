"""The slide of a what-if table: what becomes of the class when something is changed."""

from attnviz.export.deck.charts import AREA, SHARE, bar_chart
from attnviz.export.deck.page import Talk
from attnviz.export.deck.words import picture_line
from attnviz.faithfulness.what_if_table import WhatIf, WhatIfRow
from attnviz.render import NOT_EXPLANATION
from attnviz.render.panel import percent
from attnviz.render.whatif_chart import points, what_if_chart_alt

MOST_ROWS = 7
"""Rows that are read from the back of a room; the appendix has all of them."""


def what_if(talk: Talk, table: WhatIf, picture_name: str) -> None:
    """A native chart and table of one network's answers after each change, beside the same change at random places."""
    changed = [row for row in table.brief if row.kind != "as it is"]
    if not changed:
        return
    most = MOST_ROWS if talk.width > talk.height * 1.5 else MOST_ROWS - 2  # a 4:3 slide has less room
    kept = set(map(id, sorted(changed, key=lambda row: -abs(row.points))[: most - 1]))
    rows = [table.before, *(row for row in changed if id(row) in kept)]
    title = table.finding or f"{table.title}: what {table.target_name} depends on"
    mark = f"{table.untrained.upper()}: " if table.untrained else ""
    foot = [picture_line(picture_name)]
    if any(row.control is not None for row in rows):
        foot.append(
            "Random places: the same done to random regions of the same size and shape; the line spans the middle 95 % "
            "of them. p: how often a random place does as much."
        )
    if len(kept) < len(changed):
        foot.append("The largest changes; all of them stand in the appendix.")
    page = talk.page(f"{mark}{title}", _notes(table), [*foot, NOT_EXPLANATION])
    series: dict[str, list[float | None]] = {
        f"{table.target_name}, after the change": [row.probability for row in rows]
    }
    spread: list[tuple[float, float] | None] = []
    if any(row.control is not None for row in rows):
        before = table.before.probability
        series["mean of random places"] = [
            None if row.control is None else min(1.0, max(0.0, before + row.control.mean / 100)) for row in rows
        ]
        spread = [_reach(row, before) for row in rows]
    table_in = page.box.width * 0.42
    bar_chart(
        page,
        page.box.leftmost(page.box.width - table_in - 0.3),
        [row.change for row in rows],
        series,
        (SHARE, AREA),
        what_if_chart_alt(table),
        number_format="0\N{NO-BREAK SPACE}%",
        longest=1.15,
        spread=spread,
    )
    cells = [["What is changed", table.target_name, "Points", "p"]]
    for row in rows:
        p_value = "" if row.control is None else f"{row.control.p_value:.2g}"
        moved = "" if row.kind == "as it is" else points(row.points).split("\N{NO-BREAK SPACE}")[0]
        cells.append([row.change, percent(row.probability), moved, p_value])
    page.readable_table(
        page.box.rightmost(table_in).below(0.1),
        cells,
        f"Table: probability of {table.target_name} after each change of {table.title}",
        largest=16.0,
    )


def _reach(row: WhatIfRow, before: float) -> tuple[float, float] | None:
    """How far the middle 95 % of the random places reach down and up from their mean, as shares."""
    if row.control is None:
        return None
    low, high = row.control.band
    mean = min(1.0, max(0.0, before + row.control.mean / 100))
    return max(0.0, mean - max(0.0, before + low / 100)), max(0.0, min(1.0, before + high / 100) - mean)


def _notes(table: WhatIf) -> str:
    """Every row in words, and how it was made."""
    said = [f"{table.title}: what becomes of the probability of {table.target_name}.", *map(table.sentence, table.rows)]
    if table.method:
        said.append(f"Map of the focus: {table.method}.")
    said.append(f"Seed of the random regions: {table.seed}.")
    said += [f"Left out: {name}: {why}" for name, why in table.left_out.items()]
    return "\n".join([*said, "", f"Caution. {NOT_EXPLANATION}"])

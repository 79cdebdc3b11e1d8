"""The numbers behind a talk, in tables that go on over as many slides as they need."""

from collections.abc import Sequence

from attnviz.export.comparison import Comparison
from attnviz.export.deck.measure import NOTE_PT, Box
from attnviz.export.deck.page import Talk, column_widths, row_heights
from attnviz.export.deck.words import method_of, notes_of, picture_line, scale_note
from attnviz.export.figure_source import Row
from attnviz.faithfulness.what_if_table import WhatIf
from attnviz.focus import CENTRED_GAUSSIAN
from attnviz.render import NOT_EXPLANATION, number
from attnviz.render.columns import layers_of
from attnviz.render.panel import percent
from attnviz.render.whatif_chart import what_if_rows

MOST_COLUMNS = 9
"""A table with more columns is not read on a slide; its numbers are in the speaker notes' CSV files."""

MOST_ROWS = 60
"""Of a figure's own numbers, such as those of each channel."""


def numbers(talk: Talk, comparison: Comparison) -> None:
    """What each network answered, how much of its map lies where, and what its map is."""
    scores = [["Network", "First answer", "Region", "Share", "Area", "Blob", "Lift", "Highest cell in it"]]
    made = [["Network", "Map", "Layer", "Cells", "Values", "Unit", "Checked", "Weights"]]
    for panel in comparison.panels:
        for score in (panel.focus, *panel.others):
            told = ["", "", "", "", "", ""]
            if score is not None:
                blob = percent(score.baselines[CENTRED_GAUSSIAN])
                told = [score.region, percent(score.value), percent(score.chance), blob, f"{score.lift:.2f}"]
                told.append("yes" if score.hit == 1 else "no" if score.hit == 0 else percent(score.hit))
            scores.append([panel.title, panel.prediction_line, *told])
        one = panel.attention_map
        low, high = one.value_range
        checked = ", ".join([one.proof, *panel.warnings])
        made.append(
            [
                panel.title,
                method_of(panel),
                layers_of(one),
                "×".join(map(str, one.grid_hw)),
                f"{number(low)} to {number(high)}",
                one.unit,
                checked,
                panel.weights[:12] or "not known",
            ]
        )
    notes = notes_of(comparison)
    shown = picture_line(comparison.picture.name)
    tables(talk, "Appendix: the numbers", scores, notes, [shown, NOT_EXPLANATION])
    tables(talk, "Appendix: the maps", made, notes, [f"{shown} {scale_note(comparison)}", NOT_EXPLANATION])


def what_if_numbers(talk: Talk, table: WhatIf, picture_name: str) -> None:
    """Every row of a what-if table about a picture."""
    told = what_if_rows(table, brief=False)
    rows = [list(told[0]), *(list(row.values()) for row in told)]
    notes = "\n".join([*map(table.sentence, table.rows), "", f"Caution. {NOT_EXPLANATION}"])
    tables(talk, f"Appendix: what-if, {table.title}", rows, notes, [picture_line(picture_name), NOT_EXPLANATION])


def figure_numbers(talk: Talk, title: str, rows: Sequence[Row], notes: str) -> None:
    """The rows of any figure, where rows and columns are few enough for slides: more stand in the CSV of an export."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if not rows or len(columns) > MOST_COLUMNS or len(rows) > MOST_ROWS:
        return
    cells = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    tables(talk, f"Appendix: {title}", cells, notes, [NOT_EXPLANATION])


def tables(talk: Talk, title: str, rows: Sequence[Sequence[str]], notes: str, foot: Sequence[str]) -> None:
    """One table, over as many slides as it needs, each with the table's head."""
    left = list(rows[1:])
    page = talk.page(title, notes, foot)
    pages = -(-len(left) // _that_fit(rows, page.box))
    even = -(-len(left) // pages)  # no slide with a single row left over
    part = 1
    while left:
        if part > 1:
            page = talk.page(f"{title} ({part})", notes, foot)
        taken = min(even, _that_fit([rows[0], *left], page.box))
        page.table(page.box, [rows[0], *left[:taken]], f"Table: {title}", size_pt=NOTE_PT)
        left, part = left[taken:], part + 1


def _that_fit(rows: Sequence[Sequence[str]], room: Box) -> int:
    """How many rows after the first have room on one slide; at least one. The table's columns depend on its rows."""
    for count in range(len(rows) - 1, 1, -1):
        held = rows[: count + 1]
        if sum(row_heights(held, column_widths(held, room.width, NOTE_PT), NOTE_PT)) <= room.height:
            return count
    return 1


def _cell(value: str | int | float | bool | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, float) else str(value)

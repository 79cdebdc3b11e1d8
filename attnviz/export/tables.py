"""The numbers behind the figures: a table of scores, and the raw maps."""

import csv
import io
import json
from collections.abc import Sequence

import numpy as np

from attnviz.errors import ValueRangeError
from attnviz.export.comparison import Comparison
from attnviz.export.figure_source import Row
from attnviz.export.score_rows import COLUMNS

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def scores_csv(comparisons: Sequence[Comparison]) -> bytes:
    """One row for each network, picture and region, UTF-8, with the columns of `COLUMNS`.

    Cells without a value, such as the share where no region was drawn, are empty. Text that a spreadsheet would run
    as a formula is quoted with an apostrophe.

    Raises:
        ValueRangeError: there is nothing to write.
    """
    if not comparisons:
        raise ValueRangeError("comparisons must hold at least one comparison; got none. Choose a picture.")
    return rows_csv([row for comparison in comparisons for row in comparison.rows()], COLUMNS)


def rows_csv(rows: Sequence[Row], columns: Sequence[str] | None = None) -> bytes:
    """Rows of any figure as a table, UTF-8.

    Args:
        rows: cells by column; a cell without a value is empty.
        columns: of the table; None takes all that occur, in the order in which they first do.
    """
    named = list(dict.fromkeys(key for row in rows for key in row)) if columns is None else list(columns)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, named, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _safe(value) for key, value in row.items()})
    return text.getvalue().encode()


def maps_npz(comparison: Comparison) -> bytes:
    """The raw maps on their native grids, one float32 array for each network, as a compressed npz file.

    The array "provenance" is a JSON text; its "arrays" says which network each array belongs to.
    """
    arrays = dict(comparison.arrays())
    told = comparison.provenance() | {
        "arrays": {name: panel.title for name, panel in zip(arrays, comparison.panels, strict=True)}
    }
    file = io.BytesIO()
    arrays["provenance"] = np.array(json.dumps(told, allow_nan=False))
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # mypy takes any name for allow_pickle
    return file.getvalue()


def _safe(value: str | int | float | bool) -> str | int | float | bool:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value

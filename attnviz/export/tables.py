"""The numbers behind the figures: a table of scores, and the raw maps."""

import csv
import io
import json
from collections.abc import Sequence

import numpy as np

from attnviz.errors import ValueRangeError
from attnviz.export.comparison import Comparison
from attnviz.export.names import unique_slugs
from attnviz.focus import CENTRED_GAUSSIAN, FocusScore
from attnviz.render import NOT_EXPLANATION, Panel, ScaledMap

COLUMNS = (
    "picture",
    "picture_sha256",
    "network",
    "trained",
    "untrained",
    "weights",
    "method",
    "layers",
    "target",
    "prediction",
    "probability",
    "region",
    "share",
    "area",
    "lift",
    "centred_gaussian",
    "hit",
    "unit",
    "map_min",
    "map_max",
    "flat",
    "colour_scale",
    "colour_low",
    "colour_high",
    "grid_rows",
    "grid_columns",
    "proof",
    "intervention",
    "note",
    "caution",
)
"""Columns of the score table, in order. Shares, areas and probabilities are numbers from 0 to 1.

`untrained` says what of the network has no trained weights, and `trained` is true where that is nothing;
`target` is the index of the class that the map speaks about; `colour_low` and `colour_high` are the ends of its colour
bar, empty for a flat map, which is not painted, and `colour_scale` says how they were chosen; `proof` is "unproven"
where the layer's output does not follow from the map's records, "proven" where it does, and "not verified" where nobody
computed it again; `intervention` says how the network's attention was changed; `note` is what the map has to say beside
its numbers; `caution` is the sentence that stands on every figure.
"""

_NOT_ARRAYS = ("provenance", "file", "allow_pickle")
"""Names that numpy or we use beside the arrays."""

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
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for comparison in comparisons:
        for panel, scaled in zip(comparison.panels, comparison.scaled, strict=True):
            for score in (panel.focus, *panel.others):
                row = _row(comparison, panel, scaled) | _scored(score)
                writer.writerow({key: _safe(value) for key, value in row.items()})
    return text.getvalue().encode()


def maps_npz(comparison: Comparison) -> bytes:
    """The raw maps on their native grids, one float32 array for each network, as a compressed npz file.

    The array "provenance" is a JSON text; its "arrays" says which network each array belongs to.
    """
    names = unique_slugs([panel.title for panel in comparison.panels], taken=_NOT_ARRAYS)
    arrays = {name: panel.attention_map.values_hw for name, panel in zip(names, comparison.panels, strict=True)}
    told = comparison.provenance() | {
        "arrays": {name: panel.title for name, panel in zip(names, comparison.panels, strict=True)}
    }
    file = io.BytesIO()
    arrays["provenance"] = np.array(json.dumps(told, allow_nan=False))
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # mypy takes any name for allow_pickle
    return file.getvalue()


def _row(comparison: Comparison, panel: Panel, scaled: ScaledMap) -> dict[str, str | int | float | bool]:
    one = panel.attention_map
    row: dict[str, str | int | float | bool] = {
        "picture": comparison.picture.name,
        "picture_sha256": comparison.picture.sha256,
        "network": panel.title,
        "trained": not panel.untrained,
        "untrained": panel.untrained,
        "weights": panel.weights,
        "method": one.method,
        "layers": " ".join(dict.fromkeys(site.layer for site in one.sites)),
        "unit": one.unit,
        "map_min": one.value_range[0],
        "map_max": one.value_range[1],
        "flat": scaled.flat,
        "colour_scale": comparison.scale,
        "grid_rows": one.grid_hw[0],
        "grid_columns": one.grid_hw[1],
        "proof": one.proof,
        "intervention": ", ".join(one.edits),
        "note": one.note,
        "caution": NOT_EXPLANATION,
    }
    if not scaled.flat:
        row["colour_low"], row["colour_high"] = scaled.vmin, scaled.vmax
    if one.target is not None:
        row["target"] = one.target
    if panel.predictions:
        row["prediction"], row["probability"] = panel.predictions[0][0], float(panel.predictions[0][1])
    return row


def _scored(score: FocusScore | None) -> dict[str, str | int | float | bool]:
    """The columns of one region; none where no region was drawn."""
    if score is None:
        return {}
    return {
        "region": score.region,
        "share": score.value,
        "area": score.area,
        "lift": score.lift,
        "centred_gaussian": score.baselines[CENTRED_GAUSSIAN],
        "hit": score.hit,
    }


def _safe(value: str | int | float | bool) -> str | int | float | bool:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value

"""The numbers of a comparison as rows of a table: one for each network and region."""

from collections.abc import Iterator, Sequence

from attnviz.export.figure_source import Row
from attnviz.focus import CENTRED_GAUSSIAN, FocusScore
from attnviz.pictures import Picture
from attnviz.render import NOT_EXPLANATION, Panel, Scale, ScaledMap

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


def score_rows(picture: Picture, panels: Sequence[Panel], scaled: Sequence[ScaledMap], scale: Scale) -> Iterator[Row]:
    """A row for each network and region, with the columns of `COLUMNS`; a cell without a value is left out."""
    for panel, one in zip(panels, scaled, strict=True):
        for score in (panel.focus, *panel.others):
            yield _row(picture, panel, one, scale) | _scored(score)


def _row(picture: Picture, panel: Panel, scaled: ScaledMap, scale: Scale) -> Row:
    one = panel.attention_map
    row: Row = {
        "picture": picture.name,
        "picture_sha256": picture.sha256,
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
        "colour_scale": scale,
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


def _scored(score: FocusScore | None) -> Row:
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

"""How an attention map falls on a region, each time beside what a map that knows nothing would score.

Everything is scored on the network's own grid, in the map's raw units, over what the model saw of the picture. A cell
that the region's outline cuts counts by the exact area on either side, so a flat map scores chance exactly. A focus
score says where a map lies. It does not say why the network decided.
"""

from attnviz.focus.baselines import BASELINES, CENTRED_GAUSSIAN, EDGE_MAP, UNIFORM
from attnviz.focus.contrast import Contrast, contrast
from attnviz.focus.difference import BY, Difference, differences, total_variation
from attnviz.focus.menu import SCORES, Score
from attnviz.focus.ranked_scores import average_precision, matched_iou, rank_accuracy
from attnviz.focus.score import FocusScore, pointing, share
from attnviz.focus.several import by_region, contrasts, scorable, table
from attnviz.focus.spread import effective_share, entropy

__all__ = [
    "BASELINES",
    "BY",
    "CENTRED_GAUSSIAN",
    "EDGE_MAP",
    "SCORES",
    "UNIFORM",
    "Contrast",
    "Difference",
    "FocusScore",
    "Score",
    "average_precision",
    "by_region",
    "contrast",
    "contrasts",
    "differences",
    "effective_share",
    "entropy",
    "matched_iou",
    "pointing",
    "rank_accuracy",
    "scorable",
    "share",
    "table",
    "total_variation",
]

"""How much of an attention map falls into a region, each time beside what a map that knows nothing would score.

Everything is scored on the network's own grid, in the map's raw units, over what the model saw of the picture. A cell
that the region's outline cuts counts by the exact area on either side, so a flat map scores the region's area exactly.
A focus score says where a map lies. It does not say why the network decided.
"""

from attnviz.focus.baselines import CENTRED_GAUSSIAN, UNIFORM
from attnviz.focus.score import FocusScore, pointing, share
from attnviz.focus.several import scorable, table

__all__ = ["CENTRED_GAUSSIAN", "UNIFORM", "FocusScore", "pointing", "scorable", "share", "table"]

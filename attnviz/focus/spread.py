"""How spread a map is. These scores know no region."""

import math

import numpy as np

from attnviz.errors import ValueRangeError
from attnviz.focus.baselines import Box
from attnviz.focus.on_grid import OnGrid, total
from attnviz.focus.score import FocusScore, beside_baselines
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture


def entropy(
    attention_map: AttentionMap, *, within_yxyx: Box | None = None, picture: Picture | None = None
) -> FocusScore:
    """Entropy of a map as a share of the largest possible, ln of the number of cells.

    The map is divided by its total first. A cell that lies in the picture in part counts by that part, so the density
    of mass is what is measured and a flat map scores 1 in any crop.

    Args:
        attention_map: a non-negative map in raw units.
        within_yxyx: score only this box of the source picture, (top, left, bottom, right) in source pixels.
        picture: adds the baseline "edge map".

    Returns:
        The score: -sum p ln p / ln N for N whole cells. A flat map scores 1, a single lit cell 0, exactly.

    Raises:
        ValueRangeError: the map is signed, knows no geometry, is zero or NaN wherever the model looked, or has no more
            than one cell there.

    Misleads when:
        low is read as "looks at the object": a map stuck on one patch of background scores 0 as well. Grids of
        different size are compared: the same blob has a lower entropy on a finer grid.

    Reference:
        Shannon entropy. For rows of self-attention see `attnviz.maps.statistics.attention_entropy`.
    """
    scored = OnGrid.of(attention_map, None, within_yxyx)
    if total(scored.seen) <= 1:
        raise ValueRangeError(
            f"the entropy of a map must be over more than one cell; got {total(scored.seen):g} from "
            f"{attention_map.method}. Choose a layer with a finer grid."
        )
    return beside_baselines(scored, _evenness, "entropy of the map", "share of ln N", None, attention_map, picture)


def effective_share(
    attention_map: AttentionMap, *, within_yxyx: Box | None = None, picture: Picture | None = None
) -> FocusScore:
    """The share of what the model saw that a flat map of the same entropy would cover: exp(entropy) / cells.

    Args:
        attention_map: a non-negative map in raw units.
        within_yxyx: score only this box of the source picture, (top, left, bottom, right) in source pixels.
        picture: adds the baseline "edge map".

    Returns:
        The score. A flat map scores 1, a single lit cell of N 1 / N, k equal lit cells k / N.

    Raises:
        ValueRangeError: the map is signed, knows no geometry, or is zero or NaN wherever the model looked.

    Misleads when:
        small is read as "looks at the object"; it may be any small place. A coarse grid cannot go below one cell.

    Reference:
        Perplexity, the exponential of Shannon entropy, over the number of cells.
    """
    scored = OnGrid.of(attention_map, None, within_yxyx)
    return beside_baselines(scored, _covered, "effective share", "share of cells", None, attention_map, picture)


def _covered(on_grid: OnGrid) -> float:
    return math.exp(-_excess(on_grid))


def _evenness(on_grid: OnGrid) -> float:
    return min(1.0, max(0.0, 1 - _excess(on_grid) / math.log(total(on_grid.seen))))


def _excess(on_grid: OnGrid) -> float:
    """Kullback-Leibler divergence of the map's mass from an even spread over the area, in nats."""
    masses = on_grid.values * on_grid.seen
    mass = total(masses)
    lit = masses > 0
    density = on_grid.values[lit] * (total(on_grid.seen) / mass)
    return max(0.0, total((masses[lit] / mass) * np.log(density)))

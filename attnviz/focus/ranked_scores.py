"""Scores that ask whether a map's highest places lie in the region, whatever its values are there."""

from attnviz.focus.baselines import Box
from attnviz.focus.on_grid import OnGrid
from attnviz.focus.ranking import matched_overlap, precision_recall_area, top_inside
from attnviz.focus.score import FocusScore, beside_baselines
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region


def rank_accuracy(
    attention_map: AttentionMap, region: Region, *, within_yxyx: Box | None = None, picture: Picture | None = None
) -> FocusScore:
    """Of a map's highest cells, as many as fill the region's area: the part that lies in the region.

    The last cell is taken in part; of cells that tie for the last place, each is taken by the same part.

    Args:
        attention_map: a non-negative map in raw units.
        region: drawn on the source picture.
        within_yxyx: score only this box of the source picture, (top, left, bottom, right) in source pixels.
        picture: adds the baseline "edge map".

    Returns:
        The score. A flat map scores the area, exactly. Where the region's outline cuts no cell, 1 is a map whose
        highest cells are the region's; a map with one lit cell inside scores that cell, and of the rest of the region
        what chance gives.

    Raises:
        ValueRangeError: as for `share`.
        ShapeError: as for `share`.

    Misleads when:
        the map is nearly flat: an order is all that is asked for, so differences of one thousandth count in full. Where
        the grid is coarse, no map reaches 1, because cells that the outline cuts count by their parts.

    Reference:
        Arras et al. 2022, arXiv:2003.07258, relevance rank accuracy. Differs from it in: ties and cut cells count by
        the share that the expected value gives, where the order of the file decided.
    """
    scored = OnGrid.of(attention_map, region, within_yxyx)
    name = f"highest cells in {region.name}"
    return beside_baselines(scored, top_inside, name, "share of cells", region, attention_map, picture)


def matched_iou(
    attention_map: AttentionMap, region: Region, *, within_yxyx: Box | None = None, picture: Picture | None = None
) -> FocusScore:
    """Intersection over union of the region and the map's highest cells, as many as fill the region's area.

    The threshold is the one at which the map's positive part is as large as the region. Both have one size, so the
    score follows from the rank accuracy r: r / (2 - r). It orders maps as that does.

    Args:
        attention_map: a non-negative map in raw units.
        region: drawn on the source picture.
        within_yxyx: score only this box of the source picture, (top, left, bottom, right) in source pixels.
        picture: adds the baseline "edge map".

    Returns:
        The score. A flat map scores area / (2 - area), which is chance: a part of each cell is taken, evenly.

    Raises:
        ValueRangeError: as for `share`.
        ShapeError: as for `share`.

    Misleads when:
        it is compared with an IoU at another threshold, such as the mean or the best one on the same pictures; those
        are other numbers. As for rank accuracy, a nearly flat map counts in full.

    Reference:
        Jaccard index. The threshold by the region's area needs no tuning on test pictures.
    """
    scored = OnGrid.of(attention_map, region, within_yxyx)
    name = f"overlap of the highest cells with {region.name}"
    return beside_baselines(scored, matched_overlap, name, "IoU", region, attention_map, picture)


def average_precision(
    attention_map: AttentionMap, region: Region, *, within_yxyx: Box | None = None, picture: Picture | None = None
) -> FocusScore:
    """Area under the precision-recall curve when the map's cells are looked through from the highest to the lowest.

    Precision is the part of what was looked through that lies in the region, recall the part of the region that was
    found. Places count by their area. Cells that tie are looked through at once, with the precision at their end.

    Args:
        attention_map: a non-negative map in raw units.
        region: drawn on the source picture.
        within_yxyx: score only this box of the source picture, (top, left, bottom, right) in source pixels.
        picture: adds the baseline "edge map".

    Returns:
        The score. A flat map scores the area, exactly; a map whose highest cells are the region's scores 1 where the
        outline cuts no cell.

    Raises:
        ValueRangeError: as for `share`.
        ShapeError: as for `share`.

    Misleads when:
        regions of different area are compared by the raw value: chance is the area, so look at the lift. Like all
        scores by rank it sees no difference between a clear and a faint peak.

    Reference:
        Average precision as in information retrieval: the sum of (recall_k - recall_k-1) * precision_k, without
        interpolation. Differs from it in: area weights and groups of ties.
    """
    scored = OnGrid.of(attention_map, region, within_yxyx)
    name = f"precision-recall area for {region.name}"
    return beside_baselines(scored, precision_recall_area, name, "precision", region, attention_map, picture)

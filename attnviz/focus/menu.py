"""All scores by name, with what a menu, a table's head or a CSV file says of each."""

from dataclasses import dataclass
from typing import Protocol

from attnviz.errors import NotFoundError
from attnviz.focus.baselines import Box
from attnviz.focus.ranked_scores import average_precision, matched_iou, rank_accuracy
from attnviz.focus.score import FocusScore, pointing, share
from attnviz.focus.spread import effective_share, entropy
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region


class OfRegion(Protocol):
    """A score of a map and a region."""

    def __call__(
        self, attention_map: AttentionMap, region: Region, *, within_yxyx: Box | None, picture: Picture | None
    ) -> FocusScore: ...


class OfMap(Protocol):
    """A score of a map alone."""

    def __call__(
        self, attention_map: AttentionMap, *, within_yxyx: Box | None, picture: Picture | None
    ) -> FocusScore: ...


@dataclass(frozen=True)
class Score:
    """What a menu says about a score, and the score itself.

    Attributes:
        name: key in `SCORES`.
        title: a few words for a menu or the head of a column.
        answers: the question it answers, one plain sentence.
        chance: what a flat map scores, in words.
        unit: of the values.
        of_region: the score of a map and a region; None where no region is asked for.
        of_map: the score of a map alone; None where a region is needed.
        higher: what a higher value means, as it goes on after "higher: ".
        definition: the score exactly, in words.
        misleads: when it says something else than it seems to, as it goes on after "misleads when ".
        source: where it comes from.
    """

    name: str
    title: str
    answers: str
    chance: str
    unit: str
    of_region: OfRegion | None = None
    of_map: OfMap | None = None
    higher: str = ""
    definition: str = ""
    misleads: str = ""
    source: str = ""

    @property
    def in_percent(self) -> bool:
        """Whether people read the values as percent: shares, and how much of the highest cell is inside."""
        return self.unit in ("share", "share of cells", "hit")

    def __call__(
        self,
        attention_map: AttentionMap,
        region: Region,
        *,
        within_yxyx: Box | None = None,
        picture: Picture | None = None,
    ) -> FocusScore:
        """The score of one map, as its own function gives it. A score that knows no region leaves it out."""
        if self.of_region is not None:
            return self.of_region(attention_map, region, within_yxyx=within_yxyx, picture=picture)
        assert self.of_map is not None  # one of the two is given for each entry below
        return self.of_map(attention_map, within_yxyx=within_yxyx, picture=picture)


_AREA = "the region's share of the area"

SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        Score(
            "share",
            "Share of the map",
            "How much of the map's total lies in the region?",
            _AREA,
            "share",
            of_region=share,
            higher="more of the map lies in the region",
            definition=(
                "The map's total inside the region, over its total over all that the networks saw of the picture. "
                "A cell that the outline cuts counts by the part that lies inside."
            ),
            misleads=(
                "the object stands in the middle, where the centred Gaussian scores as much. A map spread thinly "
                "over a large object scores higher than one on its head alone."
            ),
            source=(
                "relevance mass accuracy, Arras et al. 2022, arXiv:2003.07258; with a box, the energy-based "
                "pointing game, Wang et al. 2020, arXiv:1910.01279"
            ),
        ),
        Score(
            "pointing",
            "Highest cell",
            "Does the map's highest cell lie in the region?",
            _AREA,
            "hit",
            of_region=pointing,
            higher="the highest cell lies in the region; 1 is a hit, 0 a miss",
            definition=(
                "1 if the highest cell lies in the region, else 0; in between where the region covers a part of "
                "that cell, or where several cells tie."
            ),
            misleads=(
                "the grid is coarse: the highest of 64 cells says little, and nothing is said of the rest of the map."
            ),
            source="the pointing game, Zhang et al. 2016, arXiv:1608.00507",
        ),
        Score(
            "rank_accuracy",
            "Highest cells",
            "Of the highest cells, as many as fill the region: how many lie in it?",
            _AREA,
            "share of cells",
            of_region=rank_accuracy,
            higher="more of the highest cells lie in the region",
            definition=(
                "The highest cells are taken until they are as large as the region, the last one in part. The "
                "score is the part of them that lies in the region."
            ),
            misleads=(
                "the map is nearly flat: only the order counts, so differences of one thousandth count in full. "
                "Cells that the outline cuts keep any map from reaching 1 on a coarse grid."
            ),
            source="relevance rank accuracy, Arras et al. 2022, arXiv:2003.07258",
        ),
        Score(
            "matched_iou",
            "Overlap (IoU)",
            "How well do the highest cells, as many as fill the region, overlap it?",
            "area / (2 - area)",
            "IoU",
            of_region=matched_iou,
            higher="the highest cells and the region overlap better",
            definition=(
                "The highest cells, as many as fill the region, and the region: the area that they share, over "
                'the area that either covers. With r for the score "Highest cells" it is r / (2 - r).'
            ),
            misleads=(
                'it is compared with an IoU at another threshold. It orders maps exactly as "Highest cells" does, '
                "so it is no second witness."
            ),
            source="the Jaccard index, at the threshold where the map is as large as the region",
        ),
        Score(
            "average_precision",
            "Precision-recall area",
            "Going from the highest cell down, how much of what is met lies in the region?",
            _AREA,
            "precision",
            of_region=average_precision,
            higher="the region is met earlier, going from the highest cell down",
            definition=(
                "The cells are looked through from the highest down. Precision is the part of what was looked "
                "through that lies in the region, recall the part of the region that was found: the score is the "
                "sum of each step in recall times the precision there."
            ),
            misleads=(
                "regions of different area are compared by the value itself: chance is the area, so compare the lifts."
            ),
            source="average precision of information retrieval, without interpolation",
        ),
        Score(
            "entropy",
            "Entropy",
            "How evenly is the map spread over the picture?",
            "1",
            "share of ln N",
            of_map=entropy,
            higher="the map is spread more evenly; lower: it is concentrated on fewer places, whichever they are",
            definition=(
                "With p for each cell's share of the map's total, over N cells: the sum of -p ln p, over ln N. A "
                "flat map scores 1, a single lit cell 0. No region is asked for."
            ),
            misleads=(
                'low is read as "looks at the object": a map stuck on one patch of background scores 0 as well. A '
                "finer grid gives the same blob a lower entropy."
            ),
            source="Shannon entropy",
        ),
        Score(
            "effective_share",
            "Effective share",
            "What part of the picture would a flat map of the same entropy cover?",
            "1",
            "share of cells",
            of_map=effective_share,
            higher="the map is spread over more of the picture; lower: over less, wherever it is",
            definition=(
                "The part of the picture that a flat map of the same entropy would cover: exp(entropy in nats) / "
                "N for N cells. k equal lit cells score k / N. No region is asked for."
            ),
            misleads=(
                'small is read as "looks at the object"; it may be any small place. A coarse grid cannot go below '
                "one cell."
            ),
            source="perplexity, the exponential of Shannon entropy, over the number of cells",
        ),
    )
}
"""Name of a score to its entry, in the order of menus. Any of the names is a `score` for `focus.table`."""


def score_named(name: str) -> Score:
    """The score of this name.

    Raises:
        NotFoundError: there is none; the nearest and all names are listed.
    """
    if name not in SCORES:
        raise NotFoundError.among("score", name, list(SCORES), "in attnviz.focus.SCORES")
    return SCORES[name]

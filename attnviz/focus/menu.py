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
    """

    name: str
    title: str
    answers: str
    chance: str
    unit: str
    of_region: OfRegion | None = None
    of_map: OfMap | None = None

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
        ),
        Score(
            "pointing",
            "Highest cell",
            "Does the map's highest cell lie in the region?",
            _AREA,
            "hit",
            of_region=pointing,
        ),
        Score(
            "rank_accuracy",
            "Highest cells",
            "Of the highest cells, as many as fill the region: how many lie in it?",
            _AREA,
            "share of cells",
            of_region=rank_accuracy,
        ),
        Score(
            "matched_iou",
            "Overlap (IoU)",
            "How well do the highest cells, as many as fill the region, overlap it?",
            "area / (2 - area)",
            "IoU",
            of_region=matched_iou,
        ),
        Score(
            "average_precision",
            "Precision-recall area",
            "Going from the highest cell down, how much of what is met lies in the region?",
            _AREA,
            "precision",
            of_region=average_precision,
        ),
        Score(
            "entropy",
            "Entropy",
            "How evenly is the map spread over the picture?",
            "1",
            "share of ln N",
            of_map=entropy,
        ),
        Score(
            "effective_share",
            "Effective share",
            "What part of the picture would a flat map of the same entropy cover?",
            "1",
            "share of cells",
            of_map=effective_share,
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

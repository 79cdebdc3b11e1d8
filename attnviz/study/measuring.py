"""One picture of a study: every network's map, scored in every region."""

import hashlib
import json
from collections.abc import Sequence

from attnviz.comparing import MapChoice, Reading, panel_of, read, scored
from attnviz.comparing.request import region_words
from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.export.score_rows import score_rows
from attnviz.focus import FocusScore
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render import scale_maps
from attnviz.study.kept import Failure, Measured
from attnviz.zoo import Loaded

BROKEN = (AttnvizError, MemoryError, RuntimeError)
"""What one picture may raise without ending the study; torch tells of too little memory by a RuntimeError."""


def regions_sha256(regions: Sequence[Region]) -> str:
    """Of names and pixels."""
    return hashlib.sha256(json.dumps([region_words(region) for region in regions]).encode()).hexdigest()


def measured(
    picture: Picture, regions: Sequence[Region], networks: Sequence[Loaded], choices: Sequence[MapChoice]
) -> Measured:
    """The numbers of one picture, the same as `attnviz.compare` finds.

    Raises:
        ValueRangeError: no network has a score in any region.
    """
    readings: list[Reading] = []
    problems: list[Failure] = []
    for loaded, choice in zip(networks, choices, strict=True):
        try:
            readings.append(read(loaded, picture, choice))
        except BROKEN as error:
            problems.append(Failure(picture.name, said(error), loaded.card.title))
    scores: dict[str, dict[str, FocusScore]] = {}
    for region in regions if readings else ():
        try:
            found, refused = scored(readings, [region])
        except AttnvizError as error:
            problems.append(Failure(picture.name, said(error), region=region.name))
            continue
        scores |= found
        problems += [Failure(picture.name, reason, title, region.name) for title, reason in refused.items()]
    if not any(scores.values()):
        raise ValueRangeError(problems[0].reason)
    panels = [panel_of(reading, scores) for reading in readings]
    scaled = scale_maps([panel.attention_map for panel in panels], "per map")
    rows = tuple(row for row in score_rows(picture, panels, scaled, "per map") if "region" in row)
    return Measured(picture.name, picture.sha256, picture.hw, regions_sha256(regions), rows, scores, tuple(problems))


def said(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(str(error).split()) or type(error).__name__

"""Focus scores in words, and the numbers and colours that their charts and figures share."""

from collections.abc import Mapping

from attnviz.errors import ValueRangeError
from attnviz.focus import BASELINES, CENTRED_GAUSSIAN, FocusScore
from attnviz.render.panel import percent, the

BAR_COLOUR = "#4C78A8"
AREA_COLOUR = "#D1495B"
GAUSSIAN_COLOUR = "#FFB000"
GAUSSIAN_WORDS = "centred Gaussian: a map that knows only the middle"
GAUSSIAN_TITLE = "Centred Gaussian blob"
LIFT_TITLE = "How many times as much of each map as chance"
LIFT_AXIS = "1\N{MULTIPLICATION SIGN} is chance: the area alone"
LEAST_LIFT = 2.0
"""The axis of lifts goes at least this far."""

_SAME_AREA = 1e-3

ByRegion = Mapping[str, Mapping[str, FocusScore]]
"""Scores by title of network, by name of region; rows of the baselines may be among them."""


def share_title(rows: Mapping[str, FocusScore]) -> str:
    """What the bars show."""
    return f"Share of each map on {the(region_of(rows))}"


def same_area(rows: Mapping[str, FocusScore]) -> bool:
    """Whether all networks saw the same part of the picture, so that one line stands for the area."""
    areas = [score.area for score in rows.values()]
    return max(areas) - min(areas) <= _SAME_AREA


def area_key(rows: Mapping[str, FocusScore]) -> str:
    """What the legend says of the area."""
    if not same_area(rows):
        return "area: what a flat map scores"
    return f"area: {100 * next(iter(rows.values())).area:.0f} % of the picture, what a flat map scores"


def share_end(rows: Mapping[str, FocusScore]) -> float:
    """Where the axis of shares ends, in percent."""
    widest = max(max(score.value, score.baselines[CENTRED_GAUSSIAN]) for score in rows.values())
    return min(100.0, max(50.0, 110 * widest))


def focus_chart_alt(scores: Mapping[str, FocusScore]) -> str:
    """The focus chart in words."""
    rows = networks_of(scores)
    said = [f"{name} {share_said(score)}" for name, score in rows.items()]
    first = next(iter(rows.values()))
    return (
        f"Share of each map on {the(region_of(rows))}: {'; '.join(said)}. A flat map scores the area, "
        f"{percent(first.area)}; a centred Gaussian {percent(first.baselines[CENTRED_GAUSSIAN])}."
    )


def share_said(score: FocusScore) -> str:
    """Share and lift, as they stand beside a bar."""
    return f"{percent(score.value)}, lift {score.lift:.1f}"


def networks_of(scores: Mapping[str, FocusScore]) -> dict[str, FocusScore]:
    """The rows of networks, without those of baselines.

    Raises:
        ValueRangeError: there is none.
    """
    rows = {name: score for name, score in scores.items() if name not in BASELINES}
    if not rows:
        raise ValueRangeError("scores must hold at least one network; got none. Choose a network and a region.")
    return rows


def region_of(rows: Mapping[str, FocusScore]) -> str:
    """The region that all rows speak of.

    Raises:
        ValueRangeError: they speak of several.
    """
    regions = {score.region for score in rows.values()}
    if len(regions) != 1:
        raise ValueRangeError(f"scores must speak of one region; got {sorted(regions)}. Draw one chart for each.")
    return regions.pop()


def lift_chart_alt(by_region: ByRegion) -> str:
    """The chart in words."""
    said = []
    for title in titles_of(by_region):
        parts = [f"{the(name)} {lift_said(scores[title])}" for name, scores in by_region.items() if title in scores]
        said.append(f"{title}: {'; '.join(parts)}")
    return f"{LIFT_TITLE} lies on each region. {'. '.join(said)}."


def lift_said(score: FocusScore) -> str:
    """Lift, share and area."""
    return f"{score.lift:.1f}× ({percent(score.value)} of the map on {percent(score.area)} of the area)"


def titles_of(by_region: ByRegion) -> list[str]:
    """The networks, in the order of the first region that has them."""
    titles = dict.fromkeys(title for scores in by_region.values() for title in scores)
    networks = [title for title in titles if title not in BASELINES]
    if not networks:
        raise ValueRangeError("scores must hold at least one network; got none. Choose a network and a region.")
    return networks


def shown_titles(by_region: ByRegion) -> list[str]:
    """Rows of the chart of lifts: the networks, then the blob in the middle if it was scored."""
    scored = [scores for scores in by_region.values() if scores]
    return [*titles_of(by_region), *([GAUSSIAN_TITLE] if any(CENTRED_GAUSSIAN in scores for scores in scored) else [])]


def lift_marks(by_region: ByRegion, region_name: str) -> list[tuple[str, FocusScore]]:
    """Row and score of each mark of one region."""
    scores = by_region[region_name]
    marks = [(title, scores[title]) for title in titles_of(by_region) if title in scores]
    return marks + ([(GAUSSIAN_TITLE, scores[CENTRED_GAUSSIAN])] if CENTRED_GAUSSIAN in scores else [])

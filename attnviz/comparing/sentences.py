"""The finding in one sentence, as page, figure and command line say it."""

from collections.abc import Collection, Mapping

from attnviz.focus import CENTRED_GAUSSIAN, FocusScore
from attnviz.render.panel import percent, the


def finding(by_region: Mapping[str, Mapping[str, FocusScore]], titles: Collection[str]) -> str:
    """What the scores say, in one sentence.

    Args:
        by_region: scores by title, by the region's name; the region in focus comes first. May be empty.
        titles: networks that the sentence may name.

    Returns:
        The sentence of `headline` for one region, that of `contrast_headline` for several; empty without a score.
    """
    if not by_region:
        return ""
    if len(by_region) > 1:
        return contrast_headline(by_region, titles)
    ((region_name, scores),) = by_region.items()
    return headline(scores, titles, region_name)


def headline(scores: Mapping[str, FocusScore], titles: Collection[str], region_name: str) -> str:
    """The finding in one sentence: the network whose map lies most on the region, beside what chance would give.

    Args:
        scores: by title.
        titles: networks that the sentence may name.
        region_name: what the region shows.

    Returns:
        The sentence; empty if none of them has a score.
    """
    named = [title for title in scores if title in titles]
    if not named:
        return ""
    title = max(named, key=lambda one: scores[one].value)
    best = scores[title]
    return (
        f"{title} puts {percent(best.value)} of its map on {the(region_name)}, which covers {percent(best.area)} of "
        f"the picture (lift {best.lift:.1f}); a centred blob would score {percent(best.baselines[CENTRED_GAUSSIAN])}."
    )


def contrast_headline(
    by_region: Mapping[str, Mapping[str, FocusScore]], titles: Collection[str], most_others: int = 3
) -> str:
    """The finding where there are several regions: the network that lifts the region in focus highest above chance.

    Args:
        by_region: scores by title, by the region's name; the region in focus comes first.
        titles: networks that the sentence may name.
        most_others: regions that are named beside the one in focus.

    Returns:
        The sentence; empty if no network has a score in the region in focus.
    """
    (focus, scores), *others = by_region.items()
    named = [title for title in scores if title in titles]
    if not named:
        return ""
    title = max(named, key=lambda one: scores[one].lift)
    said = [f"{the(name)} {times(rows[title].lift)}" for name, rows in others if title in rows][:most_others]
    beside = f", {' and '.join(filter(None, (', '.join(said[:-1]), said[-1])))}" if said else ""
    return f"{title} puts {times(scores[title].lift)} as much of its map on {the(focus)} as chance{beside}."


def times(lift: float) -> str:
    """A lift as people say it, such as "2.1×"."""
    return f"{lift:.1f}×"

"""Sentences and numbers as the page says them."""

from collections.abc import Mapping

from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM, FocusScore
from attnviz.render.panel import the


def headline(scores: Mapping[str, FocusScore], region_name: str) -> str:
    """The finding in one sentence: the network whose map lies most on the region, beside what chance would give."""
    networks = {title: score for title, score in scores.items() if title not in (UNIFORM, CENTRED_GAUSSIAN)}
    if not networks:
        return ""
    title, best = max(networks.items(), key=lambda item: item[1].value)
    place = the(region_name)
    return (
        f"{title} puts {percent(best.value)} of its map on {place}, which covers {percent(best.area)} of the picture "
        f"(lift {best.lift:.1f}); a centred blob would score {percent(best.baselines[CENTRED_GAUSSIAN])}."
    )


def percent(share: float) -> str:
    """A share as whole percent, such as "61 %"."""
    return f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


def plain(text: str) -> str:
    """Text that Markdown shows as it is: a file's name must not become a link or a picture."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()<>#+-.!|~:$&" else sign for sign in text)

"""Networks that cannot be asked what was asked of several: the others answer, and these are named with the reason."""

import difflib
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from attnviz.errors import NotFoundError

MOST_NEAR = 3
"""Near names that one sentence lists."""

_ALIKE = 0.4


def lacks_layer(told: str, layers: Sequence[str]) -> str:
    """Why a network cannot be asked about a layer; empty where a dotted name or a pattern fits one of its layers.

    Args:
        told: dotted name or pattern.
        layers: names of the network's layers.
    """
    if any(fnmatchcase(name, told) for name in layers):
        return ""
    if not layers:
        return f"it has no layer {told!r}, as it has no attention"
    near = nearest(told, layers)
    return f"it has no layer {told!r}{f'; nearest: {near[0]!r}' if near else ''}"


def nowhere(told: str, layers: Mapping[str, Sequence[str]]) -> NotFoundError:
    """The error for a layer that no network has.

    Args:
        told: dotted name or pattern.
        layers: names of the layers by the network's title.
    """
    of = {name: title for title, names in reversed(list(layers.items())) for name in names}
    near = [f"{name!r} ({of[name]})" for name in nearest(told, list(dict.fromkeys(of)))]
    hint = f" Nearest: {', '.join(near)}." if near else ""
    titles = ", ".join(layers)
    where, got = f"of {titles}", "which it does not have"
    if len(layers) > 1:
        where, got = "of at least one of the networks", f"which none of {titles} has"
    return NotFoundError(
        f"--layer must name a layer {where}; got {told!r}, {got}.{hint} `python -m attnviz layers PICTURE --model "
        "NAME` lists those of a network."
    )


def nearest(told: str, names: Sequence[str]) -> list[str]:
    """At most three names that are spelled alike, the nearest first."""
    return difflib.get_close_matches(told, names, n=MOST_NEAR, cutoff=_ALIKE)


def tell(left_out: Mapping[str, str]) -> None:
    """Say on stderr which networks were left out, and why."""
    for title, why in left_out.items():
        print(f"{title} is left out: {why}.", file=sys.stderr)

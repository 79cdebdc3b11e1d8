"""Networks by name: the bundled ones, pretrained ones whose weights are there, and files of one's own."""

import difflib
from collections.abc import Sequence
from pathlib import PurePath

from attnviz import zoo
from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.zoo import Loaded
from attnviz.zoo.checkpoint_file import SUFFIXES

MOST_NEAR = 3
"""Pretrained networks of a like name that an error lists."""


def loaded_networks(models: Sequence[str | Loaded]) -> tuple[Loaded, ...]:
    """The networks, loaded, each with a title of its own.

    Args:
        models: names of bundled networks, names of pretrained ones (see `zoo.pretrained.catalogue`), paths of
            checkpoints, which `zoo.load_checkpoint` must recognise and find whole, or networks.

    Raises:
        NotFoundError: no network has this name; the message tells bundled and pretrained ones of a like name.
        MatchError: the tensors of a checkpoint do not fit a network.
        AssetError: weights are missing or damaged, or were not downloaded.
        ValueRangeError: two networks have one title, so that nobody could tell their panels apart.
    """
    bundled = zoo.names()
    pretrained = [one.name for one in zoo.pretrained.catalogue()]
    networks = []
    for one in models:
        if isinstance(one, Loaded):
            networks.append(one)
        elif one in pretrained and one not in bundled:
            networks.append(zoo.load_pretrained(one))
        elif one not in bundled and PurePath(one).suffix.lower() in SUFFIXES:
            networks.append(zoo.load_checkpoint(one))
        elif one not in bundled:
            raise _unknown(one, bundled, pretrained)
        else:
            networks.append(zoo.load(one))
    titles = [one.card.title for one in networks]
    for title in titles:
        if titles.count(title) > 1:
            raise ValueRangeError(f"models must have different titles; got {title!r} twice. Name each network once.")
    return tuple(networks)


def _unknown(name: str, bundled: Sequence[str], pretrained: Sequence[str]) -> NotFoundError:
    """The error for a name that no network has, with those that may have been meant."""
    holding = [one for one in pretrained if name and name.lower() in one]
    of_each = (
        ("nearest", _alike(name, bundled)[:1]),
        ("nearest pretrained", list(dict.fromkeys([*_alike(name, pretrained), *holding]))[:MOST_NEAR]),
    )
    hint = "".join(f"; {what}: {', '.join(map(repr, names))}" for what, names in of_each if names)
    return NotFoundError(
        f"network {name!r} is neither bundled nor pretrained{hint}. Bundled: {', '.join(bundled)}. "
        "`python -m attnviz models` lists all."
    )


def _alike(name: str, known: Sequence[str]) -> list[str]:
    """Known names that are spelled alike, the nearest first."""
    return difflib.get_close_matches(name.lower(), known, n=MOST_NEAR, cutoff=0.5)

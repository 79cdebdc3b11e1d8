"""Networks by name: the bundled ones, pretrained ones whose weights are there, and files of one's own."""

from collections.abc import Sequence
from pathlib import PurePath

from attnviz import zoo
from attnviz.errors import ValueRangeError
from attnviz.zoo import Loaded
from attnviz.zoo.checkpoint_file import SUFFIXES


def loaded_networks(models: Sequence[str | Loaded]) -> tuple[Loaded, ...]:
    """The networks, loaded, each with a title of its own.

    Args:
        models: names of bundled networks, names of pretrained ones (see `zoo.pretrained.catalogue`), paths of
            checkpoints, which `zoo.load_checkpoint` must recognise and find whole, or networks.

    Raises:
        NotFoundError: no network has this name.
        MatchError: the tensors of a checkpoint do not fit a network.
        AssetError: weights are missing or damaged, or were not downloaded.
        ValueRangeError: two networks have one title, so that nobody could tell their panels apart.
    """
    bundled = zoo.names()
    pretrained = {one.name for one in zoo.pretrained.catalogue()}
    networks = []
    for one in models:
        if isinstance(one, Loaded):
            networks.append(one)
        elif one in pretrained and one not in bundled:
            networks.append(zoo.load_pretrained(one))
        elif one not in bundled and PurePath(one).suffix.lower() in SUFFIXES:
            networks.append(zoo.load_checkpoint(one))
        else:
            networks.append(zoo.load(one))
    titles = [one.card.title for one in networks]
    for title in titles:
        if titles.count(title) > 1:
            raise ValueRangeError(f"models must have different titles; got {title!r} twice. Name each network once.")
    return tuple(networks)

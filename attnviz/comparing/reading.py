"""One network's answer about one picture: what it sees in it, and the chosen map."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from attnviz import maps
from attnviz.comparing.choice import MapChoice, method_of, own_method
from attnviz.errors import NotFoundError
from attnviz.maps import AttentionMap, ModelMethod
from attnviz.maps.replacing import Progress
from attnviz.pictures import Picture
from attnviz.records import Trace
from attnviz.regions import Region
from attnviz.tracer import trace as run_traced
from attnviz.zoo import Card, Loaded


@dataclass(frozen=True, eq=False)
class Reading:
    """One network's answer about one picture.

    Attributes:
        name: in the zoo.
        title: for people.
        attention_map: in raw units on the network's own grid.
        predictions: every class with its probability, the most likely first.
        what: what the map shows, a few words for the panel.
        explained: the class that the map speaks about; None for a map that knows no class.
        is_attention: False where a network without attention shows its activation in place of it.
        card: of the network.
        choice: the map that was asked for.
    """

    name: str
    title: str
    attention_map: AttentionMap
    predictions: tuple[tuple[str, float], ...]
    what: str
    explained: str | None
    is_attention: bool = True
    card: Card | None = None
    choice: MapChoice | None = None


def traced(loaded: Loaded, picture: Picture) -> Trace:
    """What a network did with a picture, verified. A network without attention has a trace without records."""
    return run_traced(loaded.model, loaded.preprocess(picture), verify=True, allow_empty=True)


def read(
    loaded: Loaded,
    picture: Picture,
    choice: MapChoice,
    trace: Trace | None = None,
    progress: Progress | None = None,
) -> Reading:
    """One network's answer about a picture.

    Args:
        loaded: the network.
        picture: the source picture.
        choice: which map to make.
        trace: of this network on this picture, as `traced` gives it, where there is one already; None runs it.
        progress: told how far slow maps are: passes done, and passes in all. What it raises ends the work.

    Returns:
        The reading. It is the same, bit for bit, whether the trace is given or not.

    Raises:
        AttnvizError: the map cannot be had of this network; the message says why.
    """
    card = loaded.card
    done = traced(loaded, picture) if trace is None else trace
    method = method_of(choice, done, card, progress)
    if isinstance(method, ModelMethod):
        attention_map = maps.explain(loaded.model, loaded.preprocess(picture), method)
    else:
        attention_map = method(done)
    names = card.classes or tuple(f"output {number}" for number in range(len(done.logits)))
    predictions = ranked(done.logits, names)
    explained = None
    if choice.class_dependent:
        explained = predictions[0][0] if attention_map.target is None else names[attention_map.target]
    if choice.kind == "own":
        what = own_words(done, choice.point_yx)
    else:
        what = f"{method.card.title} for {explained}" if explained else method.card.title
    is_attention = choice.kind != "own" or bool(done.records)
    return Reading(card.name, card.title, attention_map, predictions, what, explained, is_attention, card, choice)


def own_words(trace: Trace, point_yx: tuple[float, float] | None) -> str:
    """What is shown as a network's own attention, in a few words."""
    if not trace.records:
        return "No attention of its own: activation"
    method = own_method(trace, point_yx)
    if isinstance(method, maps.AttentionFrom) and isinstance(method.query, tuple):
        return f"Attention from row {method.query[0] + 1}, column {method.query[1] + 1}"
    return method.card.title


def ranked(logits: torch.Tensor, classes: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Every class with its probability (softmax of the logits), the most likely first."""
    probabilities = torch.softmax(logits.double(), dim=0)
    order = torch.argsort(probabilities, descending=True, stable=True)
    return tuple((classes[index], float(probabilities[index])) for index in order.tolist())


def class_index(card: Card, target: str | int | None) -> int | None:
    """Index of a class among the network's own; None if no class is asked for.

    Args:
        card: of the network.
        target: name of a class, or already its index.

    Raises:
        NotFoundError: the network does not know the class.
    """
    if target is None or isinstance(target, int):
        return target
    if target not in card.classes:
        raise NotFoundError.among("class", target, card.classes, f"known to {card.name}")
    return card.classes.index(target)


def middle_of(region: Region) -> tuple[float, float]:
    """The place of the region nearest to its centre of mass, (row, column) in source pixels: always inside it."""
    rows, columns = np.nonzero(region.mask_hw)
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return float(rows[nearest]) + 0.5, float(columns[nearest]) + 0.5

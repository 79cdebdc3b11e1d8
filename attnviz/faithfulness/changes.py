"""What may be changed of a network or its picture, each with the row of the table that tells what came of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.faithfulness.canvas import Canvas, Substitute
from attnviz.faithfulness.placing import Mask, Place, random_places
from attnviz.faithfulness.progress import Steps
from attnviz.faithfulness.subject import Subject
from attnviz.faithfulness.what_if_table import Control, Kind, WhatIfRow
from attnviz.focus import FocusScore, share
from attnviz.geometry import cell_weights, seen_weights
from attnviz.maps.base import MapMethod, ModelMethod
from attnviz.records import SelfAttention, Trace
from attnviz.regions import Region
from attnviz.tracer import intervene
from attnviz.tracer.edits import INSIDE_FROM
from attnviz.tracer.intervening import GateChange

_WORDS: dict[Substitute, str] = {"blurred": "blurred", "filled": "filled with the mean colour"}


@dataclass(frozen=True, eq=False)
class Asked:
    """The question that every row answers."""

    subject: Subject
    target: int
    method: MapMethod | ModelMethod | None
    region: Region | None

    def row(
        self,
        words: str,
        kind: Kind,
        region: str,
        changed: Callable[[], AbstractContextManager[object]],
        tensor: Tensor,
        before: float,
    ) -> WhatIfRow:
        """The network's answer inside a change."""
        with changed():
            answers = self.subject.probabilities(tensor)[0]
            focus, problem = self._focus(tensor)
        first = int(answers.argmax())
        return WhatIfRow(
            change=words,
            kind=kind,
            region=region,
            probability=float(answers[self.target]),
            points=100 * (float(answers[self.target]) - before),
            answer=self.subject.class_name(first),
            answer_probability=float(answers[first]),
            focus=focus,
            focus_problem=problem,
        )

    def _focus(self, tensor: Tensor) -> tuple[FocusScore | None, str]:
        if self.method is None or self.region is None:
            return None, ""
        try:
            return share(self.subject.map_of(self.method, tensor), self.region), ""
        except AttnvizError as error:
            return None, str(error)


@dataclass(frozen=True, eq=False)
class Change:
    """A row to be made: how the network is changed, at no place or where the region lies, and its controls' places."""

    words: str
    kind: Kind
    region: str
    changed: Callable[[Place | None], AbstractContextManager[object]]
    shown: Callable[[Sequence[Place | None]], Tensor] | None
    places: tuple[Place, ...]
    rule: str
    detail: str = ""

    def run(self, asked: Asked, before: float, steps: Steps) -> WhatIfRow:
        seen = asked.subject.seen.tensor
        tensor = seen if self.shown is None else self.shown([None])
        row = asked.row(self.words, self.kind, self.region, lambda: self.changed(None), tensor, before)
        row = replace(row, detail=self.detail)
        steps.step()
        if not self.places:
            return row
        points = 100 * (self._controls(asked, steps) - before)
        return replace(row, control=Control.of(points, row.points, self.rule))

    def _controls(self, asked: Asked, steps: Steps) -> npt.NDArray[np.float64]:
        """Probability of the class for each random region."""
        found = []
        if self.shown is None:
            for place in self.places:
                with self.changed(place):
                    found.append(asked.subject.probabilities(asked.subject.seen.tensor, steps)[:, asked.target])
        else:
            # a few at a time: a photograph's inputs are small, the photographs that they are made of are not
            for first in range(0, len(self.places), 8):
                tensors = self.shown(self.places[first : first + 8])
                found.append(asked.subject.probabilities(tensors, steps)[:, asked.target])
        return torch.cat(found).numpy()


def _plain(words: str, kind: Kind, changed: Callable[[], AbstractContextManager[object]]) -> Change:
    """A change of the network that concerns no region."""
    return Change(words, kind, "", lambda _place: changed(), None, (), "")


def _unchanged(_place: Place | None) -> AbstractContextManager[object]:
    return nullcontext()


def gates_changed(subject: Subject, start: Trace, left_out: dict[str, str]) -> Iterator[Change]:
    gates = [record.site for record in start.records if not isinstance(record, SelfAttention)]
    if not gates:
        left_out["gates"] = f"{subject.title} has no gates."
        return
    layers = list(dict.fromkeys(site.layer for site in gates))
    parts = list(dict.fromkeys(site.mechanism.partition(".")[2] for site in gates))
    named: dict[str, dict[str, str]] = {"all gates": dict.fromkeys(layers, "")}
    if len(parts) > 1:
        for part in parts:
            mine = [site.layer for site in gates if site.mechanism.partition(".")[2] == part]
            named[f"{part or 'other'} gates"] = dict.fromkeys(mine, part)
    factors: tuple[tuple[Literal["off", "mean"], str], ...] = (("off", "off"), ("mean", "at their mean"))
    for whom, chosen in named.items():
        for factor, words in factors:
            setting: dict[str, GateChange] = {
                layer: {part: factor} if part else factor for layer, part in chosen.items()
            }
            yield _plain(f"{whom} {words}", "gate", partial(intervene, subject.model, gates=setting))


def heads_off(subject: Subject, start: Trace, left_out: dict[str, str]) -> Iterator[Change]:
    counts: dict[str, int] = {}
    for record in start.records:
        if isinstance(record, SelfAttention):
            counts[record.site.layer] = int(record.queries.shape[1])
    if not counts:
        left_out["heads"] = f"{subject.title} has no self-attention."
    for layer, count in counts.items():
        for head in range(count):
            words = f"head {head + 1} of {layer or 'the model'} off"
            yield _plain(words, "head", partial(intervene, subject.model, heads={layer: [head]}))


@dataclass(frozen=True, eq=False)
class _Tokens:
    """The tokens of one grid that lie on a region, and the layers that have this grid."""

    layers: tuple[str, ...]
    prefix: int
    rows: slice
    columns: slice
    grid_hw: tuple[int, int]
    inside: Mask
    """Over the cells that lie in the picture, `rows` and `columns` of the grid."""

    def numbers(self, place: Place, cells_per_step: tuple[int, int]) -> list[int]:
        """Numbers of the tokens at another place."""
        whole = np.zeros(self.grid_hw, dtype=bool)
        whole[self.rows, self.columns] = place.of(self.inside, cells_per_step)
        return [self.prefix + int(cell) for cell in np.flatnonzero(whole)]


def regions_hidden(
    subject: Subject, start: Trace, regions: Sequence[Region], controls: int, seed: int, left_out: dict[str, str]
) -> Iterator[Change]:
    attention = [record for record in start.records if isinstance(record, SelfAttention)]
    if not attention:
        left_out["regions hidden from attention"] = f"{subject.title} has no self-attention."
        return
    whoms: dict[Literal["class", "all"], str] = {"class": "the class token", "all": "all attention"}
    for number, region in enumerate(regions):
        try:
            has_class = all((record.query_tokens or record.tokens).class_token is not None for record in attention)
            grids = _grids(subject, attention, region)
            placed = random_places(_coarsest(grids).inside, controls, np.random.default_rng([seed, number, 0]))
        except AttnvizError as error:
            left_out[f"{region.name} hidden"] = str(error)
            continue
        for queries, whom in whoms.items():
            if queries == "class" and not has_class:
                left_out["regions hidden from the class token"] = f"{subject.title} has no class token."
                continue

            hiding = partial(_hiding, subject, region, queries, grids)
            yield Change(
                f"{region.name} hidden from {whom}", "hidden", region.name, hiding, None, placed.places, placed.rule
            )


@contextmanager
def _hiding(
    subject: Subject,
    region: Region,
    queries: Literal["class", "all"],
    grids: Sequence["_Tokens"],
    place: Place | None,
) -> Iterator[None]:
    """The region's tokens hidden, or as many at another place."""
    with ExitStack() as stack:
        if place is None:
            stack.enter_context(
                intervene(subject.model, hide=region, from_queries=queries, geometry=subject.seen.geometry)
            )
        else:
            coarsest = _coarsest(grids)
            for tokens in grids:
                numbers = tokens.numbers(place, _ratio(tokens, coarsest))
                stack.enter_context(intervene(subject.model, hide=numbers, from_queries=queries, layers=tokens.layers))
        yield


def _coarsest(grids: Sequence["_Tokens"]) -> "_Tokens":
    return min(grids, key=lambda tokens: tokens.inside.size)


def _grids(subject: Subject, attention: Sequence[SelfAttention], region: Region) -> list[_Tokens]:
    """The region's tokens on each grid of the network."""
    geometry = subject.seen.geometry
    layers: dict[tuple[tuple[int, int], int], dict[str, None]] = {}
    for record in attention:
        grid_hw = (int(record.tokens.grid_hw[0]), int(record.tokens.grid_hw[1]))
        layers.setdefault((grid_hw, record.tokens.prefix), {})[record.site.layer] = None
    found = []
    for (grid_hw, prefix), names in layers.items():
        seen = seen_weights(geometry, grid_hw) >= INSIDE_FROM
        rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
        part = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        inside = (cell_weights(region.mask_hw, geometry, grid_hw) >= INSIDE_FROM)[part]
        found.append(_Tokens(tuple(names), prefix, *part, grid_hw, inside))
    return found


def _ratio(fine: _Tokens, coarse: _Tokens) -> tuple[int, int]:
    """Cells of the finer grid for each of the coarser one, down and across."""
    height, width = (max(1, round(fine.inside.shape[axis] / coarse.inside.shape[axis])) for axis in (0, 1))
    return height, width


def pictures_changed(
    canvas: Canvas, regions: Sequence[Region], controls: int, seed: int, left_out: dict[str, str]
) -> Iterator[Change]:
    for number, region in enumerate(regions):
        mask = canvas.mask(region)
        try:
            placed = random_places(mask, controls, np.random.default_rng([seed, number, 1]))
        except ValueRangeError as error:
            left_out[f"{region.name} changed in the picture"] = str(error)
            continue
        for substitute in get_args(Substitute):
            yield Change(
                f"{region.name} {_WORDS[substitute]}",
                "picture",
                region.name,
                _unchanged,
                partial(canvas.shown, mask, substitute=substitute),
                placed.places,
                placed.rule,
                canvas.words(substitute),
            )

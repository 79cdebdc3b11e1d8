"""Which map to make of each network, and the method that makes it."""

from dataclasses import dataclass, fields
from typing import Literal

from attnviz import maps
from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.maps import MapMethod, ModelMethod
from attnviz.maps.choosing import choose, records_of
from attnviz.maps.replacing import Progress
from attnviz.records import SelfAttention, Trace
from attnviz.zoo import Card

KINDS: dict[str, str] = {"gradcam": "Grad-CAM", "own": "Own attention"} | {
    name: method.card.title for name, method in maps.METHODS.items() if name != "grad_cam"
}
"""Name of a map, as `compare` and the command line take it, to its title. Further methods are those of `maps.METHODS`.

"gradcam" asks every network one question; "own" shows each mechanism's own numbers.
"""

_AT_CAM_LAYER = ("grad_cam", "layer_cam", "activation")
"""Methods that look at the layer that a network's card names for class activation maps, unless told otherwise."""

_FROM_A_POINT = ("own", "attention_from")


@dataclass(frozen=True)
class MapChoice:
    """Which map to make of one network. Equal choices give equal maps, so a choice may be the key of a cache.

    Attributes:
        kind: "gradcam", "own" (what the network itself multiplied with, see `maps.native`), or a key of
            `maps.METHODS`.
        target: index of the class that the map speaks about; None for the network's own top-1 class.
        point_yx: the place that self-attention looks from, (row, column) in source pixels; None for all places, or for
            the class token where there is one.
        layer: dotted name or pattern of the layer; None for the one that the method takes by itself.

    Raises:
        NotFoundError: no map has this name.
        ValueRangeError: the map knows no class, no place to look from, or no layer, and one is given.
    """

    kind: str = "gradcam"
    target: int | None = None
    point_yx: tuple[float, float] | None = None
    layer: str | None = None

    def __post_init__(self) -> None:
        if self.kind == "grad_cam":
            object.__setattr__(self, "kind", "gradcam")
        if self.kind not in ("gradcam", "own", *maps.METHODS):
            raise NotFoundError.among("map", self.kind, known_kinds())
        if self.target is not None and not self.class_dependent:
            raise ValueRangeError(
                f"a class must be asked of a map that speaks about one; got class {self.target} for {self.kind!r}. "
                "Leave the class out, or choose gradcam."
            )
        if self.point_yx is not None and self.kind not in _FROM_A_POINT:
            raise ValueRangeError(
                f"a point must be given to a map that looks from one, {' or '.join(_FROM_A_POINT)}; got it for "
                f"{self.kind!r}. Leave the point out."
            )
        if self.layer is not None and (self.kind == "own" or "layer" not in _parameters(self.method_name)):
            raise ValueRangeError(
                f"a layer must be given to a map of one layer; got {self.layer!r} for {self.kind!r}. Leave it out."
            )

    @property
    def method_name(self) -> str:
        """Key in `maps.METHODS`; "own" for own attention, whose method depends on the network."""
        return "grad_cam" if self.kind == "gradcam" else self.kind

    @property
    def title(self) -> str:
        """A few words for a menu."""
        return KINDS.get(self.kind) or maps.METHODS[self.method_name].card.title

    @property
    def class_dependent(self) -> bool:
        """Whether the map speaks about one class."""
        return self.kind != "own" and maps.METHODS[self.method_name].card.class_dependent


def known_kinds() -> tuple[str, ...]:
    """Every name that `MapChoice` takes, in the order of a menu."""
    return ("gradcam", "own", *(name for name in maps.METHODS if name != "grad_cam"))


def method_of(
    choice: MapChoice, trace: Trace, card: Card | None = None, progress: Progress | None = None
) -> MapMethod | ModelMethod:
    """The method that makes the chosen map of one network.

    Args:
        choice: which map.
        trace: of the network on the picture.
        card: of the network; its `cam_layer` is where class activation maps look.
        progress: told how far slow methods are.

    Raises:
        NothingTracedError: the network has no attention of the kind that the method reads.
        NotFoundError: no layer fits.
        ValueRangeError: the network did not see the point.
    """
    layer = choice.layer or ((card.cam_layer or None) if card is not None else None)
    if choice.kind == "own":
        return own_method(trace, choice.point_yx) if trace.records else maps.Activation(layer=layer)
    method, known = maps.METHODS[choice.method_name], _parameters(choice.method_name)
    given: dict[str, object] = {}
    if "target" in known:
        given["target"] = choice.target
    if choice.layer is not None or choice.method_name in _AT_CAM_LAYER:
        given["layer"] = layer
    if "progress" in known:
        given["progress"] = progress
    if choice.kind == "attention_from":
        given["query"] = _query(trace, choice)
    return method(**given)


def own_method(trace: Trace, point_yx: tuple[float, float] | None) -> MapMethod:
    """The method that shows a network's own attention, as `attnviz.maps.native` chooses it.

    Args:
        trace: with at least one record.
        point_yx: for self-attention without a class token, the place that looks, in source pixels; None for all.

    Raises:
        ValueRangeError: the network did not see the point.
    """
    attention = [record for record in trace.records if isinstance(record, SelfAttention)]
    if point_yx is None or not attention or trace.geometry is None:
        return maps.native(trace)
    return maps.native(trace, _cell(trace, attention[-1], point_yx))


def _query(trace: Trace, choice: MapChoice) -> Literal["class", "mean"] | tuple[int, int]:
    """Who looks: the place of the point, or the class token, or where there is none, the mean of all places."""
    record = choose(
        records_of(trace, SelfAttention, maps.AttentionFrom()), -1 if choice.layer is None else choice.layer
    )
    if choice.point_yx is not None:
        return _cell(trace, record, choice.point_yx)
    return "mean" if record.query_tokens is not None or record.tokens.class_token is None else "class"


def _cell(trace: Trace, record: SelfAttention, point_yx: tuple[float, float]) -> tuple[int, int]:
    cell = None if trace.geometry is None else trace.geometry.cell_at(point_yx, record.tokens.grid_hw)
    if cell is None:
        raise ValueRangeError(
            f"the point must lie where {trace.model} looked; got row {point_yx[0]:.0f}, column {point_yx[1]:.0f}. "
            "Choose a point outside the hatched part."
        )
    return cell


def _parameters(method_name: str) -> set[str]:
    return {field.name for field in fields(maps.METHODS[method_name])}  # type: ignore[arg-type]

"""What a map is, what a map method is, and how a method that needs the model is run.

A method is a frozen dataclass: its fields are its parameters, and its repr is the recipe that figures print.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from torch import Tensor, nn

from attnviz.errors import NotFoundError, ShapeError, ValueRangeError
from attnviz.geometry import Geometry, project
from attnviz.records import Record, Site, Trace
from attnviz.records.changed_models import changes_of
from attnviz.records.seen_picture import SeenPicture, beside, one_seen, refuse_training
from attnviz.records.untrained import untrained_of

Proof = Literal["proven", "unproven", "not verified"]
"""Whether the layers' outputs follow from the numbers of a map; "not verified" where nobody computed them again."""

FLAT_BELOW = 0.05
"""A map is called flat when (max - min) / max(|min|, |max|) stays under this share."""


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """Numbers on the cells of one network's grid, with all that is needed to draw, score and cite them.

    The values are in the method's own unit and are never rescaled. `values_hw` is a read-only float32 array of
    shape (h, w); NaN marks cells where the map is undefined.

    Attributes:
        values_hw: the map on its native grid.
        method: repr of the method that made it, with the layer that was used.
        sites: the layer runs it was made from.
        meaning: one sentence for the legend.
        unit: what one unit of the values is, such as "share of attention".
        bounds: what the values could be in principle; an end may be infinite.
        signed: True only where zero means something and values may be negative.
        geometry: where the model input lies in the source picture; None if the model was given a bare tensor.
        target: index of the class the map speaks about; None for maps that know no class.
        note: what a reader should be told beside the meaning, such as the share that went to the class token.
    """

    values_hw: np.ndarray
    method: str
    sites: tuple[Site, ...]
    meaning: str
    unit: str
    bounds: tuple[float, float]
    signed: bool
    geometry: Geometry | None
    target: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        values = np.array(self.values_hw, dtype=np.float32)
        if values.ndim != 2 or values.size == 0:
            raise ShapeError(f"values_hw must have shape (h, w) with at least one cell; got {values.shape}.")
        if np.isinf(values).any():
            raise ValueRangeError(
                f"values_hw must be finite or NaN; got {int(np.isinf(values).sum())} infinite cells from "
                f"{self.method}. Check the network for overflow."
            )
        if not np.isfinite(values).any():
            raise ValueRangeError(
                f"values_hw must have at least one defined cell; got NaN everywhere from {self.method}. "
                "Check the network's weights and input for NaN."
            )
        if not self.signed and np.nanmin(values) < 0:
            raise ValueRangeError(
                f"an unsigned map must be non-negative; got a minimum of {np.nanmin(values):.4g} from {self.method}. "
                "Set signed=True if zero means something."
            )
        if not self.bounds[0] < self.bounds[1]:
            raise ValueRangeError(f"bounds must be (low, high) with low < high; got {self.bounds}.")
        values.setflags(write=False)
        object.__setattr__(self, "values_hw", values)

    @property
    def grid_hw(self) -> tuple[int, int]:
        """Cells of the native grid, (rows, columns)."""
        return self.values_hw.shape[0], self.values_hw.shape[1]

    @property
    def proof(self) -> Proof:
        """Whether the records that the map was made from are proven, as `trace(..., verify=True)` tells it.

        "unproven" if one of them is; "proven" if all of them are. A map that comes from no record, such as Grad-CAM,
        is "not verified".
        """
        told = [site.proven for site in self.sites]
        if False in told:
            return "unproven"
        return "proven" if told and all(told) else "not verified"

    @property
    def edits(self) -> tuple[str, ...]:
        """What `intervene` changed in the records that the map was made from, each change once."""
        return tuple(dict.fromkeys(site.edit for site in self.sites if site.edit))

    @property
    def untrained(self) -> str:
        """What `mark_untrained` said of the networks that the map was made from; empty for trained weights."""
        return ", ".join(dict.fromkeys(site.untrained for site in self.sites if site.untrained))

    @property
    def value_range(self) -> tuple[float, float]:
        """Smallest and largest defined value."""
        return float(np.nanmin(self.values_hw)), float(np.nanmax(self.values_hw))

    def on_source(self, interpolation: Literal["cells", "smooth"] = "cells") -> np.ndarray:
        """The map over the source picture, raw units.

        Args:
            interpolation: "cells" repeats each value over its cell and claims no finer place than the network knows;
                "smooth" interpolates between cell centres and looks more precise than it is.

        Returns:
            Float32 array of shape (H, W), NaN where the model never looked.

        Raises:
            ValueRangeError: the map knows no geometry.
        """
        if self.geometry is None:
            raise ValueRangeError(
                "the map must know where the model input lies in the picture; got no geometry. "
                "Trace a ModelInput from preprocess() instead of a bare tensor."
            )
        return project(self.values_hw, self.geometry, interpolation)


def is_flat(attention_map: AttentionMap, threshold: float = FLAT_BELOW) -> bool:
    """Whether a map varies too little to be drawn as a picture.

    Args:
        attention_map: any map.
        threshold: share in (0, 1); a map is flat when its range is under this share of its largest absolute value.

    Returns:
        True for a constant or all-zero map; False for a map with a single lit cell.
    """
    low, high = attention_map.value_range
    return high - low <= threshold * max(abs(low), abs(high))


@dataclass(frozen=True)
class MethodCard:
    """What a menu says about a map method.

    Attributes:
        name: key in the registry.
        title: a few words for a menu.
        answers: the question the map answers, one plain sentence.
        needs: the record class it reads, or "gradients".
        class_dependent: whether the map speaks about one class.
        unit: unit of the values.
    """

    name: str
    title: str
    answers: str
    needs: str
    class_dependent: bool
    unit: str


@runtime_checkable
class MapMethod(Protocol):
    """A method that reads a finished trace. Calling it makes the map."""

    card: ClassVar[MethodCard]

    def __call__(self, trace: Trace) -> AttentionMap:
        """Make the map, or raise NothingTracedError if the trace holds no fitting record."""
        ...

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        """Whether the method has something to read in these records."""
        ...


@runtime_checkable
class ModelMethod(Protocol):
    """A method that has to run the model itself, for gradients or for several passes."""

    card: ClassVar[MethodCard]

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        """Run the model on one picture (1, 3, h, w) and make the map. The model is left as it was found."""
        ...

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        """Whether the method suits a network whose trace holds these records."""
        ...


MethodClass = TypeVar("MethodClass", bound=type[MapMethod] | type[ModelMethod])

METHODS: dict[str, type[MapMethod] | type[ModelMethod]] = {}
"""Name of a method to its class. Classes are added by `register_method`; menus read their `card`."""


def register_method(card: MethodCard) -> Callable[[MethodClass], MethodClass]:
    """Class decorator: give a method its card and list it for menus.

    Raises:
        ValueRangeError: the name is taken by another class.
    """

    def add(method_class: MethodClass) -> MethodClass:
        if card.name in METHODS:
            raise ValueRangeError(
                f"map method names must be unique; got {card.name!r} for {method_class.__name__}, taken by "
                f"{METHODS[card.name].__name__}. Choose another name."
            )
        method_class.card = card
        METHODS[card.name] = method_class
        return method_class

    return add


def explain(model: nn.Module, model_input: SeenPicture | Tensor, method: ModelMethod) -> AttentionMap:
    """Make a map that needs the model, such as Grad-CAM.

    Args:
        model: any classifier in evaluation mode. It is left as it was found: no hook, no gradient, no flag.
        model_input: result of `preprocess`, or a bare tensor of shape (1, 3, h, w), which counts as the picture. It is
            brought to the model's device.
        method: a method with an `explain` of its own.

    Returns:
        The map, on the layer's native grid. Made inside `intervene`, or from a network without trained weights, its
        sites say so.

    Raises:
        ValueRangeError: the method reads a trace instead, or some part of the model is in training mode.
        ShapeError: the tensor is not one picture.
    """
    if not isinstance(method, ModelMethod):
        raise ValueRangeError(
            f"method must be one that runs the model; got {method!r}, which reads a trace. "
            "Call it on a trace: method(attnviz.trace(model, model_input))."
        )
    tensor, geometry = one_seen(model_input)
    for name, module in model.named_modules():
        if module.training:
            refuse_training(name)
    made = method.explain(model, beside(model, tensor), geometry)
    change, untrained = changes_of(model), untrained_of(model)
    if not change and not untrained:
        return made
    sites = tuple(replace(site, edit=change or site.edit, untrained=untrained) for site in made.sites)
    return replace(made, sites=sites)


def method_class(name: str) -> type[MapMethod] | type[ModelMethod]:
    """The registered method class of this name.

    Raises:
        NotFoundError: no method has this name; all names are listed.
    """
    if name not in METHODS:
        raise NotFoundError(f"map method must be a known name; got {name!r}. All: {', '.join(sorted(METHODS))}.")
    return METHODS[name]


def available(trace: Trace) -> tuple[MethodCard, ...]:
    """Cards of the methods that can make a map of this network, in the order they were registered.

    Methods that need gradients fit every network and are always listed.
    """
    return tuple(method.card for method in METHODS.values() if method.fits(trace.records))

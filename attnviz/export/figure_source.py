"""What anything must tell of itself to be written as a figure: its title, its words, its drawing, its origin."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Literal, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
from matplotlib.figure import Figure

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

Row = dict[str, str | int | float | bool]
"""One line of a table, by the column's name. A cell without a value is left out."""


class FigureSource(Protocol):
    """Something that can be drawn as a still figure and written to files.

    The figures of this package are frozen dataclasses that also have the fields `size` (width and height in inches,
    see `attnviz.render.SIZES`), `theme` ("light" or "dark") and `transparent`, so that `dataclasses.replace` gives the
    same figure for another page.
    """

    @property
    def title(self) -> str:
        """The finding, or what is shown; one line."""
        ...

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        ...

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        ...

    def provenance(self) -> dict[str, Json]:
        """Networks and their weights, layers, methods, units, colour ranges, the picture's sha256, all settings."""
        ...


Source = TypeVar("Source", bound=FigureSource)


def restyled(
    source: Source, size: tuple[float, float], theme: Literal["light", "dark"], transparent: bool = False
) -> Source:
    """The same figure for another page.

    Args:
        source: a figure. One that has no field `size`, `theme` or `transparent` keeps its own look there.
        size: width and height in inches.
        theme: of the page that it will stand on.
        transparent: leave the background out.
    """
    look = {"size": size, "theme": theme, "transparent": transparent}
    given: object = source  # a type checker takes no dataclass for a figure
    if not is_dataclass(given) or isinstance(given, type):
        return source
    known = {field.name for field in fields(given) if field.init}
    return cast(Source, replace(given, **{name: value for name, value in look.items() if name in known}))


@runtime_checkable
class HasRows(Protocol):
    """A figure whose numbers can be had as a table."""

    def rows(self) -> list[Row]:
        """The numbers of the figure, for a CSV file or a table or chart on a slide."""
        ...


@runtime_checkable
class HasArrays(Protocol):
    """A figure that was drawn from arrays."""

    def arrays(self) -> Mapping[str, np.ndarray]:
        """Raw values by a name that a file accepts, for an npz file."""
        ...

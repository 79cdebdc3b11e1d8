"""The table of all layer classes that can be read, each with the error of its replay, and of those that are refused.

python -m docs.mechanisms            measures everything again and writes docs/mechanisms.md

Most classes stand in a contract test under tests/mechanisms; the same small layers are measured here. The others stand
in docs/mechanism_networks.py. A class that is registered and stands in neither is an error: the script names it and
writes nothing.
"""

import importlib
import math
import pkgutil
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from attnviz.mechanisms import known_layers, mechanism_for, refused_layers
from attnviz.records import Record
from attnviz.tracer import trace
from docs.mechanism_networks import networks
from tests import mechanisms as tests_of_mechanisms
from tests.mechanisms.contract import SIZES_HW, MechanismContract

FILE = Path(__file__).with_name("mechanisms.md")
LIBRARIES = ("attnviz", "torch", "torchvision", "timm", "transformers")
TOLERANCE = 1e-5

OTHER_VERSIONS = {
    "timm.models.vision_transformer.Attention": "where older releases of timm define timm.layers.attention.Attention",
}
"""Registered names that the installed libraries do not define, and where they come from."""

ONLY_SQUARE = {"timm.models.nest.Attention"}
"""Classes whose networks take no other maps."""


class MissingError(Exception):
    """A class is registered and nothing here measures it, or no installed library defines it."""


@dataclass(frozen=True)
class Row:
    """One class of layers in the table.

    Attributes:
        name: dotted name of the class.
        mechanism: registry key.
        kinds: the records of one run.
        paper: arXiv number or other source.
        error: largest replay error of all settings and inputs, as a share of the layer's largest output.
    """

    name: str
    mechanism: str
    kinds: str
    paper: str
    error: float

    @property
    def library(self) -> str:
        return self.name.partition(".")[0]

    @property
    def structure(self) -> str:
        """The row without its error, whose last digits differ between machines."""
        return f"| `{self.name}` | {self.mechanism} | {self.kinds} | {self.paper} |"


@dataclass(frozen=True)
class Measured:
    """One contract test's network, seen through one of its classes."""

    name: str
    kinds: str
    paper: str
    sizes_hw: frozenset[tuple[int, int]]
    error: float


def rows() -> list[Row]:
    """One row for each registered class that the installed libraries define, by library and name.

    Raises:
        MissingError: a registered class is defined nowhere, or not measured on two sizes, one of them not square.
    """
    registered = {name: key for key, names in known_layers().items() for name in names if _is_of_a_library(name)}
    undefined = [name for name in registered if not _is_defined(name) and name not in OTHER_VERSIONS]
    if undefined:
        raise MissingError(f"no library defines {', '.join(undefined)}. Mend the name, or add it to OTHER_VERSIONS.")
    measured: dict[str, list[Measured]] = {name: [] for name in registered if name not in OTHER_VERSIONS}
    for name, make, sizes_hw in [*contracts(), *networks()]:
        for found in measure(name, make, sizes_hw, registered):
            measured[found.name].append(found)
    missing = [name for name, results in measured.items() if not results]
    if missing:
        raise MissingError(f"no contract test holds {', '.join(missing)}. Write one, or a network in docs.")
    table = []
    for name, results in measured.items():
        kinds = sorted({found.kinds for found in results}, key=lambda kinds: (len(kinds), kinds))
        sizes_hw = frozenset().union(*(found.sizes_hw for found in results))
        is_square = all(height == width for height, width in sizes_hw)
        if len(sizes_hw) < 2 or (is_square and name not in ONLY_SQUARE):
            raise MissingError(f"the contract tests of {name} need two sizes, one not square; got {sorted(sizes_hw)}.")
        error = max(results, key=lambda found: math.inf if math.isnan(found.error) else found.error).error
        table.append(Row(name, registered[name], "; or ".join(kinds), results[0].paper, error))
    return sorted(table, key=lambda row: (LIBRARIES.index(row.library), row.name))


Network = tuple[str, Callable[[tuple[int, int]], nn.Module], frozenset[tuple[int, int]]]
"""What to call it in an error, how to build it for a size of input, and the sizes."""


def contracts() -> Iterator[Network]:
    """The network of every contract test under tests/mechanisms."""
    for module in pkgutil.iter_modules(tests_of_mechanisms.__path__, f"{tests_of_mechanisms.__name__}."):
        if module.name.rpartition(".")[2].startswith("test_"):
            for name, held in vars(importlib.import_module(module.name)).items():
                if name.startswith("Test") and isinstance(held, type) and issubclass(held, MechanismContract):
                    sizes_hw = frozenset(getattr(held, "sizes_hw", SIZES_HW))
                    yield f"{module.name}.{name}", partial(_network, held), sizes_hw


def _network(contract: type[MechanismContract], _input_hw: tuple[int, int]) -> nn.Module:
    return contract().network()


def measure(
    title: str,
    make: Callable[[tuple[int, int]], nn.Module],
    sizes_hw: frozenset[tuple[int, int]],
    registered: Collection[str],
) -> Iterator[Measured]:
    """Each registered class in a network, with its largest replay error over the sizes."""
    records: dict[str, list[Record]] = {}
    modules: dict[str, nn.Module] = {}
    for input_hw in sorted(sizes_hw):
        torch.manual_seed(0)
        net = make(input_hw)
        if not any(_registered_class(module, registered) for module in net.modules()):
            return
        try:
            result = trace(net, torch.randn(1, 3, *input_hw), verify=True)
        except Exception as error:  # of the network itself, too: whoever reads this needs to know which one it was
            raise MissingError(f"{title} cannot be traced on {input_hw}: {error}") from error
        for record in result.records:
            records.setdefault(record.site.layer, []).append(record)
            modules[record.site.layer] = net.get_submodule(record.site.layer)
    for layer, of_layer in records.items():
        mechanism, name = mechanism_for(modules[layer]), _registered_class(modules[layer], registered)
        if mechanism is not None and name is not None:
            kinds = ", ".join(dict.fromkeys(_kind(record) for record in of_layer))
            worst = max((_error(record) for record in of_layer), key=lambda error: (math.isnan(error), error))
            yield Measured(name, kinds, mechanism.paper, sizes_hw, worst)


def _error(record: Record) -> float:
    if record.replay_error is None or not record.output_scale:
        return math.nan
    return record.replay_error / record.output_scale


def decade(error: float) -> str:
    """The power of ten above an error: "< 1e-6" for 3e-7, and "0" for none."""
    return "0" if error == 0 else f"< 1e{math.floor(math.log10(error)) + 1}"


def refused_rows() -> list[str]:
    """One line for each refused class, ordered by library and name."""
    names = [name for name in refused_layers() if _is_of_a_library(name)]
    names.sort(key=lambda name: (LIBRARIES.index(name.partition(".")[0]), name))
    return [f"| `{name}` | {refused_layers()[name]} |" for name in names]


def document(table: list[Row]) -> str:
    """The whole of docs/mechanisms.md."""
    libraries = [library for library in LIBRARIES if any(row.library == library for row in table)]
    lines = [
        "# Attention layers that can be read",
        "",
        "Written by `python -m docs.mechanisms`. Do not edit.",
        "",
        f"{len(table)} classes of {len(libraries)} libraries; a subclass is read as its class is. Each was given",
        "random weights with which its gates or attention vary, and was traced on two sizes of input, one of them not",
        "square (NesT takes square maps only). The replay error is the largest difference between the layer's output",
        "and the output computed again from its records, as a share of the largest output: the worst of all inputs and",
        "settings of the class, rounded up to a power of ten; 0 means the same bits. float32 on a CPU.",
        "",
    ]
    for library in libraries:
        lines += [f"## {library}", "", "| class | mechanism | records | source | replay error |"]
        lines += ["|---|---|---|---|---|"]
        lines += [f"{row.structure} {decade(row.error)} |" for row in table if row.library == library]
        lines += [""]
    lines += [
        "## Not read, and why",
        "",
        "`trace` names these layers in `Trace.unread`, and raises `UnreadableError` if a network has no others.",
        "",
        "| class | why |",
        "|---|---|",
        *refused_rows(),
        "",
    ]
    return "\n".join(lines)


def _kind(record: Record) -> str:
    part = record.site.mechanism.partition(".")[2]
    return type(record).__name__ + (f" ({part})" if part else "")


def _registered_class(module: nn.Module, registered: Collection[str]) -> str | None:
    """The name under which a module is read."""
    return next((_dotted(cls) for cls in type(module).__mro__ if _dotted(cls) in registered), None)


def _dotted(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _is_of_a_library(name: str) -> bool:
    """Not from a test or an example, both of which register layers of their own."""
    return name.partition(".")[0] in LIBRARIES and (not name.startswith("attnviz.") or _is_defined(name))


def _is_defined(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return False
    return isinstance(cls, type) and issubclass(cls, nn.Module) and _dotted(cls) == name


def main() -> int:
    try:
        table = rows()
    except MissingError as error:
        print(error, file=sys.stderr)
        return 1
    above = [f"{row.name}: {row.error:.1e}" for row in table if not row.error <= TOLERANCE]
    if above:
        print(f"replay errors must be at most {TOLERANCE}; got {'; '.join(above)}.", file=sys.stderr)
        return 1
    FILE.write_text(document(table), encoding="utf-8")
    print(f"{FILE.name}: {len(table)} classes, largest replay error {max(row.error for row in table):.1e}")
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())

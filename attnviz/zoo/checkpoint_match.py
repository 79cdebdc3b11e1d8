"""Which tensors of a file fit a network: the report that says so, and the names that are tried."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import Size, Tensor

from attnviz.errors import ValueRangeError

PREFIXES = (
    "_orig_mod.", "module.", "model.", "backbone.", "ema_model.", "ema.", "averaged_model.", "net.", "network.",
)  # fmt: skip
"""What wrappers put before every name: torch.compile, DataParallel, training frameworks, averaged weights."""

COUNTERS = ("num_batches_tracked", "n_averaged")
"""Last parts of names that count training steps: no weights, and of no effect in evaluation."""

COMPUTED = ("relative_position_index", "relative_coords_table", "attn_mask")
"""Last parts of names that a network computes from its own sizes. Older files hold them, newer networks do not."""

MOST_NAMED = 3
"""Names of each kind that a sentence lists."""


@dataclass(frozen=True)
class KeyMatch:
    """How the tensors of a file fit a network. Step counters, and what a network computes itself, do not count.

    Attributes:
        architecture: of the network, such as "timm:resnet18".
        matched: names that both have, in equal shape.
        missing: names that only the network has: those tensors are not trained.
        unexpected: names that only the file has: those tensors are not used.
        wrong_shape: names that both have, with the shape in the file and the shape in the network.
        notes: what was done to make the names fit, and how the network was found, one sentence each.
    """

    architecture: str
    matched: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    wrong_shape: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Tensors that fit, as a share of all that the file or the network has: 1 if nothing is left over."""
        wanted = len(self.matched) + len(self.missing) + len(self.unexpected) + len(self.wrong_shape)
        return len(self.matched) / wanted if wanted else 0.0

    @property
    def complete(self) -> bool:
        """Whether every tensor fits, and none is left over on either side."""
        return bool(self.matched) and not (self.missing or self.unexpected or self.wrong_shape)

    @property
    def untrained(self) -> str:
        """The words for `mark_untrained`; empty for a complete match."""
        if self.complete:
            return ""
        lost = len(self.missing) + len(self.wrong_shape)
        wanted = len(self.matched) + lost
        said = [f"untrained parts: {lost} of {wanted} tensors"] if lost else []
        if self.unexpected:
            said.append(f"wrong parts: {len(self.unexpected)} tensors of the file unused")
        return ", ".join(said)

    def sentence(self) -> str:
        """What fits and what does not, with some names of each kind."""
        total = len(self.matched) + len(self.missing) + len(self.wrong_shape)
        parts = [f"{len(self.matched)} of {total} tensors of {self.architecture} ({_percent(self.share)} of all names)"]
        parts += [
            f"{title} {_some(names)}"
            for title, names in (("missing", self.missing), ("not in the network", self.unexpected))
            if names
        ]
        if self.wrong_shape:
            shapes = [f"{name} {found} for {wanted}" for name, (found, wanted) in self.wrong_shape.items()]
            parts.append(f"wrong shape {_some(shapes)}")
        return "; ".join(parts)

    def text(self) -> str:
        """The whole report, a line for each tensor that does not fit."""
        lines = [
            f"architecture  {self.architecture}",
            f"matched       {len(self.matched)}",
            f"missing       {len(self.missing)}",
            f"unexpected    {len(self.unexpected)}",
            f"wrong shape   {len(self.wrong_shape)}",
            f"share         {_percent(self.share)}",
        ]
        lines += [f"note          {note}" for note in self.notes]
        lines += [f"missing       {name}" for name in self.missing]
        lines += [f"unexpected    {name}" for name in self.unexpected]
        lines += [
            f"wrong shape   {name}: {found} in the file, {wanted} in the network"
            for name, (found, wanted) in self.wrong_shape.items()
        ]
        return "\n".join(lines)


class MatchError(ValueRangeError):
    """The tensors of a file do not fit the network.

    Attributes:
        match: what fits and what does not.
    """

    def __init__(self, message: str, match: KeyMatch) -> None:
        super().__init__(message)
        self.match = match


def counts(name: str) -> bool:
    """Whether a tensor of this name must be in both the file and the network."""
    return name.rpartition(".")[2] not in COUNTERS + COMPUTED


def match(architecture: str, wanted: Mapping[str, Size], state: Mapping[str, Tensor]) -> KeyMatch:
    """Compare the shapes that a network has with the tensors of a file."""
    names = [name for name in wanted if counts(name)]
    both = [name for name in names if name in state]
    fits = [name for name in both if state[name].shape == wanted[name]]
    return KeyMatch(
        architecture,
        matched=tuple(fits),
        missing=tuple(name for name in names if name not in state),
        unexpected=tuple(name for name in state if counts(name) and name not in wanted),
        wrong_shape={
            name: (tuple(state[name].shape), tuple(wanted[name])) for name in both if state[name].shape != wanted[name]
        },
    )


def renamed(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """The tensors as they are named, and those behind each prefix that most names have, with the prefix taken off.

    What has another name than most belongs to something beside the network, such as the loss.
    """
    yield "", state
    for prefix in PREFIXES:
        behind = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        if len(behind) > len(state) / 2:
            yield from ((prefix + more, named) for more, named in renamed(behind))


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _percent(share: float) -> str:
    """Whole percent; never 100 for less than all."""
    return f"{int(share * 100)} %"

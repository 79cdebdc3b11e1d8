"""Run a network with its attention matrices written out, each of them a step that gradients can be taken at.

Most networks compute attention fused, so that there is no matrix to ask for a gradient, and where a library hands one
out it is often a copy made afterwards, which no gradient reaches. From its record a layer can be computed again with
the matrix as a tensor of its own: that tensor is what is followed here. The layer's fused output is thrown away.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor, nn

from attnviz.records import Record, SelfAttention
from attnviz.records.kinds import changed
from attnviz.tracer.finding import attention_layers
from attnviz.tracer.intervening import _Intervention


@dataclass(frozen=True, eq=False)
class FollowedAttention:
    """The attention of one run of a layer, inside the graph of the pass that it is from.

    Attributes:
        record: of the run.
        weights: (windows, heads, queries, keys), the very tensor that the layer multiplied its values with.
    """

    record: SelfAttention
    weights: Tensor


@contextmanager
def attention_followed(model: nn.Module) -> Iterator[list[FollowedAttention]]:
    """Collect the attention matrices of every pass of a network inside a `with` block, in this thread.

    Gradients must be on. Inside `intervene` the matrices are the changed ones. The model keeps nothing of it.

    Args:
        model: any network in evaluation mode that `trace` can read.

    Yields:
        A list that fills while the network runs, in the order in which its layers run.

    Raises:
        NothingTracedError: a pass in which no self-attention ran.

    Example:
        >>> import torch
        >>> layer = nn.MultiheadAttention(4, 2, batch_first=True).eval()
        >>> x = torch.randn(1, 3, 4)
        >>> with attention_followed(layer) as seen:
        ...     y, _ = layer(x, x, x)
        >>> (gradient,) = torch.autograd.grad(y.sum(), seen[0].weights)
        >>> gradient.shape
        torch.Size([1, 2, 3, 3])
    """
    follow = _Follow()
    found = attention_layers(model).readable
    with _Intervention(model, [(each, follow) for each in found], None, None).in_force():
        yield follow.seen


@dataclass(frozen=True, eq=False)
class _Follow:
    """An edit that changes no number: it keeps hold of the matrix that a layer is computed from."""

    seen: list[FollowedAttention] = field(default_factory=list)
    needed: bool = False
    wants: str = "a self-attention layer"

    def fits(self, record: Record) -> bool:
        return isinstance(record, SelfAttention)

    def __call__(self, record: Record) -> Record:
        assert isinstance(record, SelfAttention)
        followed = changed(record)
        held: list[Tensor] = []

        def weights(queries: Sequence[int] | None = None, heads: Sequence[int] | None = None) -> Tensor:
            if queries is not None or heads is not None:
                return record.weights(queries, heads)
            if not held:
                matrix = record.weights()
                if not matrix.requires_grad:  # frozen weights: the graph begins here
                    matrix.requires_grad_()
                held.append(matrix)
                self.seen.append(FollowedAttention(record, matrix))
            return held[0]

        object.__setattr__(followed, "weights", weights)
        return followed

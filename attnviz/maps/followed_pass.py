"""A pass of a network with its attention matrices written out, checked against the network as it runs by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnviz.errors import NothingTracedError, UnreadableError, ValueRangeError
from attnviz.maps.class_scores import chosen_class, class_scores, own_tensor
from attnviz.maps.token_chain import refuse_unfit
from attnviz.records import SelfAttention, Trace
from attnviz.tracer.following import FollowedAttention, attention_followed
from attnviz.tracer.tracing import trace

EQUAL_TO = 1e-3
"""The scores of both passes are taken for equal if they differ by at most this share of the largest."""


@dataclass(frozen=True, eq=False)
class Followable:
    """A network whose attention can be followed, and what it said of the picture by itself.

    Attributes:
        model: the network.
        picture: its input.
        traced: a plain trace.
        target: index of the class.
    """

    model: nn.Module
    picture: Tensor
    traced: Trace
    target: int

    @property
    def last(self) -> SelfAttention:
        """The record of the last layer."""
        return self.traced.of(SelfAttention)[-1]

    def run(self) -> tuple[Tensor, list[FollowedAttention]]:
        """Once more, with gradients: what the network gave, and its attention."""
        with attention_followed(self.model) as seen:
            output = self.model(self.picture)
        return output, seen

    def require_same(self, scores: Tensor) -> None:
        """Refuse scores that are not those of the plain pass: the gradients would be those of another network.

        Args:
            scores: (classes,), of the pass with the matrices written out.

        Raises:
            ValueRangeError: they differ.
        """
        plain = self.traced.logits.float()
        off, largest = float((scores.detach().float().cpu() - plain).abs().max()), float(plain.abs().max())
        if not off <= EQUAL_TO * largest:
            raise ValueRangeError(
                f"the network must give the same scores with its attention written out; got {off:.2g} of difference on "
                f"scores of up to {largest:.2g}. Trace with verify=True to see which layer is unproven, and run in "
                "float32."
            )


@contextmanager
def followable(model: nn.Module, tensor: Tensor, target: int | None, method: str) -> Iterator[Followable]:
    """Look at a network before its attention is followed; gradients are on inside the block.

    Args:
        model: any network.
        tensor: the picture.
        target: index of the class, or None for the top one.
        method: name for messages.

    Raises:
        NothingTracedError: the network has no self-attention.
        UnreadableError: some of its attention cannot be read, and would be missing.
        ShapeError: its attention cannot be followed through all layers, or it gives no class scores.
        ValueRangeError: likewise, or there is no class of that index.
    """
    with torch.inference_mode(False), torch.enable_grad():
        picture = own_tensor(tensor)
        traced = trace(model, picture)
        refuse_unfit(traced.of(SelfAttention), method)
        if traced.unread:
            layer, why = next(iter(traced.unread.items()))
            raise UnreadableError(
                f"{method} must follow all attention of a network; got {len(traced.unread)} layers that are not read, "
                f"such as {layer}: {why} Use AttentionFrom on one layer."
            )
        scores = class_scores(traced.logits[None])
        yield Followable(model, picture, traced, chosen_class(scores, target))


def require_signal(gradients: list[Tensor], method: str) -> None:
    """Refuse a map that would be blank only because no gradient came back.

    Raises:
        NothingTracedError: every gradient is zero.
    """
    if not any(bool((gradient != 0).any()) for gradient in gradients):
        raise NothingTracedError(
            f"some gradient must reach the attention for {method}; got zero in all {len(gradients)} layers. A head of "
            "zeros, as before training, gives none anywhere."
        )

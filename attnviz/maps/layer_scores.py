"""The class scores that a transformer's head gives to the tokens of each of its blocks."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from attnviz.errors import ShapeError

Pooling = Literal["head", "mean"]


def blocks_of(layers: Sequence[str]) -> list[str]:
    """Names of the blocks that hold these attention layers, one block each.

    Args:
        layers: dotted names of the attention layers, in the order they ran.

    Raises:
        ShapeError: the names do not say: two layers share a block, or a layer ran twice.

    Example:
        >>> blocks_of(["encoder.layers.0.attn", "encoder.layers.1.attn"])
        ['encoder.layers.0', 'encoder.layers.1']
        >>> blocks_of(["blocks.0.attn"])
        ['blocks.0']
    """
    parts = [layer.split(".") for layer in layers]
    if len(parts) == 1:
        numbers = [at for at, part in enumerate(parts[0]) if part.isdigit()]
        return [".".join(parts[0][: numbers[-1] + 1])] if numbers else [layers[0]]
    shared = 0
    while len({tuple(names[: shared + 1]) for names in parts}) == 1 and shared < min(map(len, parts)):
        shared += 1
    blocks = [".".join(names[: shared + 1]) for names in parts]
    if len(set(blocks)) != len(blocks):
        raise ShapeError(
            f"every attention layer must have a block of its own, and run once; got {', '.join(layers)}. "
            "Use Relevance, which needs no blocks."
        )
    return blocks


class LayerScores:
    """Hooks that show the network's head the tokens of every block at once, as so many pictures.

    Behind the last block each picture is treated on its own, by norms, pooling and a linear layer. So the last block's
    output is replaced by the outputs of all blocks, stacked along the batch, and one pass gives all scores.

    Args:
        blocks: names of the blocks.
        tokens: how many tokens there are.
        pooling: "head" leaves it to the network's head which tokens to read; "mean" gives it the mean of all tokens in
            the place of each.
    """

    def __init__(self, blocks: Sequence[str], tokens: int, pooling: Pooling) -> None:
        self._blocks = blocks
        self._tokens = tokens
        self._pooling = pooling
        self._kept: list[Tensor] = []
        self._thread = threading.get_ident()

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Inside the block, a pass of this thread gives (blocks, classes)."""
        handles = []
        try:
            for name in self._blocks:
                handles.append(model.get_submodule(name).register_forward_hook(self._at_block))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _at_block(self, _block: nn.Module, _args: tuple[object, ...], output: object) -> object | None:
        if threading.get_ident() != self._thread:
            return None
        held = output[0] if isinstance(output, tuple) and output else output
        name = self._blocks[min(len(self._kept), len(self._blocks) - 1)]
        if not isinstance(held, Tensor) or held.ndim != 3 or len(held) != 1 or held.shape[1] > self._tokens:
            got = tuple(held.shape) if isinstance(held, Tensor) else type(held).__name__
            raise ShapeError(
                f"{name} must give tokens of shape (1, {self._tokens}, c); got {got}. Use Relevance, which needs no "
                "outputs of blocks."
            )
        self._kept.append(held)
        if len(self._kept) < len(self._blocks):
            return None
        stacked = self._stacked()
        return (stacked, *output[1:]) if isinstance(output, tuple) else stacked

    def _stacked(self) -> Tensor:
        # The last block may keep the first tokens only, where the head reads no others.
        count = self._kept[-1].shape[1]
        if self._pooling == "mean":
            return torch.cat([one.mean(dim=1, keepdim=True).expand(-1, count, -1) for one in self._kept])
        return torch.cat([one[:, :count] for one in self._kept])

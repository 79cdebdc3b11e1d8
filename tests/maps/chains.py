"""Toy transformers whose attention matrices and gradients are arithmetic.

One channel, one head. The picture's pixels are the places; the class token starts at 0. Each block gives `x + A x`,
with A the same for every picture: queries and keys are zero, so the layer's mask, log A, is all there is to the logits.
The class scores are the head's input and its negative.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

FIRST = [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]]
SECOND = [[0.2, 0.4, 0.4], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]
PICTURE = torch.tensor([[[[4.0, -2.0]]]])


class ChainBlock(nn.Module):
    """`x + A x`."""

    def __init__(self, attention: Sequence[object]) -> None:
        super().__init__()
        weights = torch.tensor(attention)
        heads = 1 if weights.ndim == 2 else len(weights)
        self.mask = weights.log()
        self.attn = nn.MultiheadAttention(heads, heads, bias=False, batch_first=True)
        with torch.no_grad():
            self.attn.in_proj_weight.zero_()
            self.attn.in_proj_weight[2 * heads :] = torch.eye(heads)
            self.attn.out_proj.weight.copy_(torch.eye(heads))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attn(x, x, x, attn_mask=self.mask, need_weights=False)[0]


class Chain(nn.Module):
    """Blocks with the given matrices.

    Args:
        matrices: one per block, (tokens, tokens) or (heads, tokens, tokens).
        class_token: whether the first token is a class token, which the head reads; otherwise it reads the mean.
        power: of the head's input.
    """

    def __init__(self, *matrices: Sequence[object], class_token: bool = True, power: int = 1) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(ChainBlock(one) for one in matrices))
        self.prefix = ("class",) if class_token else ()
        self.power = power
        self.gain = nn.Parameter(torch.tensor([1.0, -1.0]))

    def grid_of(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        return input_hw

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        if self.prefix:
            tokens = torch.cat([torch.zeros_like(tokens[:, :1]), tokens], dim=1)
        tokens = self.blocks(tokens)
        read = tokens[:, 0] if self.prefix else tokens.mean(dim=1)
        return read.sum(dim=1, keepdim=True) ** self.power * self.gain

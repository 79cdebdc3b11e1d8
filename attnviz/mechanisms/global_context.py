"""Global context: one query pools the whole map, and what it gathered becomes a factor per channel.

Paper: Cao, Xu, Lin, Wei, Hu 2019, "GCNet", arXiv:1904.11492, eq. 6 and fig. 4(d). The paper adds the transformed
context to each position; timm multiplies by its sigmoid instead, or does both.
"""

from collections.abc import Iterable

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, register
from attnviz.mechanisms.gates import LastOutputs, gated
from attnviz.records import ChannelWeights, Deferred, Record, SelfAttention, TokenGrid, kept


@register("timm.layers.global_context.GlobalContext")
class GlobalContextMechanism(Mechanism[nn.Module]):
    """The pooling is self-attention with a single query, the same for every picture: its logits are the keys.

    A layer that takes the mean instead has no such record, and one that only adds has no channel gate.
    """

    key = "gc"
    paper = "arXiv:1904.11492"

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        logits, gate = LastOutputs(), LastOutputs()
        if _has(layer, "conv_attn"):
            yield emit.after(layer.get_submodule("conv_attn"), logits.look)
        yield emit.after(layer.get_submodule("gate"), gate.look)

        def look(run: Run) -> None:
            x = one_picture(run.x, emit.layer).detach()
            if _has(layer, "conv_attn"):
                (of_places,) = logits.take(emit.layer)
                height, width = of_places.shape[-2:]
                emit(
                    SelfAttention,
                    part="pooling",
                    queries=torch.ones(1, 1, 1, 1),
                    keys=Deferred(lambda: (rearrange(of_places, "1 1 h w -> 1 1 (h w) 1"),), of_places)[0],
                    scale=1.0,
                    tokens=TokenGrid.whole((height, width)),
                    query_tokens=TokenGrid.whole((1, 1)),
                )
            if _has(layer, "mlp_scale"):
                (weights,) = gate.take(emit.layer)
                emit(ChannelWeights, part="channel", weights=weights.flatten(), features=kept(x))

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, *records: Record) -> Tensor:
        """The channel gate's record gives the factors, and the pooling's record what it changes in them.

        Unchanged, the pooling changes nothing: the layer's own context of `x` gives the gate that was recorded.
        """
        own = context = self._context(layer, x)
        y = x
        for record in records:
            if isinstance(record, SelfAttention):
                context = torch.einsum("q n, b c n -> b c q", record.weights()[0, 0].to(x), x.flatten(2))[..., None]
        for record in records:
            if isinstance(record, ChannelWeights):
                y = gated(y, record) + y * (self._gate(layer, context) - self._gate(layer, own))
        return y + layer.get_submodule("mlp_add")(context) if _has(layer, "mlp_add") else y

    def _context(self, layer: nn.Module, x: Tensor) -> Tensor:
        """What the layer gathers from `x`: shape (b, c, 1, 1)."""
        if not _has(layer, "conv_attn"):
            return x.mean(dim=(2, 3), keepdim=True)
        shares = layer.get_submodule("conv_attn")(x).flatten(2).softmax(dim=-1)
        return (x.flatten(2) * shares).sum(dim=-1)[..., None, None]

    def _gate(self, layer: nn.Module, context: Tensor) -> Tensor:
        return layer.get_submodule("gate")(layer.get_submodule("mlp_scale")(context))


def _has(layer: nn.Module, part: str) -> bool:
    """Whether an optional submodule is there; timm sets those that are not to None."""
    return getattr(layer, part) is not None

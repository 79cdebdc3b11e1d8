"""Self-attention of the vision transformers of `transformers`, under every attention implementation.

Paper: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", arXiv:2010.11929; each class adds its own, named where
it is registered. The implementation (eager, sdpa, flash) is chosen when the model is built and gives weights only if it
is eager; queries and keys are the outputs of two linear layers under all of them. What is wrapped from timm is read by
timm's mechanisms.
"""

from collections.abc import Iterable
from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.errors import ValueRangeError
from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, refuse, register
from attnviz.records import Deferred, SelfAttention

_MODELS = "transformers.models"


class TransformersAttentionMechanism(Mechanism[nn.Module]):
    """Queries and keys are what the layer's linear layers gave.

    Args:
        paper: where the layer's equation stands.
        linear: names of the linear layers of queries, keys, values and output; no name where the layer leaves the
            output projection to another module.
        mask_is_bias: the call's `attention_mask` holds relative positions, not what must not be looked at.
    """

    key = "mhsa"

    def __init__(
        self,
        paper: str = "arXiv:2010.11929",
        linear: tuple[str, str, str, str] = ("q_proj", "k_proj", "v_proj", "o_proj"),
        mask_is_bias: bool = False,
    ) -> None:
        self.paper = paper
        self.linear = linear
        self.mask_is_bias = mask_is_bias

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        projected: dict[str, Tensor] = {}

        def look_at_queries(run: Run) -> None:
            projected["q"] = one_picture(run.y, emit.layer).detach()

        def look_at_keys(run: Run) -> None:
            projected["k"] = one_picture(run.y, emit.layer).detach()

        yield emit.after(layer.get_submodule(self.linear[0]), look_at_queries)
        yield emit.after(layer.get_submodule(self.linear[1]), look_at_keys)

        def look(run: Run) -> None:
            _refuse_causal(layer, run, emit.layer)
            q, k = projected.pop("q"), projected.pop("k")
            angles = self.angles(run)
            size = _head_size(layer)

            def queries_and_keys() -> tuple[Tensor, Tensor]:
                heads = rearrange(torch.cat([q, k]), "two n (heads d) -> two heads n d", d=size)
                return tuple((rotated(heads, *angles) if angles else heads).split(1))

            qk = Deferred(queries_and_keys, q, k, *angles)
            added = _as_numbers(run.argument(1, "attention_mask"))
            emit(
                SelfAttention,
                queries=qk[0],
                keys=qk[1],
                scale=_scale(layer, size),
                tokens=q.shape[1],
                bias=added if self.mask_is_bias else None,
                mask=None if self.mask_is_bias else added,
            )

        yield emit.after(layer, look)

    def angles(self, run: Run) -> tuple[Tensor, ...]:
        """Cosines and sines of the rotary embedding, each (patches, d); nothing where there is none."""
        return ()

    def replay(self, layer: nn.Module, x: Tensor, record: SelfAttention) -> Tensor:
        values = rearrange(layer.get_submodule(self.linear[2])(x), "1 n (heads d) -> 1 heads n d", d=_head_size(layer))
        joined = rearrange(record.weights().to(x) @ values, "1 heads n d -> 1 n (heads d)")
        return layer.get_submodule(self.linear[3])(joined) if self.linear[3] else joined


class RotaryAttentionMechanism(TransformersAttentionMechanism):
    """Queries and keys of the patch tokens are rotated by their place; those of the tokens before them are not."""

    def angles(self, run: Run) -> tuple[Tensor, ...]:
        return tuple(angles.detach() for angles in cast(tuple[Tensor, Tensor], run.argument(2, "position_embeddings")))


def rotated(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of the last tokens, as many as there are angles (Su et al. 2021, arXiv:2104.09864, eq. 34).

    Args:
        heads: queries or keys, (..., tokens, d).
        cos: (patches, d); feature i turns together with feature i + d / 2, by the same angle.
        sin: likewise.
    """
    prefix, patches = heads.split((heads.shape[-2] - len(cos), len(cos)), dim=-2)
    first, second = patches.chunk(2, dim=-1)
    turned = patches * cos + torch.cat([-second, first], dim=-1) * sin
    return torch.cat([prefix, turned], dim=-2)


def _head_size(layer: nn.Module) -> int:
    return int(getattr(layer, "head_dim", None) or layer.attention_head_size)  # type: ignore[arg-type]


def _scale(layer: nn.Module, head_size: int) -> float:
    for name in ("scaling", "scale"):
        if isinstance(value := getattr(layer, name, None), float):
            return value
    return head_size**-0.5


def _as_numbers(mask: object) -> Tensor | None:
    """The call's mask as numbers to add to the logits, (1, heads or 1, queries or 1, keys)."""
    if not isinstance(mask, Tensor):
        return None
    mask = mask.detach()
    if mask.dtype == torch.bool:
        # True means that the key may be looked at.
        mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -torch.inf)
    return mask.reshape((1,) * (4 - mask.dim()) + tuple(mask.shape))


def _refuse_causal(layer: nn.Module, run: Run, name: str) -> None:
    if run.kwargs.get("is_causal") or getattr(layer, "is_causal", False):
        raise ValueRangeError(
            f"{name}: the layer must look at all patches; got is_causal=True. Its implementations disagree on what "
            "that means without a mask. Give the layer an attention mask instead."
        )


for _name, _paper in {
    "vit.modeling_vit.ViTAttention": "arXiv:2010.11929",
    "deit.modeling_deit.DeiTAttention": "arXiv:2012.12877",
    "dinov2.modeling_dinov2.Dinov2Attention": "arXiv:2304.07193",
    "dinov2_with_registers.modeling_dinov2_with_registers.Dinov2WithRegistersAttention": "arXiv:2309.16588",
    "ijepa.modeling_ijepa.IJepaAttention": "arXiv:2301.08243",
    "vit_msn.modeling_vit_msn.ViTMSNAttention": "arXiv:2204.07141",
}.items():
    register(f"{_MODELS}.{_name}")(TransformersAttentionMechanism(_paper))

for _name, _paper in {
    "clip.modeling_clip.CLIPAttention": "arXiv:2103.00020",
    "siglip.modeling_siglip.SiglipAttention": "arXiv:2303.15343",
}.items():
    register(f"{_MODELS}.{_name}")(TransformersAttentionMechanism(_paper, ("q_proj", "k_proj", "v_proj", "out_proj")))

register(f"{_MODELS}.beit.modeling_beit.BeitAttention")(
    TransformersAttentionMechanism("arXiv:2106.08254", mask_is_bias=True)
)
register(f"{_MODELS}.dinov3_vit.modeling_dinov3_vit.DINOv3ViTAttention")(RotaryAttentionMechanism("arXiv:2508.10104"))

refuse(
    "its network hides most patches and shuffles the others at random, so that a token's place is not known.",
    f"{_MODELS}.vit_mae.modeling_vit_mae.ViTMAEAttention",
)
refuse(
    "its network appends detection tokens behind the patches, which lie nowhere on the grid.",
    f"{_MODELS}.yolos.modeling_yolos.YolosSelfAttention",
)

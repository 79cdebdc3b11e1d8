"""Self-attention layers on one picture: how spread each head is, how far it looks, and where."""

import torch

from attnviz.errors import AttnvizError
from attnviz.maps import AttentionFrom, AttentionMap, Received, attention_entropy, mean_attention_distance
from attnviz.records import SelfAttention, TokenGrid, Trace
from attnviz.records.kinds import changed
from attnviz.walking.kinds import AttentionLayer, Numbers

_NAMES = {
    "mhsa": "self-attention",
    "swin": "self-attention in windows",
    "aa_conv": "self-attention beside a convolution",
}
"""Mechanism to what it is. Others keep their name, without underscores."""


def attention_layer(trace: Trace, record: SelfAttention) -> AttentionLayer:
    """What one self-attention layer did. What cannot be told is left out, with a note that says why."""
    notes: list[str] = []
    grid = _grid(record, notes)
    entropy, distance, even, where = torch.zeros(0), torch.zeros(0), None, None
    if grid is not None:
        try:
            where = _where(trace, record, grid)
        except AttnvizError as error:
            notes.append(str(error))
        try:
            cell_px = _cell_px(trace, grid)
            entropy = attention_entropy(record, share=True)
            distance = mean_attention_distance(record, cell_px)
            even = float(mean_attention_distance(_even(record), cell_px).nanmean())
        except AttnvizError as error:
            entropy, distance = torch.zeros(0), torch.zeros(0)
            notes.append(str(error))
    return AttentionLayer(
        site=record.site,
        name=_NAMES.get(record.site.mechanism, record.site.mechanism.replace("_", " ")),
        grid_hw=(0, 0) if grid is None else grid.grid_hw,
        windows=1 if grid is None else grid.windows,
        entropy=_numbers(entropy),
        distance_px=_numbers(distance),
        even_px=even,
        where=where,
        notes=tuple(notes),
        heads=int(record.queries.shape[1]),
    )


def _grid(record: SelfAttention, notes: list[str]) -> TokenGrid | None:
    try:
        return record.tokens
    except AttnvizError as error:
        notes.append(str(error))
        return None


def _where(trace: Trace, record: SelfAttention, grid: TokenGrid) -> AttentionMap:
    alone = Trace(trace.model, trace.logits, trace.geometry, (record,))
    if grid.class_token is not None and record.query_tokens is None:
        return AttentionFrom(query="class")(alone)
    return Received()(alone)


def _cell_px(trace: Trace, grid: TokenGrid) -> tuple[float, float]:
    """Edges of one cell of the grid in pixels of the source picture; cells count as pixels without a geometry."""
    if trace.geometry is None or not all(grid.grid_hw):
        return 1.0, 1.0
    height, width = (
        trace.geometry.input_hw[axis] / grid.grid_hw[axis] / trace.geometry.scale_yx[axis] for axis in (0, 1)
    )
    return height, width


def _even(record: SelfAttention) -> SelfAttention:
    """The same layer, its heads looking at all keys they may look at alike."""
    one = torch.zeros_like(record.queries[:, :1])
    return changed(
        record,
        queries=one,
        keys=torch.zeros_like(record.keys[:, :1]),
        bias=None,
        mask=_of_one_head(record.mask),
        hidden=None,
        heads_off=(),
    )


def _of_one_head(mask: torch.Tensor | None) -> torch.Tensor | None:
    """A mask that differs between heads is not known; of one that has an axis for them, the first."""
    return mask[..., :1, :, :] if mask is not None and mask.dim() >= 3 else mask


def _numbers(values: torch.Tensor) -> Numbers:
    return values.detach().double().numpy()

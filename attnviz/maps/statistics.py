"""Two numbers for each head of a self-attention layer: how spread its attention is, and how far it reaches.

Both are about patch tokens alone. Class and register tokens and padding are left out, as queries and as keys, and each
row is divided by what is left of it. A row of which nothing is left counts for nothing. The matrix is never held as a
whole.

Reference: Dosovitskiy et al. 2021, arXiv:2010.11929, section 4.5 and appendix D.7, for the distance. Widely used code
drops the class token's column without dividing, which makes heads that look at it seem near-sighted.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from attnviz.errors import ValueRangeError
from attnviz.maps.attention_grid import QUERIES_AT_ONCE, grid_of_queries, on_picture
from attnviz.records import SelfAttention, TokenGrid


def attention_entropy(record: SelfAttention, *, share: bool = False) -> Tensor:
    """How spread the attention of each head is: the mean entropy of its rows.

    Misleads when: a head looks at one background cell from everywhere. Its entropy is as low as that of a head that
    looks at the object.

    Args:
        record: of any self-attention layer.
        share: of the largest possible, ln of the number of patch keys in the query's window, instead of nats. Rows
            with one patch key are then left out, as they have no choice.

    Returns:
        Shape (heads,); NaN for a head that `intervene` turned off. A uniform row of N patches gives ln N, or a share
        of 1; one that looks at a single patch 0.

    Raises:
        ValueRangeError: no row can be counted.

    Example:
        >>> from attnviz.records import Site
        >>> same = torch.zeros(1, 1, 4, 2)
        >>> record = SelfAttention(Site("attn", 0, "mhsa"), same, same, 1.0, TokenGrid.whole((2, 2)))
        >>> round(float(attention_entropy(record)), 4)  # ln 4
        1.3863
    """

    def entropy(rows: Tensor, keys: Tensor, _numbers: slice) -> Tensor:
        nats = -torch.xlogy(rows, rows).sum(dim=-1)
        most = keys.sum(dim=1).float().log()[:, None, None]
        return nats / torch.where(most > 0, most, torch.nan) if share else nats

    return _mean_over_queries(record, entropy, "attention entropy")


def mean_attention_distance(record: SelfAttention, patch_px: float | tuple[float, float]) -> Tensor:
    """How far each head looks: the mean distance from a query to its keys, weighted by attention.

    Args:
        record: of any self-attention layer.
        patch_px: edge of one cell of the keys' grid in pixels, or (height, width).

    Returns:
        Pixels between the centres of cells, shape (heads,). Attention that is spread evenly over 14 x 14 patches of
        16 px gives 116.49 px; a head that looks at the query's own place gives 0.

    Raises:
        ValueRangeError: `patch_px` is not positive, or no row can be counted.

    Example:
        >>> from attnviz.records import Site
        >>> same = torch.zeros(1, 1, 2, 2)
        >>> record = SelfAttention(Site("attn", 0, "mhsa"), same, same, 1.0, TokenGrid.whole((1, 2)))
        >>> mean_attention_distance(record, 16)  # half of the attention stays, half goes one patch
        tensor([8.])
    """
    height, width = patch_px if isinstance(patch_px, tuple) else (patch_px, patch_px)
    if not (0 < height < float("inf") and 0 < width < float("inf")):
        raise ValueRangeError(f"patch_px must be positive; got {patch_px}. Give the pixels of one cell's edge.")
    key_grid, query_grid = record.tokens, grid_of_queries(record)
    extent = torch.tensor([key_grid.grid_hw[0] * height, key_grid.grid_hw[1] * width])
    keys, queries = _centres(key_grid, extent), _centres(query_grid, extent)

    def distance(rows: Tensor, _keys: Tensor, numbers: slice) -> Tensor:
        away = torch.cdist(queries[:, numbers], keys, compute_mode="donot_use_mm_for_euclid_dist")
        return torch.einsum("w h q k, w q k -> w h q", rows, away)  # h: heads

    return _mean_over_queries(record, distance, "mean attention distance")


def _mean_over_queries(record: SelfAttention, of_rows: Callable[[Tensor, Tensor, slice], Tensor], what: str) -> Tensor:
    """Mean over all patch queries of a number that each row has, (heads,).

    Args:
        record: of the layer.
        of_rows: from rows (windows, heads, queries, keys) that sum to one over the patch keys, which keys those are
            (windows, keys), and which queries these are, to the number (windows, heads, queries); NaN leaves out.
        what: for the message.
    """
    counted = on_picture(grid_of_queries(record), prefix=False)
    keys = on_picture(record.tokens, prefix=False)
    heads = record.queries.shape[1]
    total, count = torch.zeros(heads, dtype=torch.float64), torch.zeros(heads, dtype=torch.float64)
    for numbers in _blocks(record):
        rows = record.weights(queries=list(range(numbers.start, numbers.stop)))
        rows *= keys[:, None, None]
        held = rows.sum(dim=-1, keepdim=True)
        rows /= torch.where(held > 0, held, 1)
        found = of_rows(rows, keys, numbers)
        defined = (held[..., 0] > 0) & counted[:, None, numbers] & found.isfinite()
        total += torch.where(defined, found, 0).sum(dim=(0, 2), dtype=torch.float64)
        count += defined.sum(dim=(0, 2))
    on = torch.ones(heads, dtype=torch.bool)
    on[list(record.heads_off)] = False
    if not on.any() or not count[on].all():
        raise ValueRangeError(
            f"{record.site.layer}: {what} must be a mean over rows between patches of the picture; got a head without "
            "any. Choose a layer whose queries are patches, and attend to more than one."
        )
    return (total / count).float()


def _blocks(record: SelfAttention) -> Iterator[slice]:
    """Rows in blocks so small that all heads and keys together stay near a known size."""
    queries = record.queries.shape[2]
    for start in range(0, queries, QUERIES_AT_ONCE):
        yield slice(start, min(start + QUERIES_AT_ONCE, queries))


def _centres(grid: TokenGrid, extent: Tensor) -> Tensor:
    """Centre of each token's cell on a picture of that extent, (windows, tokens, 2); anywhere for the others."""
    places = torch.stack(
        torch.meshgrid(*((torch.arange(count) + 0.5) / max(1, count) for count in grid.grid_hw), indexing="ij"), dim=-1
    )
    centres = grid.gather(places * extent)
    return torch.cat([centres.new_zeros(grid.windows, grid.prefix, 2), centres], dim=1)

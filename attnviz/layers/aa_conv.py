"""Attention-augmented convolution: some output channels come from a convolution, the others from self-attention.

Paper: Bello, Zoph, Vaswani, Shlens, Le 2019, "Attention Augmented Convolutional Networks", arXiv:1904.09925,
section 3 (eqs. 1 to 5).
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from attnviz.errors import ValueRangeError


class AAConv2d(nn.Module):
    """`concat[conv(x), attention(x)]` with two-dimensional relative position logits.

    Queries, keys and values come from one pointwise convolution without bias; a pointwise convolution mixes the heads'
    outputs. The relative position embeddings are shared by the heads and stored for one grid; on another grid they are
    resampled linearly along the offset axis, so that any input size works.

    Differs from the paper in one point that the paper leaves open: with a stride, the input of the attention is
    average-pooled by that stride; then only an even kernel is centred on what is pooled. With
    `value_channels == out_channels` there is no convolution: the layer is fully attentional (the paper's
    kappa = upsilon = 1).

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output, convolution and attention together.
        kernel_size: side of the convolution's square kernel: odd, or even with a stride of 2.
        stride: of the convolution.
        key_channels: `d_k`, all heads together; divisible by `heads`.
        value_channels: `d_v`, all heads together; divisible by `heads`, at most `out_channels`.
        heads: `N_h`.
        grid_hw: positions of the attention that the relative embeddings are stored for: `2 h - 1` and `2 w - 1`
            offsets.
        downsample: the attention runs on a grid that is coarser by this factor: 3x3 average pooling of that stride
            before it, bilinear interpolation of its output behind it (section 4.2, for large grids).

    Raises:
        ValueRangeError: the channels do not divide by the heads, or there are more values than outputs.

    Example:
        >>> layer = AAConv2d(16, 32, key_channels=40, value_channels=8, heads=2, grid_hw=(6, 5))
        >>> layer(torch.rand(1, 16, 6, 5)).shape
        torch.Size([1, 32, 6, 5])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        *,
        key_channels: int,
        value_channels: int,
        heads: int,
        grid_hw: tuple[int, int],
        downsample: int = 1,
    ) -> None:
        super().__init__()
        if key_channels % heads or value_channels % heads:
            raise ValueRangeError(
                f"key_channels and value_channels must be multiples of heads = {heads}; got {key_channels} and "
                f"{value_channels}. Choose multiples, or another number of heads."
            )
        if not 0 < value_channels <= out_channels:
            raise ValueRangeError(
                f"value_channels must lie between 1 and out_channels = {out_channels}; got {value_channels}. "
                "What they leave of the output channels goes to the convolution."
            )
        if downsample < 1:
            raise ValueRangeError(f"downsample must be at least 1; got {downsample}. 1 keeps every position.")
        self.heads = heads
        self.stride = stride
        self.key_channels = key_channels
        self.value_channels = value_channels
        self.grid_hw = grid_hw
        self.downsample = downsample
        key_width = key_channels // heads
        self.scale = key_width**-0.5
        self.rounds_up = kernel_size % 2 == 1
        self.conv: nn.Conv2d | None = None
        if value_channels < out_channels:
            self.conv = nn.Conv2d(
                in_channels, out_channels - value_channels, kernel_size, stride, (kernel_size - 1) // 2, bias=False
            )
        self.qkv = nn.Conv2d(in_channels, 2 * key_channels + value_channels, 1, bias=False)
        self.out = nn.Conv2d(value_channels, value_channels, 1, bias=False)
        height, width = grid_hw
        self.rel_h = nn.Parameter(torch.randn(2 * height - 1, key_width) * key_width**-0.5)
        self.rel_w = nn.Parameter(torch.randn(2 * width - 1, key_width) * key_width**-0.5)

    def pool(self, x: Tensor) -> Tensor:
        """The attention's input: `x` itself, or average-pooled by the convolution's stride, then by `downsample`."""
        if self.stride != 1:
            x = F.avg_pool2d(x, self.stride, ceil_mode=self.rounds_up, count_include_pad=False)
        if self.downsample != 1:
            x = F.avg_pool2d(x, 3, self.downsample, padding=1, count_include_pad=False)
        return x

    def grids_of(self, input_hw: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """(h, w) of the layer's output and of its attention, for an input of that many positions."""
        up = self.stride - 1 if self.rounds_up else 0
        height, width = ((size + up) // self.stride for size in input_hw)
        return (height, width), (-(-height // self.downsample), -(-width // self.downsample))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of `x`, each of shape (b, heads, positions, channels per head), row by row."""
        qkv = self.qkv(self.pool(x))
        parts = qkv.split([self.key_channels, self.key_channels, self.value_channels], dim=1)
        q, k, v = (rearrange(part, "b (heads d) h w -> b heads (h w) d", heads=self.heads) for part in parts)
        return q, k, v

    def relative_logits(self, q: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """`q_i . (r_h[y_j - y_i] + r_w[x_j - x_i]) / sqrt(d)`: shape (b, heads, n, n), rows are queries (eq. 3).

        Args:
            q: shape (b, heads, n, d), n = h * w positions row by row.
            grid_hw: (h, w).
        """
        height, width = grid_hw
        offsets_h = _offsets(height, q.device)
        offsets_w = _offsets(width, q.device)
        q = rearrange(q * self.scale, "b heads (h w) d -> b heads h w d", h=height)
        # (query y, key y, d) and (query x, key x, d): small tables, gathered before the product.
        table_h = _resample(self.rel_h, 2 * height - 1)[offsets_h]
        table_w = _resample(self.rel_w, 2 * width - 1)[offsets_w]
        vertical = torch.einsum("bnhwd,hyd->bnhwy", q, table_h)
        horizontal = torch.einsum("bnhwd,wxd->bnhwx", q, table_w)
        logits = vertical[..., :, None] + horizontal[..., None, :]
        return rearrange(logits, "b heads h w y x -> b heads (h w) (y x)")

    def merge(self, x: Tensor, attended: Tensor) -> Tensor:
        """The layer's output from the heads' outputs.

        Args:
            x: the layer's input, shape (b, in_channels, h, w).
            attended: attention matrix times values, shape (b, heads, positions, channels per head).
        """
        output_hw, (height, _) = self.grids_of((x.shape[-2], x.shape[-1]))
        mixed = self.out(rearrange(attended, "b heads (h w) d -> b (heads d) h w", h=height))
        if self.downsample != 1:
            mixed = F.interpolate(mixed, size=output_hw, mode="bilinear", align_corners=False)
        return mixed if self.conv is None else torch.cat([self.conv(x), mixed], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x)
        _, grid_hw = self.grids_of((x.shape[-2], x.shape[-1]))
        logits = (q * self.scale) @ k.transpose(-2, -1) + self.relative_logits(q, grid_hw)
        return self.merge(x, logits.softmax(dim=-1) @ v)


def _offsets(size: int, device: torch.device) -> Tensor:
    """Row of the relative table for (query, key): `key - query + size - 1`, shape (size, size)."""
    places = torch.arange(size, device=device)
    return places[None, :] - places[:, None] + size - 1


def _resample(table: Tensor, offsets: int) -> Tensor:
    """The table (stored offsets, d) at another number of offsets, linear between the stored ones."""
    if table.shape[0] == offsets:
        return table
    return F.interpolate(table.T[None], size=offsets, mode="linear", align_corners=True)[0].T

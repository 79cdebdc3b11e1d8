"""The residual network with a soft mask over each of its first three stages.

Paper: Wang et al. 2017, "Residual Attention Network for Image Classification", arXiv:1704.06904, table 2: one attention
module in each of three stages, as in Attention-56, whose masks halve their maps 3, 2 and 1 times.
"""

from collections.abc import Sequence

from torch import nn

from attnviz.layers import ResidualAttention
from attnviz.models.resnet import BasicBlock, ResNet


class ResidualAttentionNet(ResNet):
    """`ResNet` in which the last block T of a stage becomes `(1 + M) * T`.

    Differs from the paper in that the trunk is the plain network's own block and nothing stands around the branches, so
    that the mask is all by which the two networks differ; and the masks pool 2x2, so that a cell of a mask is centred
    on the cells that it stands for.

    Args:
        num_classes: outputs.
        widths, depths, strides, centred: see `ResNet`.
        halvings: of the masks in the first stages.
    """

    def __init__(
        self,
        num_classes: int,
        widths: Sequence[int] = (32, 64, 128, 160),
        depths: Sequence[int] = (1, 2, 2, 2),
        strides: Sequence[int] = (1, 2, 2, 1),
        halvings: Sequence[int] = (3, 2, 1),
        centred: bool = True,
    ) -> None:
        super().__init__(num_classes, widths, depths, strides, centred=centred)
        for number, (width, times) in enumerate(zip(widths, halvings, strict=False), start=1):
            stage = self.get_submodule(f"layer{number}")
            assert isinstance(stage, nn.Sequential)
            assert isinstance(stage[-1], BasicBlock)
            stage[-1] = ResidualAttention(width, times, around=0, trunk=stage[-1], pool=2)
        self._initialise()

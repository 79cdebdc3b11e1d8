"""A small Swin transformer behind the convolutional networks' first two stages.

Papers: Liu et al. 2021, "Swin Transformer", arXiv:2103.14030 (windows, shifts, patch merging); Xiao et al. 2021,
arXiv:2106.14881 (convolutions in front of a transformer, which small data need). The blocks are torchvision's.
"""

from einops import rearrange
from torch import Tensor, nn

from attnviz.models.resnet import BasicBlock, centred_conv


class SwinTransformer(nn.Module):
    """A stem and two convolutional stages to stride 4, Swin blocks there and, after one merging, at stride 8.

    Stem and first stages have the names and shapes of `ResNet`'s, so that its weights can be taken over. Any input size
    works; where a grid is no multiple of the window, the blocks fill it up with zeros that take part in the attention,
    as torchvision's do. Sides that are multiples of 32 need none, sides that are multiples of `multiple_of` only in the
    last stage. It was trained on either kind.

    Args:
        num_classes: outputs.
        widths: channels of the stem and the first stage, and of the second stage; the last stage has twice the second.
        depths: blocks of the four stages; even where windows are shifted in every other block.
        window: side of a window, in cells.
        head_width: channels of a head.
        centred: only True: every cell is centred on the pixels that it saw.
    """

    multiple_of = 16
    cam_layer = "norm"

    def __init__(
        self,
        num_classes: int,
        widths: tuple[int, int] = (32, 64),
        depths: tuple[int, int, int, int] = (1, 2, 2, 4),
        window: int = 4,
        head_width: int = 32,
        centred: bool = True,
    ) -> None:
        # Imported here: torchvision's networks take longer to import than all of this library.
        from torchvision.models.swin_transformer import PatchMerging, SwinTransformerBlock

        super().__init__()
        narrow, wide = widths
        self.stem = nn.Sequential(centred_conv(3, narrow, 2), nn.BatchNorm2d(narrow), nn.ReLU(inplace=True))
        self.layer1 = nn.Sequential(*(BasicBlock(narrow, narrow) for _ in range(depths[0])))
        self.layer2 = nn.Sequential(*(BasicBlock(wide if n else narrow, wide, 1 if n else 2) for n in range(depths[1])))

        def blocks(width: int, depth: int) -> list[nn.Module]:
            return [
                SwinTransformerBlock(
                    width,
                    num_heads=width // head_width,
                    window_size=[window, window],
                    shift_size=[(window // 2) * (n % 2)] * 2,
                )
                for n in range(depth)
            ]

        self.layer3 = nn.Sequential(*blocks(wide, depths[2]))
        self.layer4 = nn.Sequential(PatchMerging(wide), *blocks(2 * wide, depths[3]))
        self.norm = nn.LayerNorm(2 * wide)
        self.fc = nn.Linear(2 * wide, num_classes)
        for module in [*self.layer3.modules(), *self.layer4.modules()]:
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)

    def features(self, x: Tensor) -> Tensor:
        """The last map, channels last: shape (b, h / 8, w / 8, c), for pictures of shape (b, 3, h, w)."""
        x = self.layer2(self.layer1(self.stem(x)))
        return self.norm(self.layer4(self.layer3(rearrange(x, "b c h w -> b h w c"))))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean(dim=(1, 2)))

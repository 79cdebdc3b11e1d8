"""Networks built from the layers, small enough to train on two processor cores."""

from attnviz.models.build import ARCHITECTURES, build
from attnviz.models.residual_attention import ResidualAttentionNet
from attnviz.models.resnet import BasicBlock, ResNet
from attnviz.models.swin import SwinTransformer
from attnviz.models.vit import VisionTransformer

__all__ = [
    "ARCHITECTURES",
    "BasicBlock",
    "ResNet",
    "ResidualAttentionNet",
    "SwinTransformer",
    "VisionTransformer",
    "build",
]

"""The networks of the papers, in the form whose parameters and costs the papers print."""

from attnviz.models.published.aa_resnet import aa_resnet, augmented_conv
from attnviz.models.published.blocks import BasicBlock, Bottleneck
from attnviz.models.published.resnet import BACKBONES, Backbone, ImageNetResNet, resnet
from attnviz.models.published.wide_resnet import WideBlock, WideResNet

__all__ = [
    "BACKBONES",
    "Backbone",
    "BasicBlock",
    "Bottleneck",
    "ImageNetResNet",
    "WideBlock",
    "WideResNet",
    "aa_resnet",
    "augmented_conv",
    "resnet",
]

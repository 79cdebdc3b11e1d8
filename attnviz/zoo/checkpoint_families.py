"""Which architectures are worth trying, judging by the names and shapes of a file's tensors."""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase

from torch import Tensor

from attnviz.models import ARCHITECTURES
from attnviz.zoo.checkpoint_architecture import Architecture, architectures, architectures_named

State = Mapping[str, Tensor]

_VIT_SIZES = {192: "tiny", 384: "small", 768: "base", 1024: "large", 1280: "huge"}
_SWIN_WIDTHS = {96: ("tiny", "small", "_t", "_s"), 128: ("base", "_b"), 192: ("large",)}


def worth_trying(state: State) -> Iterator[Architecture]:
    """The architectures that the tensors may be of, ours first, then torchvision's, then timm's.

    Known are our own networks, and of the libraries the families of ResNet (also SE, ECA and wide ones), ViT and DeiT,
    Swin, ConvNeXt, EfficientNet, MobileNet, RegNet, DenseNet, VGG, MaxViT and the small older ones of torchvision.
    Less usual relatives with the same tensors, such as ResNets with blurred pooling, must be named.
    """
    yield from (Architecture("attnviz", name) for name in ARCHITECTURES if _may_be_ours(state))
    wanted = [
        pattern
        for marks, patterns in _FAMILIES
        if all(mark in state and state[mark].dim() for mark in marks)  # single numbers are no weights of these
        for pattern in patterns(state)
    ]
    for key in dict.fromkeys(key for pattern in wanted for key in architectures() if fnmatchcase(key, pattern)):
        yield from architectures_named(key)


def _may_be_ours(state: State) -> bool:
    return "stem.0.weight" in state or "patch_embed.0.weight" in state


def _resnets(state: State) -> list[str]:
    blocks = [_count(state, rf"layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4)]
    convs = 3 if "layer1.0.conv3.weight" in state else 2
    depth = convs * sum(blocks) + 2
    endings = ("", "[cdst]", "_[0-9]*x*")
    kinds: tuple[str, ...] = ("resnet", "resnext", "wide_resnet", "ecaresnet")
    if any(".se." in name for name in state):
        kinds = ("seresnet", "seresnext")
    return [f"{library}:{kind}{depth}{end}" for library in ("torchvision", "timm") for kind in kinds for end in endings]


def _torchvision_vits(state: State) -> list[str]:
    return [f"torchvision:vit_?_{state['conv_proj.weight'].shape[-1]}"]


def _timm_vits(state: State) -> list[str]:
    width, patch = state["patch_embed.proj.weight"].shape[0], state["patch_embed.proj.weight"].shape[-1]
    size = _VIT_SIZES.get(width, "*")
    return [f"timm:{kind}_{size}*patch{patch}_*" for kind in ("vit", "deit", "deit3", "beit", "beitv2", "eva", "eva02")]


def _timm_swins(state: State) -> list[str]:
    sizes = _SWIN_WIDTHS.get(state["patch_embed.proj.weight"].shape[0], ("*",))
    return [f"timm:{kind}_{size.strip('_')}_*" for kind in ("swin", "swinv2", "swinv2_cr", "swin_s3") for size in sizes]


def _always(*patterns: str) -> Callable[[State], list[str]]:
    return lambda state: list(patterns)


def _count(state: State, pattern: str) -> int:
    """One more than the largest number that the pattern finds in a name."""
    return 1 + max((int(found[1]) for name in state if (found := re.match(pattern, name))), default=-1)


_FAMILIES: tuple[tuple[tuple[str, ...], Callable[[State], list[str]]], ...] = (
    (("conv1.weight", "layer1.0.conv1.weight", "fc.weight"), _resnets),
    (("conv1.0.weight", "layer1.0.conv1.weight", "fc.weight"), _resnets),
    (("conv_proj.weight", "encoder.pos_embedding"), _torchvision_vits),
    (("features.0.weight", "classifier.1.weight"), _always("torchvision:alexnet", "torchvision:squeezenet*")),
    (("features.0.weight", "classifier.0.weight"), _always("torchvision:vgg*")),
    (("features.conv0.weight", "classifier.weight"), _always("torchvision:densenet*", "timm:densenet*")),
    (("features.0.0.weight", "classifier.1.weight"), _always("torchvision:mobilenet_v2", "torchvision:efficientnet_*")),
    (("features.0.0.weight", "classifier.3.weight"), _always("torchvision:mobilenet_v3_*")),
    (("features.0.0.weight", "classifier.2.weight"), _always("torchvision:convnext_*")),
    (("features.0.0.weight", "head.weight"), _always("torchvision:swin*")),
    (("stem.0.weight", "trunk_output.block1.block1-0.proj.0.weight"), _always("torchvision:regnet_*")),
    (("stem.0.0.weight", "classifier.5.weight"), _always("torchvision:maxvit_t")),
    (("layers.0.weight", "classifier.1.weight"), _always("torchvision:mnasnet*")),
    (("conv1.0.weight", "conv5.0.weight"), _always("torchvision:shufflenet_*")),
    (("conv1.conv.weight", "inception3a.branch1.conv.weight"), _always("torchvision:googlenet")),
    (("Conv2d_1a_3x3.conv.weight",), _always("torchvision:inception_v3", "timm:inception_v3")),
    (("patch_embed.proj.weight", "blocks.0.attn.qkv.weight"), _timm_vits),
    (("patch_embed.proj.weight", "layers.0.blocks.0.attn.qkv.weight"), _timm_swins),
    (("stem.0.weight", "stages.0.blocks.0.conv_dw.weight"), _always("timm:convnext*")),
    (("stem.conv.weight", "s1.b1.conv1.conv.weight", "s1.b1.se.fc1.weight"), _always("timm:regnety_*")),
    (("stem.conv.weight", "s1.b1.conv1.conv.weight"), _always("timm:regnetx_*", "timm:regnety_*")),
    (("conv_stem.weight", "blocks.0.0.conv_dw.weight", "bn2.weight"), _always(
        "timm:efficientnet_*", "timm:tf_efficientnet_*", "timm:mobilenetv2_*", "timm:mnasnet_*")),
    (("conv_stem.weight", "blocks.0.0.conv_dw.weight"), _always("timm:mobilenetv3_*", "timm:tf_mobilenetv3_*")),
)  # fmt: skip
"""Names that a file must have, and what then gives the patterns of "library:name" to try."""

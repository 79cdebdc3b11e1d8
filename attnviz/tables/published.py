"""The published figures, and the networks they belong to.

Sources: Woo et al. 2018, arXiv:1807.06521, Tables 1, 3 and 4 (SE and CBAM); Bello et al. 2019, arXiv:1904.09925
(attention-augmented networks); Liu et al. 2021, arXiv:2103.14030, Table 1 (transformers).
"""

from collections.abc import Iterator
from functools import partial

from torch import nn

from attnviz.layers import SqueezeExcitation
from attnviz.models.published import WideResNet, aa_resnet, resnet
from attnviz.tables.rows import Figure, Row

IMAGENET = "CBAM paper, Table 4: ImageNet classification"
CHANNEL = "CBAM paper, Table 1: channel attention of ResNet-50"
ORDER = "CBAM paper, Table 3: order of the gates of ResNet-50"
AUGMENTED = "AANet paper: ImageNet classification"
RATIOS = "AANet paper: share of attention in ResNet-50"
CIFAR = "AANet paper: CIFAR-100"
TRANSFORMERS = "Swin paper, Table 1: transformers and their rivals"

NOTES = {
    IMAGENET: "GFLOPs are multiply-adds of convolutions and linear layers. They agree only with the stride of a "
    "bottleneck in its first 1x1 convolution; the authors' code has it in the 3x3, which gives 4.089 and not 3.858 "
    "for ResNet-50.",
    CHANNEL: "The paper prints 28.09 M for the same network in its Table 4. The parameters here, and 3.94, equal those "
    "of ResNet-50 with BAM (last row), by the same authors; 4.02 is 3.86 and twice what BAM adds.",
    ORDER: "The paper prints no costs here; all orders cost the same. It does not define the parallel form: ours adds "
    "the logits.",
    AUGMENTED: "FLOPs are additions and multiplications, attention's products included. The paper does not say what it "
    "counts, and no convention that was tried gives all of its FLOPs for the augmented networks. The figures of the "
    "ResNet-152 rows are quoted from memory.",
    RATIOS: "FLOPs as in the table above, and not reproduced for the same reason. The figures are quoted from memory.",
    CIFAR: "The paper does not say what its shortcuts are. Without parameters they give the plain network's 36.3 M.",
    TRANSFORMERS: "FLOPs are multiply-adds with attention's products. The paper truncates most figures and prints the "
    "nominal size of others, so ours are compared within one unit of the last digit or 0.5%.",
}
"""Key: a table. Value: what holds for all of its rows."""


def rows() -> tuple[Row, ...]:
    """All rows of all tables, in the order of the tables above."""
    return (*_imagenet(), *_channel(), *_order(), *_augmented(), *_ratios(), *_cifar(), *_transformers())


def _imagenet() -> Iterator[Row]:
    printed = {
        "resnet18": "11.69 1.814 11.78 1.814 11.78 1.815",
        "resnet34": "21.80 3.664 21.96 3.664 21.96 3.665",
        "resnet50": "25.56 3.858 28.09 3.860 28.09 3.864",
        "resnet101": "44.55 7.570 49.33 7.575 49.33 7.581",
        "wide_resnet18_1.5": "25.88 3.866 26.07 3.867 26.08 3.868",
        "wide_resnet18_2.0": "45.62 6.696 45.97 6.696 45.97 6.697",
        "resnext50_32x4d": "25.03 3.768 27.56 3.771 27.56 3.774",
        "resnext101_32x4d": "44.18 7.508 48.96 7.512 48.96 7.519",
    }
    for name, figures in printed.items():
        millions, billions = figures.split()[::2], figures.split()[1::2]
        for kind, parameters, costs in zip(("none", "se", "cbam"), millions, billions, strict=True):
            label = name if kind == "none" else f"{name} + {kind.upper()}"
            build = partial(resnet, name, kind)  # type: ignore[arg-type]
            yield Row(IMAGENET, label, build, Figure(parameters), Figure(costs))


def _channel() -> Iterator[Row]:
    yield Row(CHANNEL, "resnet50", partial(resnet, "resnet50"), Figure("25.56"), Figure("3.86"))
    why = "they are those of BAM, see below"
    for pooling, costs in (("avg", "3.94"), ("max", "3.94"), ("both", "4.02")):
        build = partial(resnet, "resnet50", "channel", pooling=pooling)  # type: ignore[arg-type]
        yield Row(CHANNEL, f"+ {pooling}", build, Figure("25.92", "open"), Figure(costs, "open"), why=why)
    yield Row(CHANNEL, "+ BAM", partial(resnet, "resnet50", "bam"), Figure("25.92"), Figure("3.94"))


def _order() -> Iterator[Row]:
    for order in ("channel-spatial", "spatial-channel", "parallel"):
        build = partial(resnet, "resnet50", "cbam", order=order)  # type: ignore[arg-type]
        yield Row(ORDER, order, build, None, None)


def _augmented() -> Iterator[Row]:
    row = partial(Row, AUGMENTED, counted="products", per_multiply_add=2)
    short = "the paper's own count of a plain ResNet-34 is higher than ours"
    more = "the gates add 0.02 to the plain network's 23.02, which does not reach 23.1"
    unsaid = "the paper does not say which products count"
    for name, millions, billions, kappa, upsilon in (
        ("resnet34", ("21.8", "22.0", "20.7"), ("7.4", "7.4", "7.1"), 0.25, 0.25),
        ("resnet50", ("25.6", "28.1", "25.8"), ("8.2", "8.2", "8.3"), 0.2, 0.1),
        ("resnet101", ("44.5", "49.3", "45.4"), ("15.6", "15.6", "16.1"), 0.2, 0.1),
        ("resnet152", ("60.2", "66.8", "61.6"), ("23.0", "23.1", "23.8"), 0.2, 0.1),
    ):
        small = name == "resnet34"
        for label, attention, parameters, costs in zip(
            (name, f"{name} + SE"), ("none", "se"), millions[:2], billions[:2], strict=True
        ):
            build = partial(resnet, name, attention, stride_in="3x3")  # type: ignore[arg-type]
            why = short if small else more if costs == "23.1" else ""
            figure = Figure(costs, "open") if why else Figure(costs)
            yield row(label, build, Figure(parameters), figure, why=why)
        augmented = partial(aa_resnet, name, kappa, upsilon)
        yield row(f"AA-{name}", augmented, Figure(millions[2]), Figure(billions[2], "open"), why=unsaid)


def _ratios() -> Iterator[Row]:
    for ratio, parameters, costs in ((0.25, "24.3", "7.9"), (0.5, "22.3", "7.3"), (0.75, "20.7", "6.8"),
                                     (1.0, "19.4", "6.3")):  # fmt: skip
        yield Row(
            RATIOS,
            f"kappa = upsilon = {ratio}",
            partial(aa_resnet, "resnet50", ratio, ratio),
            Figure(parameters),
            Figure(costs, "open"),
            counted="products",
            per_multiply_add=2,
            why="the paper does not say which products count",
        )


def _cifar() -> Iterator[Row]:
    row = partial(Row, CIFAR, input_hw=(32, 32), counted="products", per_multiply_add=2)
    yield row("WRN-28-10", WideResNet, Figure("36.3"), Figure("10.4"))
    se = partial(WideResNet, gate=SqueezeExcitation)
    biases = "without biases in the gates it would be 36.547 M, which prints as 36.5; all other SE rows need them"
    yield row("WRN-28-10 + SE", se, Figure("36.5", "open"), Figure("10.4"), why=biases)
    between = "between the counts of the two shortcuts"
    for shortcut in ("padding", "projection"):
        build = partial(WideResNet, augmented=True, shortcut=shortcut)  # type: ignore[arg-type]
        label = f"AA-WRN-28-10, {shortcut} shortcuts"
        yield row(label, build, Figure("36.2", "open"), Figure("10.9", "open"), why=between)


def _timm(name: str) -> nn.Module:
    from timm import create_model

    return create_model(name)


def _transformers() -> Iterator[Row]:
    sizes = "the network has 303.3 M without its last layer, and 304.7 M with it at this size"
    for label, name, side, parameters, costs in (
        ("RegNetY-4G", "regnety_040", 224, "21", "4.0"),
        ("RegNetY-8G", "regnety_080", 224, "39", "8.0"),
        ("RegNetY-16G", "regnety_160", 224, "84", "16.0"),
        ("ViT-B/16", "vit_base_patch16_384", 384, "86", "55.4"),
        ("ViT-L/16", "vit_large_patch16_384", 384, "307", "190.7"),
        ("DeiT-S", "deit_small_patch16_224", 224, "22", "4.6"),
        ("DeiT-B", "deit_base_patch16_224", 224, "86", "17.5"),
        ("DeiT-B", "deit_base_patch16_384", 384, "86", "55.4"),
        ("Swin-T", "swin_tiny_patch4_window7_224", 224, "29", "4.5"),
        ("Swin-S", "swin_small_patch4_window7_224", 224, "50", "8.7"),
        ("Swin-B", "swin_base_patch4_window7_224", 224, "88", "15.4"),
        ("Swin-B", "swin_base_patch4_window12_384", 384, "88", "47.0"),
        ("Swin-L", "swin_large_patch4_window12_384", 384, "197", "103.9"),
        ("R-101x3", "resnetv2_101x3_bit", 384, "388", "204.6"),
        ("R-152x4", "resnetv2_152x4_bit", 480, "937", "840.5"),
    ):
        reproducible = parameters != "307"
        yield Row(
            TRANSFORMERS,
            f"{label}, {side} px",
            partial(_timm, name),
            Figure(parameters, "near" if reproducible else "open"),
            Figure(costs, "near"),
            input_hw=(side, side),
            counted="products",
            library="timm",
            why="" if reproducible else sizes,
        )

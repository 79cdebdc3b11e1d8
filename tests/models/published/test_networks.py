from functools import partial

import pytest
import torch
from torch import nn

from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.layers import AAConv2d, Bam, Cbam, ChannelGate, ParallelCbam, SpatialFirstCbam, SqueezeExcitation
from attnviz.models.published import BACKBONES, Backbone, ImageNetResNet, WideResNet, aa_resnet, augmented_conv, resnet
from attnviz.models.published.blocks import conv3x3
from attnviz.tracer import trace
from tests.mechanisms.contract import vary

TINY = Backbone((1, 1, 1, 1), planes=8, group_width=64, stem=8)
TINY_BASIC = Backbone((1, 2, 1, 1), bottleneck=False, planes=8, stem=8)
SMALL_AUGMENTED = partial(augmented_conv, kappa=0.5, upsilon=0.5, grid_hw=(2, 2), heads=2, least_key_width=2)


@pytest.mark.parametrize("backbone", [TINY, TINY_BASIC, Backbone((1, 1, 1, 1), planes=16, groups=4, group_width=32)])
@pytest.mark.parametrize("gate", [SqueezeExcitation, ChannelGate, Cbam, SpatialFirstCbam, ParallelCbam])
def test_every_gate_in_a_published_trunk_is_read_and_proven(backbone: Backbone, gate: type[nn.Module]) -> None:
    network = vary(ImageNetResNet(backbone, 5, gate=gate), 0.2).eval()
    result = trace(network, torch.randn(1, 3, 64, 48), verify=True)
    assert result.unproven == ()
    assert result.not_run == ()
    blocks = [f"layer{stage + 1}.{n}.attention" for stage, depth in enumerate(backbone.depths) for n in range(depth)]
    assert result.layers == tuple(blocks)
    assert result.logits.shape == (5,)


@pytest.mark.parametrize("backbone", [TINY, TINY_BASIC])
def test_augmented_convolutions_in_a_published_trunk_are_read_and_proven(backbone: Backbone) -> None:
    convs = (conv3x3, partial(SMALL_AUGMENTED, downsample=2), SMALL_AUGMENTED, SMALL_AUGMENTED)
    network = vary(ImageNetResNet(backbone, 5, convs3x3=convs, stride_in="3x3"), 0.2).eval()
    result = trace(network, torch.randn(1, 3, 64, 48), verify=True)
    assert result.unproven == ()
    # 64 x 48 pixels are 16 x 12 positions in the first stage and 8 x 6 in the second, which attends on 4 x 3.
    where = "conv2" if backbone.bottleneck else "conv1"
    grids = {record.site.layer: record.tokens.grid_hw for record in result.records}
    assert grids[f"layer2.0.{where}"] == (4, 3)
    assert grids[f"layer3.0.{where}"] == (4, 3)
    assert grids[f"layer4.0.{where}"] == (2, 2)


def test_bam_stands_behind_the_first_three_stages() -> None:
    network = vary(ImageNetResNet(TINY, 5, between=partial(Bam, dilation=1)), 0.2).eval()
    result = trace(network, torch.randn(1, 3, 64, 64), verify=True)
    assert result.layers == ("between1", "between2", "between3")
    assert result.unproven == ()


def test_the_published_networks_have_the_papers_shapes() -> None:
    with torch.device("meta"):
        for name in BACKBONES:
            network = resnet(name).eval()
            widths = {"wide_resnet18_1.5": 768, "wide_resnet18_2.0": 1024, "resnet18": 512, "resnet34": 512}
            assert network.features(torch.empty(1, 3, 224, 224)).shape == (1, widths.get(name, 2048), 7, 7)
            assert network.fc.out_features == 1000
        (group,) = {m.weight.shape[1] for m in resnet("resnext50_32x4d").layer1.modules()
                    if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)}  # fmt: skip
        assert group == 4


@pytest.mark.parametrize(("stride_in", "strides"), [("1x1", (2, 1)), ("3x3", (1, 2))])
def test_the_place_of_the_stride(stride_in: str, strides: tuple[int, int]) -> None:
    with torch.device("meta"):
        block = resnet("resnet50", stride_in=stride_in).get_submodule("layer2.0")  # type: ignore[arg-type]
    assert (block.conv1.stride[0], block.conv2.stride[0]) == strides


@pytest.mark.parametrize(
    ("order", "kind"),
    [("channel-spatial", Cbam), ("spatial-channel", SpatialFirstCbam), ("parallel", ParallelCbam)],
)
@pytest.mark.parametrize("pooling", ["avg", "max", "both"])
def test_orders_and_poolings_reach_every_block(order: str, kind: type[nn.Module], pooling: str) -> None:
    with torch.device("meta"):
        network = resnet("resnet18", "cbam", order=order, pooling=pooling)  # type: ignore[arg-type]
    gates = [module for module in network.modules() if isinstance(module, kind)]
    assert len(gates) == 8
    assert {gate.channel.pooling for gate in gates} == {pooling}


def test_augmented_channels_follow_the_papers_rule() -> None:
    with torch.device("meta"):
        network = aa_resnet("resnet50")
    layers = {name: m for name, m in network.named_modules() if isinstance(m, AAConv2d)}
    assert len(layers) == 4 + 6 + 3  # the 3x3 of each block of the last three stages
    # 512 channels: keys 0.2 * 512 / 8 = 12.8, raised to 20 a head; values 0.1 * 512 / 8 = 6.4, rounded down to 6.
    last = layers["layer4.2.conv2"]
    assert (last.heads, last.key_channels, last.value_channels, last.grid_hw) == (8, 160, 48, (7, 7))
    # 128 channels: values 1.6, rounded down to 1 a head. 28 x 28 positions attend on 14 x 14.
    first = layers["layer2.0.conv2"]
    assert (first.value_channels, first.grid_hw, first.downsample) == (8, (14, 14), 2)
    assert layers["layer3.0.conv2"].downsample == 1


@pytest.mark.parametrize("shortcut", ["padding", "projection"])
@pytest.mark.parametrize("options", [{}, {"gate": SqueezeExcitation}, {"augmented": True}], ids=str)
def test_a_wide_network_runs_and_its_attention_is_proven(shortcut: str, options: dict[str, object]) -> None:
    network = vary(WideResNet(7, shortcut=shortcut, widening=5, depth=1, **options), 0.1).eval()  # type: ignore[arg-type]
    result = trace(network, torch.randn(1, 3, 16, 12), verify=True, allow_empty=not options)
    assert result.logits.shape == (7,)
    assert result.unproven == ()
    assert len(result.records) == (3 if options else 0)


def test_the_shortcut_without_parameters_takes_every_second_position() -> None:
    class Closed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(x)

    network = WideResNet(7, gate=lambda channels: Closed(), widening=1, depth=1).eval()
    x = torch.randn(1, 16, 4, 6)
    expected = torch.cat([x[:, :, ::2, ::2], torch.zeros(1, 16, 2, 3)], dim=1)
    assert torch.equal(network.layer2(x), expected)


@pytest.mark.parametrize(
    ("call", "kind", "sentence"),
    [
        (lambda: resnet("resnet5"), NotFoundError, "resnet50"),
        (lambda: resnet("resnet18", "sea"), ValueRangeError, "attention must be one of none, se, channel, cbam, bam"),
        (lambda: resnet("resnet18", "cbam", order="both"), ValueRangeError, "order must be one of channel-spatial"),
        (lambda: resnet("resnet50", stride_in="5x5"), ValueRangeError, "stride_in must be one of 1x1, 3x3"),
        (lambda: aa_resnet("resnext50_32x4d"), ValueRangeError, "must be 1; got 32"),
    ],
)
def test_mistakes_are_refused(call: object, kind: type[Exception], sentence: str) -> None:
    with torch.device("meta"), pytest.raises(kind, match=sentence):
        call()  # type: ignore[operator]

import math
from collections.abc import Callable

import pytest
import torch
from timm.layers.squeeze_excite import EffectiveSEModule, SEModule, SqueezeExciteCl
from timm.models._efficientnet_blocks import SqueezeExcite
from timm.models.hgnet import EseModule
from timm.models.senet import SEModule as SenetModule
from torch import Tensor, nn
from torchvision.models.quantization.mobilenetv3 import QuantizableSqueezeExcitation
from torchvision.ops.misc import SqueezeExcitation as TorchvisionSqueezeExcitation

from attnviz.errors import UnreadableError
from attnviz.layers import SqueezeExcitation
from attnviz.records import ChannelWeights
from attnviz.tracer import trace
from tests.mechanisms.contract import SIZES_HW, MechanismContract, vary


class SqueezeExcitationContract(MechanismContract):
    expected = ((ChannelWeights, "se"),)


class TestOurs(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SqueezeExcitation(8, reduction=2)


class TestTorchvision(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return TorchvisionSqueezeExcitation(8, 4)


class TestTorchvisionWithHardSigmoid(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return TorchvisionSqueezeExcitation(8, 4, activation=nn.Hardswish, scale_activation=nn.Hardsigmoid)


class TestTorchvisionQuantizable(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return QuantizableSqueezeExcitation(8, 4)


class TestTimm(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SEModule(8, rd_channels=4)


class TestTimmWithNormAndMaxPool(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SEModule(8, rd_channels=4, add_maxpool=True, norm_layer=nn.BatchNorm2d, gate_layer="hard_sigmoid")


class TestTimmEfficientNet(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SqueezeExcite(8, rd_channels=4, act_layer=nn.SiLU)


class TestTimmSenet(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SenetModule(8, reduction=2)


class TestTimmChannelsLast(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SqueezeExciteCl(8, rd_channels=4)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class TestTimmEffective(MechanismContract):
    expected = ((ChannelWeights, "ese"),)

    def layer(self) -> nn.Module:
        return EffectiveSEModule(8, add_maxpool=True)


class TestTimmEffectiveOfHgnet(MechanismContract):
    expected = ((ChannelWeights, "ese"),)

    def layer(self) -> nn.Module:
        return EseModule(8)


def _regnet(channels: int, hidden: int) -> nn.Module:
    regnet = pytest.importorskip("transformers.models.regnet.modeling_regnet")
    return regnet.RegNetSELayer(channels, hidden)


def _efficientnet(name: str) -> Callable[[int, int], nn.Module]:
    """The layer of an EfficientNet in transformers, which takes its hidden width from a configuration."""

    def make(channels: int, hidden: int) -> nn.Module:
        transformers = pytest.importorskip("transformers")
        config = transformers.EfficientNetConfig(squeeze_expansion_ratio=hidden / channels, hidden_act="relu")
        if name == "align":
            return pytest.importorskip("transformers.models.align.modeling_align").AlignVisionSqueezeExciteLayer(
                config, channels, channels
            )
        efficientnet = pytest.importorskip("transformers.models.efficientnet.modeling_efficientnet")
        return efficientnet.EfficientNetSqueezeExciteLayer(config, channels, channels)

    return make


def _of_paddle(module: str, name: str) -> Callable[[int, int], nn.Module]:
    def make(channels: int, hidden: int) -> nn.Module:
        library = pytest.importorskip(f"transformers.models.{module}.modeling_{module}")
        return getattr(library, name)(channels, reduction=channels // hidden)

    return make


TRANSFORMERS: dict[str, Callable[[int, int], nn.Module]] = {
    "regnet": _regnet,
    "efficientnet": _efficientnet("efficientnet"),
    "align": _efficientnet("align"),
    "pp_lcnet": _of_paddle("pp_lcnet", "PPLCNetSqueezeExcitationModule"),
    "pp_lcnet_v3": _of_paddle("pp_lcnet_v3", "PPLCNetV3SqueezeExcitationModule"),
    "pp_lcnet_v4": _of_paddle("pp_lcnet_v4", "PPLCNetV4SqueezeExcitationModule"),
    "pp_ocrv5": _of_paddle("pp_ocrv5_mobile_det", "PPOCRV5MobileDetSqueezeExcitationModule"),
    "pp_ocrv6": _of_paddle("pp_ocrv6_small_det", "PPOCRV6SmallDetSqueezeExcitationModule"),
}


class TestTransformersRegNet(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return TRANSFORMERS["regnet"](8, 4)


class TestTransformersEfficientNet(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return TRANSFORMERS["efficientnet"](8, 4)


class TestTransformersPPLCNet(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return TRANSFORMERS["pp_lcnet"](8, 4)


class TestTransformersPPOCRV5(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return TRANSFORMERS["pp_ocrv5"](8, 4)


@pytest.mark.parametrize("hw", SIZES_HW)
@pytest.mark.parametrize("name", ["align", "pp_lcnet_v3", "pp_lcnet_v4", "pp_ocrv6"])
def test_copies_of_the_layers_above_are_proven(name: str, hw: tuple[int, int]) -> None:
    layer = vary(TRANSFORMERS[name](8, 4)).eval()
    (record,) = trace(nn.Sequential(layer).eval(), torch.randn(1, 8, *hw), verify=True).of(ChannelWeights)
    assert record.weights.std() > 0.05
    assert record.replay_error <= 1e-6 * record.output_scale  # type: ignore[operator]


LAYERS = {
    "ours": (lambda: SqueezeExcitation(3, reduction=3), "fc1", "fc2"),
    "torchvision": (lambda: TorchvisionSqueezeExcitation(3, 1), "fc1", "fc2"),
    "timm": (lambda: SEModule(3, rd_channels=1), "fc1", "fc2"),
    "timm efficientnet": (lambda: SqueezeExcite(3, rd_channels=1), "conv_reduce", "conv_expand"),
    "timm senet": (lambda: SenetModule(3, reduction=3), "fc1", "fc2"),
    "transformers regnet": (lambda: TRANSFORMERS["regnet"](3, 1), "attention.0", "attention.2"),
    "transformers efficientnet": (lambda: TRANSFORMERS["efficientnet"](3, 1), "reduce", "expand"),
    "transformers align": (lambda: TRANSFORMERS["align"](3, 1), "reduce", "expand"),
}


def _set(layer: nn.Module, first: str, second: str, logits: list[float]) -> nn.Module:
    """Hidden unit relu(z0 - z1 + 1); channel logits `logits[0] / 2` times it, `logits[1]`, `logits[2] / 2` times it."""
    one, two = layer.get_submodule(first), layer.get_submodule(second)
    with torch.no_grad():
        one.weight.copy_(torch.tensor([1.0, -1.0, 0.0]).view_as(one.weight))
        one.bias.copy_(torch.tensor([1.0]))
        two.weight.copy_(torch.tensor([logits[0] / 2, 0.0, logits[2] / 2]).view_as(two.weight))
        two.bias.copy_(torch.tensor([0.0, logits[1], 0.0]))
    return layer.eval()


def _with_channel_means_2_1_5() -> torch.Tensor:
    x = torch.tensor([2.0, 1.0, 5.0]).view(1, 3, 1, 1).repeat(1, 1, 2, 2)
    x[0, :, 0, 0] += 1  # one up, one down: the means stay
    x[0, :, 1, 1] -= 1
    return x


@pytest.mark.parametrize("name", LAYERS)
def test_worked_by_hand(name: str) -> None:
    make, first, second = LAYERS[name]
    # Hidden: relu(2 - 1 + 1) = 2. Logits: 2/2 * 2 = 2, ln 3, -2/2 * 2 = -2.
    layer = _set(make(), first, second, logits=[2.0, math.log(3), -2.0])
    x = _with_channel_means_2_1_5()
    (record,) = trace(nn.Sequential(layer).eval(), x).records
    # sigmoid(2) = 1 / (1 + e^-2) = 0.88080, sigmoid(ln 3) = 3 / (3 + 1), sigmoid(-2) = 1 - 0.88080.
    torch.testing.assert_close(record.weights, torch.tensor([0.88080, 0.75, 0.11920]), atol=1e-5, rtol=0)
    torch.testing.assert_close(record.features, x[0])


HARD = {
    "torchvision": (
        lambda: TorchvisionSqueezeExcitation(3, 1, scale_activation=nn.Hardsigmoid), "fc1", "fc2", [1.0, 2 / 3, 0.0]
    ),
    "transformers pp_lcnet": (
        lambda: TRANSFORMERS["pp_lcnet"](3, 1), "convolutions.0", "convolutions.2", [1.0, 2 / 3, 0.0]
    ),
    # clip(0.2 v + 0.5, 0, 1): 4 gives 1, 1 gives 0.7, -4 gives 0.
    "transformers pp_ocrv5": (lambda: TRANSFORMERS["pp_ocrv5"](3, 1), "conv1", "conv2", [1.0, 0.7, 0.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD)
def test_a_hard_gate_reaches_its_ends(name: str) -> None:
    # Hardsigmoid is clip((v + 3) / 6, 0, 1): 4 gives 1, 1 gives 2/3, -4 gives 0.
    make, first, second, expected = HARD[name]
    layer = _set(make(), first, second, logits=[4.0, 1.0, -4.0])
    (record,) = trace(nn.Sequential(layer).eval(), _with_channel_means_2_1_5()).records
    torch.testing.assert_close(record.weights, torch.tensor(expected))


def test_channels_last_are_recorded_channels_first() -> None:
    layer = _set(SqueezeExciteCl(3, rd_channels=1), "fc1", "fc2", logits=[2.0, math.log(3), -2.0])
    x = _with_channel_means_2_1_5()
    (record,) = trace(nn.Sequential(layer).eval(), x.permute(0, 2, 3, 1)).records
    torch.testing.assert_close(record.weights, torch.tensor([0.88080, 0.75, 0.11920]), atol=1e-5, rtol=0)
    torch.testing.assert_close(record.features, x[0])


@pytest.mark.parametrize(("make", "linear"), [(lambda: EffectiveSEModule(3), "fc"), (lambda: EseModule(3), "conv")])
def test_the_effective_form_worked_by_hand(make: Callable[[], nn.Module], linear: str) -> None:
    layer = make()
    one = layer.get_submodule(linear)
    with torch.no_grad():
        # Logits z0 - z1 = 2 - 1 = 1, 0, and -z2 + 2 = -5 + 2 = -3.
        one.weight.copy_(torch.tensor([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -1.0]]).view_as(one.weight))
        one.bias.copy_(torch.tensor([0.0, 0.0, 2.0]))
    (record,) = trace(nn.Sequential(layer).eval(), _with_channel_means_2_1_5()).records
    if isinstance(layer, EffectiveSEModule):
        expected = [(1 + 3) / 6, 3 / 6, 0.0]
    else:
        expected = [1 / (1 + math.exp(-1)), 0.5, 1 / (1 + math.exp(3))]
    torch.testing.assert_close(record.weights, torch.tensor(expected))


def test_a_gate_of_sound_is_refused() -> None:
    sound = pytest.importorskip("transformers.models.qwen2_5_omni.modeling_qwen2_5_omni")
    model = nn.Sequential(sound.SqueezeExcitationBlock(4, 2, 4)).eval()
    with pytest.raises(UnreadableError, match="channels of a sound"):
        trace(model, torch.randn(1, 4, 6, 6))

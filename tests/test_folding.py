import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from attnviz.errors import ValueRangeError
from attnviz.folding import average_as_convolution, fold_batchnorm
from attnviz.layers import AAConv2d, Cbam, SqueezeExcitation
from attnviz.models.published import Backbone, ImageNetResNet
from attnviz.models.published.blocks import conv3x3
from attnviz.records import ChannelWeights, SelfAttention, SpatialMask
from attnviz.tracer import trace
from tests.mechanisms.contract import hooks_of, vary

SAMPLE = torch.randn(1, 3, 9, 8, generator=torch.Generator().manual_seed(1))


def lively(model: nn.Module) -> nn.Module:
    """BatchNorms with statistics and factors of their own: fresh ones are nearly the identity and hide errors."""
    for norm in model.modules():
        if isinstance(norm, (nn.BatchNorm2d, nn.BatchNorm1d)) and norm.running_mean is not None:
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.3, 3.0)
            if norm.affine:
                nn.init.uniform_(norm.weight, -2.0, 2.0)
                nn.init.normal_(norm.bias)
    return model.eval()


def folded_pairs(model: nn.Module) -> tuple[tuple[str, str], ...]:
    return model.folding.folded


def test_worked_by_hand_the_bias_is_scaled_too() -> None:
    conv, norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0.0)
    with torch.no_grad():
        conv.weight.fill_(3.0)
        conv.bias.fill_(5.0)
        norm.weight.fill_(2.0)
        norm.bias.fill_(7.0)
        norm.running_mean.fill_(1.0)
        norm.running_var.fill_(16.0)
    folded = fold_batchnorm(nn.Sequential(conv, norm).eval(), torch.rand(1, 1, 2, 2))[0]
    # G = 2 / sqrt(16) = 1/2 and g = 7 - 1/2 * 1 = 6.5: weight 3/2, bias 1/2 * 5 + 6.5 = 9, where 5 + 6.5 forgets G
    assert folded.weight.item() == 1.5
    assert folded.bias.item() == 9.0


@pytest.mark.parametrize("options", [
    {}, {"bias": False}, {"groups": 3}, {"groups": 3, "bias": False}, {"stride": 2, "padding": 1}, {"dilation": 2},
    {"padding": 1, "padding_mode": "reflect"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("affine", [True, False])
def test_the_output_is_the_same(options: dict[str, object], affine: bool) -> None:
    # groups = 3 of 3 channels: depthwise
    model = lively(nn.Sequential(nn.Conv2d(3, 6, 3, **options), nn.BatchNorm2d(6, affine=affine), nn.ReLU()))
    folded = fold_batchnorm(model, SAMPLE)
    assert folded_pairs(folded) == (("0", "1"),)
    assert type(folded[1]) is nn.Identity
    assert not any(module.training for module in folded.modules())
    x = torch.randn(2, 3, 12, 11)
    torch.testing.assert_close(folded(x), model(x), atol=1e-5, rtol=1e-5)


def test_the_model_stays_as_it_was() -> None:
    model = lively(nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6)))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    folded = fold_batchnorm(model, SAMPLE)
    assert type(model[1]) is nn.BatchNorm2d
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert hooks_of(model) == hooks_of(folded) == 0


class Branches(nn.Module):
    """Each way in which a BatchNorm behind a convolution must stay."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.conv, self.other = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.norm, self.second = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.pair = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))

    def forward(self, x: Tensor) -> object:
        x = self.pair(x)
        y = self.conv(x)
        match self.kind:
            case "skip":
                return self.norm(y) + y
            case "relu first":
                return self.norm(F.relu(y))
            case "in place":
                return self.norm(y.add_(1.0))
            case "shared norm":
                return self.norm(y) + self.norm(self.other(x))
            case "two norms":
                return self.norm(y) + self.second(y)
            case "also given":
                return self.norm(y), y
            case "not run":
                return y if x.shape[-1] > 4 else self.norm(y)
            case "run alone, too":
                return self.norm(y) + self.conv(x)
        raise AssertionError(self.kind)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("skip", "something else uses"),
        ("relu first", "not a convolution"),
        ("in place", "something else uses"),
        ("shared norm", "several convolutions"),
        ("two norms", "something else uses"),
        ("also given", "something else uses"),
        ("not run", "did not run"),
        ("run alone, too", "something else uses"),
    ],
)
def test_what_cannot_be_folded_is_left_and_named(kind: str, why: str) -> None:
    model = lively(Branches(kind))
    folded = fold_batchnorm(model, SAMPLE)
    assert folded_pairs(folded) == (("pair.0", "pair.1"),)
    assert why in folded.folding.left["norm"]
    assert type(folded.norm) is nn.BatchNorm2d
    assert "norm  left: " in str(folded.folding)
    assert "pair.0  holds pair.1" in str(folded.folding)
    for ours, theirs in zip(folded(SAMPLE), model(SAMPLE), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_one_pair_that_runs_twice_folds() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(self.conv(torch.relu(self.norm(self.conv(x)))))

    model = lively(Twice())
    folded = fold_batchnorm(model, SAMPLE)
    torch.testing.assert_close(folded(SAMPLE), model(SAMPLE), atol=1e-5, rtol=1e-5)


def test_a_layer_that_stands_in_two_places_is_replaced_in_both() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
            self.other = nn.ModuleList(self.one)

        def forward(self, x: Tensor) -> Tensor:
            return self.other[1](self.other[0](x))

    folded = fold_batchnorm(lively(Two()), SAMPLE)
    assert folded.one[0] is folded.other[0]
    assert type(folded.other[1]) is nn.Identity


def test_a_weight_that_is_computed_stays() -> None:
    model = nn.Sequential(weight_norm(nn.Conv2d(3, 3, 1)), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    folded = fold_batchnorm(lively(model), SAMPLE)
    assert folded_pairs(folded) == (("2", "3"),)
    assert "computed from others" in folded.folding.left["1"]


def test_a_convolution_that_is_not_linear_in_its_weight_stays() -> None:
    class Standardised(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            weight = self.weight - self.weight.mean(dim=(1, 2, 3), keepdim=True)
            return F.conv2d(x, weight / weight.std(dim=(1, 2, 3), keepdim=True), self.bias)

    model = nn.Sequential(Standardised(3, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    folded = fold_batchnorm(lively(model), SAMPLE)
    assert folded_pairs(folded) == (("2", "3"),)
    assert "Standardised changes its output" in folded.folding.left["1"]


def test_hooks_are_not_lost() -> None:
    model = lively(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
    model[1].register_forward_hook(lambda *_: None)
    folded = fold_batchnorm(model, SAMPLE)
    assert folded_pairs(folded) == (("2", "3"),)
    assert folded.folding.left["1"] == "it has hooks"


def test_a_norm_without_running_statistics_stays() -> None:
    norm = nn.BatchNorm2d(3, track_running_stats=False)
    model = nn.Sequential(nn.Conv2d(3, 3, 1), norm, nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    assert "running statistics" in fold_batchnorm(lively(model), SAMPLE).folding.left["1"]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)), "evaluation mode; got training mode"),
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()).eval(), "got no BatchNorm at all"),
        (nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)).eval(), "got 0: what it follows is not a convolution"),
        (nn.Sequential(nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3)).eval(), "Pass a sample"),
    ],
)
def test_a_model_that_cannot_be_folded_is_refused(model: nn.Module, sentence: str) -> None:
    with pytest.raises(ValueRangeError, match=sentence):
        fold_batchnorm(model)


def test_a_model_that_reads_a_weight_itself_is_refused() -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(self.conv(x)) * self.conv.weight.sum()

    with pytest.raises(ValueRangeError, match="must give the model's output"):
        fold_batchnorm(lively(Reads()), SAMPLE)


def test_rounding_that_a_network_magnifies_is_no_mistake() -> None:
    class Magnifies(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)

        def forward(self, x: Tensor) -> Tensor:
            # One part in 10 million of a float32 becomes one part in a thousand; one in 10^16 of a float64 stays tiny.
            return torch.sin(1e4 * self.norm(self.conv(x)))

    model = lively(Magnifies())
    folded = fold_batchnorm(model, SAMPLE)
    assert folded_pairs(folded) == (("conv", "norm"),)
    assert 1e-4 < folded.folding.difference < 0.5
    assert fold_batchnorm(model.double(), SAMPLE).folding.difference < 1e-8


TINY = Backbone((1, 1, 1, 1), planes=8, group_width=64, stem=8)


@pytest.mark.parametrize("attention", ["se", "cbam", "aa"])
def test_attention_records_stay_the_same(attention: str) -> None:
    def augmented(in_channels: int, out_channels: int, stride: int, groups: int) -> nn.Module:
        return AAConv2d(in_channels, out_channels, stride=stride, key_channels=4, value_channels=4, heads=2,
                        grid_hw=(3, 3))  # fmt: skip

    torch.manual_seed(0)
    gate = {"se": SqueezeExcitation, "cbam": Cbam, "aa": None}[attention]
    model = ImageNetResNet(TINY, 5, gate=gate, convs3x3=(augmented if attention == "aa" else conv3x3,) * 4)
    lively(vary(model, 0.1))
    folded = fold_batchnorm(model, SAMPLE)
    # Behind an augmented convolution stands a concatenation: its norm stays. All others fold.
    norms = [name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)]
    left = [f"layer{stage}.0.bn2" for stage in range(1, 5)] if attention == "aa" else []
    assert sorted(folded.folding.left) == left
    assert sorted(norm for _, norm in folded_pairs(folded)) == sorted(set(norms) - set(left))
    x = torch.randn(1, 3, 48, 40)
    ours, theirs = trace(folded, x, verify=True), trace(model, x, verify=True)
    assert ours.unproven == ()
    torch.testing.assert_close(ours.logits, theirs.logits, atol=1e-5, rtol=1e-4)
    for one, other in zip(ours.records, theirs.records, strict=True):
        assert one.site == other.site
        match one, other:
            case ChannelWeights(), ChannelWeights():
                torch.testing.assert_close(one.weights, other.weights, atol=1e-5, rtol=0)
            case SpatialMask(), SpatialMask():
                torch.testing.assert_close(one.mask, other.mask, atol=1e-5, rtol=0)
            case SelfAttention(), SelfAttention():
                torch.testing.assert_close(one.weights(), other.weights(), atol=1e-5, rtol=0)
            case _:
                pytest.fail(f"{one} and {other} are of different kinds")


@pytest.mark.parametrize("hw", [(7, 7), (3, 5)])
def test_global_average_pooling_is_a_convolution(hw: tuple[int, int]) -> None:
    x = torch.randn(2, 6, *hw)
    pooled = average_as_convolution(6, hw)(x)
    torch.testing.assert_close(pooled, nn.AdaptiveAvgPool2d(1)(x))
    torch.testing.assert_close(pooled.flatten(1), x.mean(dim=(2, 3)))


def test_global_average_and_the_linear_layer_are_one_convolution() -> None:
    x, linear = torch.randn(2, 6, 3, 5), nn.Linear(6, 4)
    # sum_c W_kc mean_ij x_cij + b_k = sum_cij (W_kc / 15) x_cij + b_k
    weight = linear.weight[:, :, None, None].expand(4, 6, 3, 5) / 15
    torch.testing.assert_close(F.conv2d(x, weight, linear.bias).flatten(1), linear(x.mean(dim=(2, 3))))


def test_activations_inside_the_norms_of_timm_stay() -> None:
    create_model = pytest.importorskip("timm").create_model
    model = lively(create_model("test_efficientnet"))
    folded = fold_batchnorm(model, torch.randn(1, 3, 32, 32))
    assert folded.folding.left == {}
    x = torch.randn(1, 3, 40, 48)
    torch.testing.assert_close(folded(x), model(x), atol=1e-4, rtol=1e-3)

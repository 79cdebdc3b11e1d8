"""BatchNorm as a convolution."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from torch import nn

from attnviz import fold_batchnorm
from attnviz.errors import AttnvizError
from attnviz.export.lesson_figure import LessonFigure
from attnviz.lessons import NormSteps, fold_steps, norm_as_convolution, norm_layer, norm_steps
from attnviz.models import ResNet
from attnviz.pictures import Picture
from attnviz.render.lesson.folding import FOLD_WH, fold_drawing
from dashboard import service
from dashboard.learn import editor
from dashboard.learn.lesson import COMPARE, NETWORKS, Lesson, Paper, attempt, figure, own_picture, step
from dashboard.sidebar import Entry

NETWORK = "resnet_plain"
KERNEL = [[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]
SHOWN = 6


def draw(entry: Entry) -> None:
    """The steps."""
    step("Two layers, one number", "A window of your picture's light, 0 to 1. Change it, the kernel, or the BatchNorm.")
    attempt(lambda: _small(entry))
    step("In a trained network", "The first convolution and BatchNorm of ResNet, on your picture.")
    attempt(lambda: _real(entry))


def _small(entry: Entry) -> None:
    names = ["1", "2", "3"]
    window_key = f"bn_window_{entry.picture.sha256[:8]}"
    tables = editor.side_by_side()
    with tables, editor.as_wide_as_needed():
        window = editor.numbers(window_key, "**Window X**", _window(entry.picture), names, names)
    with tables, editor.as_wide_as_needed():
        kernel = editor.numbers("bn_kernel", "**Kernel F**", KERNEL, names, names)
    with tables, editor.as_wide_as_needed():
        values = editor.numbers("bn_numbers", "**Bias b, and the BatchNorm's γ, β, μ, σ²**",
                                [[0.5, 1.5, 0.2, 0.3, 0.25]], ["value"], ("b", "γ", "β", "μ", "σ²"))[0]  # fmt: skip
    st.button("Start again", key="bn_again", on_click=editor.forget, args=(window_key, "bn_kernel", "bn_numbers"))
    bias, gamma, beta, mean, variance = map(float, values)
    steps = fold_steps(window, kernel, bias, norm_layer(gamma, beta, mean, variance))
    figure("bn_small", LessonFigure(
        "A convolution and its BatchNorm are one convolution",
        f"The convolution gives {steps.convolved:.3f}, BatchNorm makes {steps.normalised:.3f} of it; the folded "
        f"convolution gives {steps.folded:.3f}. With the notes' bias it would be {steps.notes:.3f}.",
        fold_drawing(window, kernel, bias, steps), FOLD_WH, "Purple below zero, orange above. eps is 0.00001.",
        {"window": window.tolist(), "kernel": kernel.tolist(), "bias": bias, "gamma": gamma, "beta": beta,
         "mean": mean, "variance": variance},
        {"kernel": kernel, "folded_kernel": steps.kernel},
    ))  # fmt: skip
    st.markdown(
        "**The notes' slip.** The slide's folded bias is b + β − γ μ / √(σ² + ε): the convolution's own bias b is not "
        f"scaled. Right is G b + g = {_signed(steps.bias)}, not {_signed(steps.notes_bias)}. Where the convolution has "
        "no bias, as before most BatchNorms, both are the same."
    )


def _window(picture: Picture) -> np.ndarray:
    """The light of nine places in the middle third of the picture, two digits."""
    height, width = picture.hw
    rows = np.linspace(height / 3, 2 * height / 3, 3).astype(int).clip(0, height - 1)
    columns = np.linspace(width / 3, 2 * width / 3, 3).astype(int).clip(0, width - 1)
    return np.round(picture.rgb[np.ix_(rows, columns)].mean(axis=2) / 255, 2)


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True, eq=False)
class Ways:
    """One trained BatchNorm, and its output on a picture in three ways.

    Attributes:
        norm: its numbers.
        middle: (4, channels), in the middle of the map: the convolution, BatchNorm, the depthwise convolution, the
            folded one.
        grid_hw: places of the map.
        apart: largest difference of the last two from BatchNorm anywhere.
        largest: BatchNorm's largest amount.
    """

    norm: NormSteps
    middle: np.ndarray
    grid_hw: tuple[int, int]
    apart: tuple[float, float]
    largest: float


@st.cache_resource(max_entries=24, show_spinner=False)
def _ways(sha256: str, _picture: Picture) -> Ways:
    """Raises AttnvizError where the network does not begin with a convolution and a BatchNorm."""
    shared = service.network(NETWORK)
    model = shared.loaded.model
    if not isinstance(model, ResNet):
        raise AttnvizError(f"the network must be a ResNet; got {type(model).__name__}.")
    conv, norm = model.stem[0], model.stem[1]
    if not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        raise AttnvizError("the network must begin with a convolution and a BatchNorm; got something else.")
    x = shared.loaded.preprocess(_picture).tensor
    with shared.lock, torch.no_grad():
        convolved = conv(x)
        normalised = norm(convolved)
        as_convolution = norm_as_convolution(norm)(convolved)
        folded = fold_batchnorm(nn.Sequential(conv, norm).eval(), x)(x)
    height, width = normalised.shape[2:]
    ways = torch.stack([one[0, :, height // 2, width // 2] for one in (convolved, normalised, as_convolution, folded)])
    apart = (float((as_convolution - normalised).abs().max()), float((folded - normalised).abs().max()))
    return Ways(norm_steps(norm), ways.numpy(), (height, width), apart, float(normalised.abs().max()))


def _real(entry: Entry) -> None:
    found = _ways(entry.picture.sha256, entry.picture)
    steps, at, apart = found.norm, found.middle, found.apart
    channels = range(min(SHOWN, len(steps.factor)))
    left, right = st.columns(2)
    left.table(
        [
            {
                "channel": str(number),
                "γ": f"{steps.gamma[number]:.3f}",
                "β": f"{steps.beta[number]:.3f}",
                "μ": f"{steps.mean[number]:.3f}",
                "σ²": f"{steps.variance[number]:.3f}",
                "G": f"{steps.factor[number]:.3f}",
                "g": f"{steps.offset[number]:.3f}",
            }
            for number in channels
        ],
        hide_index=True,
        alt="The BatchNorm's numbers in the first channels",
    )
    right.table(
        [
            {
                "channel": str(number),
                "convolution": f"{at[0, number]:.4f}",
                "BatchNorm": f"{at[1, number]:.4f}",
                "1 × 1 depthwise": f"{at[2, number]:.4f}",
                "folded": f"{at[3, number]:.4f}",
            }
            for number in channels
        ],
        hide_index=True,
        alt="The output in the middle of the picture, computed in three ways",
    )
    st.markdown(
        f"All {len(steps.factor)} channels at all {found.grid_hw[0]} × {found.grid_hw[1]} places: the depthwise "
        f"convolution differs by at most {apart[0]:.7f}, the folded one by {apart[1]:.7f}, of values up to "
        f"{found.largest:.1f}. That is rounding."
    )
    own_picture(COMPARE, f"ResNet on {entry.title}, beside other networks", NETWORK)
    own_picture(NETWORKS, "The networks and their parameters")


LESSON = Lesson(
    name="BatchNorm",
    title="BatchNorm is a 1 × 1 depthwise convolution",
    idea="After training, BatchNorm multiplies each channel by a number and adds one: a convolution can do that, too.",
    formulas=(
        r"z = \gamma\,\frac{y - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta = G\,y + g",
        r"G = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}}, \quad g = \beta - G\,\mu",
        r"y = F * x + b \;\Rightarrow\; z = (G F) * x + (G\,b + g)",
    ),
    symbols="One $\\gamma, \\beta, \\mu, \\sigma^2$ for each channel; $\\mu$ and $\\sigma^2$ are running statistics, "
    "fixed after training. $F$ is the kernel and $b$ the bias of the convolution before it. "
    "`attnviz.fold_batchnorm(model)` folds a whole network and checks itself.",
    papers=(Paper("Ioffe, Szegedy 2015", "1502.03167", "section 3.1"),),
    notice=(
        "The kernel is 1 × 1 and each channel is on its own (depthwise): G is its only weight, g its bias.",
        "A composition of convolutions is a convolution, so both become one, and the network is faster.",
        "During training this is not true: then mean and variance come from the batch.",
    ),
    question="Is average pooling a convolution? And max pooling?",
    answer="Global average pooling is one: a kernel as large as the map, each weight 1 / (h w), see "
    "`attnviz.folding.average_as_convolution`. Max pooling is not: a convolution is linear, a maximum is not.",
    draw=draw,
)

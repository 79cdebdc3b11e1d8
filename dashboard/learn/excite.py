"""Squeeze and excitation."""

import numpy as np
import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.export.lesson_figure import LessonFigure
from attnviz.layers import SqueezeExcitation
from attnviz.lessons import ExciteSteps, excite_layer, excite_parameters, squeeze_and_excite
from attnviz.records import ChannelWeights
from attnviz.render.lesson.excite import REAL_WH, SMALL_WH, real_excite, small_excite
from dashboard import service, state
from dashboard.learn import editor
from dashboard.learn.lesson import (
    FOCUS,
    LAYERS,
    Lesson,
    Paper,
    attempt,
    figure,
    fitting,
    origin,
    own_picture,
    small_print,
    step,
    traced,
)
from dashboard.sidebar import Entry

NETWORK = "se_resnet"
FEATURES = [[1.0, 3, 0, 2], [4, 4, 2, 2], [-1, 0, 1, 0], [0, 0, 0, 8]]
FIRST = [[0.5, -0.25, 1, 0], [0, 0.3, -0.5, 0.25], [0.25, 0.25, 0.25, 0.25], [-1, 0, 0, 0.5]]
SECOND = [[1.0, -1, 0.5, 0], [0.5, 0, -1, 0], [-2, 1, 0, 0.5], [0, 2, 0, -0.5]]
TABLES = "se_features", "se_first", "se_second"
REDUCTIONS = (1, 2, 4, 8, 16, 32)


def draw(entry: Entry) -> None:
    """The steps."""
    step("Step by step, on four channels of 2 × 2 places", "Change any number: everything behind it follows.")
    attempt(_small)
    step("The same in a trained network, on your picture")
    attempt(lambda: _real(entry))


def _small() -> None:
    places = channels = ["1", "2", "3", "4"]
    reduction = st.segmented_control(
        "Reduction ratio r", [1, 2, 4], default=2, required=True, key=fitting("se_reduction", (1, 2, 4)),
        persist_state="session",
        help="The hidden layer has channels / r units.",
    ) or 2  # fmt: skip
    hidden = len(channels) // reduction
    units = [str(number) for number in range(1, hidden + 1)]
    tables = editor.side_by_side()
    with tables, editor.as_wide_as_needed():
        features = editor.numbers("se_features", "**Feature map**: channels × places", FEATURES, channels, places)
    with tables, editor.as_wide_as_needed():
        first = editor.numbers(f"se_first_{hidden}", "**W₁**: hidden × channels", FIRST[:hidden], units, channels)
    with tables, editor.as_wide_as_needed():
        second = editor.numbers(
            f"se_second_{hidden}", "**W₂**: channels × hidden", np.array(SECOND)[:, :hidden], channels, units
        )
    st.button("Start again", key="se_again", on_click=editor.forget,
              args=("se_features", f"se_first_{hidden}", f"se_second_{hidden}"))  # fmt: skip
    layer = excite_layer(first, second, np.zeros(hidden), np.zeros(4))
    steps = squeeze_and_excite(layer, features.reshape(4, 2, 2))
    figure("se_small", LessonFigure(
        "Squeeze, excite, scale: a layer with all its numbers", _said(steps), small_excite(steps, first, second),
        SMALL_WH, "Orange lines add, dashed purple ones take away; the thicker, the larger the weight. No biases.",
        {"reduction": reduction, "features": features.tolist(), "W1": first.tolist(), "W2": second.tolist()},
        {"features": steps.features, "squeezed": steps.squeezed, "hidden": steps.hidden, "logits": steps.logits,
         "weights": steps.weights, "output": steps.output},
    ))  # fmt: skip


def _said(steps: ExciteSteps) -> str:
    parts = [
        f"channel {number} has mean {mean:.2f} and gets weight {weight:.2f}"
        for number, (mean, weight) in enumerate(zip(steps.squeezed, steps.weights, strict=True), start=1)
    ]
    return f"Squeeze and excitation of {len(parts)} channels: {'; '.join(parts)}."


def _real(entry: Entry) -> None:
    gates = traced(entry, NETWORK).of(ChannelWeights)
    names = [one.site.layer for one in gates]
    name = st.selectbox("Layer", names, index=len(names) - 1, key=fitting("se_layer", names),
                        persist_state="session",
                        help="Every block of SE-ResNet has such a gate.")  # fmt: skip
    record = gates[names.index(name)]
    shared = service.network(NETWORK)
    layer = shared.loaded.model.get_submodule(name)
    if not isinstance(layer, SqueezeExcitation):
        raise AttnvizError(f"{name} must be a squeeze-and-excitation layer; got {type(layer).__name__}.")
    with shared.lock:
        steps = squeeze_and_excite(layer, record.features)
    low, high = float(steps.weights.min()), float(steps.weights.max())
    st.markdown(
        f"{len(steps.weights)} channels are squeezed to {len(steps.hidden)} hidden units. On this picture the weights "
        f"go from {low:.3f} to {high:.3f}" + (": this gate hardly tells channels apart." if high - low < 0.1 else ".")
    )
    figure("se_real", LessonFigure(
        f"{name} of SE-ResNet: weights from {low:.2f} to {high:.2f}",
        f"Squeeze and excitation in {name} of SE-ResNet: {len(steps.weights)} channels, weights from {low:.3f} to "
        f"{high:.3f}; the channels with the largest, the middle and the smallest weight, before and after.",
        real_excite(steps), REAL_WH,
        small_print(entry, NETWORK, name, "Feature maps: purple below zero, orange above, one range for all six."),
        origin(entry, NETWORK, name), {"squeezed": steps.squeezed, "weights": steps.weights},
    ))  # fmt: skip
    own_picture(LAYERS, f"All gates of SE-ResNet on {entry.title}", NETWORK, **{state.WALKED: "SE-ResNet"})
    own_picture(FOCUS, "What the gates did with a region you draw", NETWORK)
    channels = len(steps.weights)
    used = channels // len(steps.hidden)
    st.markdown(f"**What the reduction costs**, for {channels} channels: 2 c (c / r) + c / r + c parameters.")
    st.table(
        [
            {
                "r": f"{ratio}{' (this layer)' if ratio == used else ''}",
                "hidden units": f"{max(1, channels // ratio)}",
                "parameters": f"{excite_parameters(channels, ratio):,}",
            }
            for ratio in sorted({*REDUCTIONS, used})
        ],
        hide_index=True,
        alt="Parameters of the layer for each reduction ratio",
    )


LESSON = Lesson(
    name="SE",
    title="Squeeze and excitation: which channel counts?",
    idea="Look at the mean of every channel, and turn each whole channel up or down.",
    formulas=(
        r"z_c = \frac{1}{hw}\sum_{i,j} x_{c,i,j}",
        r"s = \sigma\!\left(W_2\,\mathrm{ReLU}(W_1 z + b_1) + b_2\right)",
        r"\tilde{x}_c = s_c\,x_c",
    ),
    symbols="$x_c$ is channel $c$ of the feature map, $z$ the squeezed means, $s$ the excitation, one factor in (0, 1) "
    "for each channel. $W_1$ has $c/r$ rows, $W_2$ has $c$. The paper has $r = 16$, and both layers have biases.",
    papers=(Paper("Hu, Shen, Albanie, Sun, Wu 2018", "1709.01507", "eqs. 2 to 4"),),
    notice=(
        "A weight holds for a whole channel: SE says what counts, never where.",
        "The sigmoid never reaches 0 or 1, so no channel is switched off, and all get smaller.",
        "What the ReLU stops takes no part: a hidden unit of 0 has no lines that matter.",
    ),
    question="All numbers of the feature map are doubled. Are all weights doubled, too?",
    answer="No. Without biases the logits double, so each weight moves away from one half, towards 0 or 1: try it with "
    "one channel. With biases not even that is sure.",
    draw=draw,
)

"""CBAM: a channel gate, then a spatial gate."""

import numpy as np
import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.export.lesson_figure import LessonFigure
from attnviz.layers import Cbam
from attnviz.lessons import channel_gate, channel_gate_layer, spatial_gate
from attnviz.records import ChannelWeights, SpatialMask
from attnviz.render.lesson.gates import CHANNEL_WH, channel_gate_drawing, spatial_gate_drawing, spatial_wh
from dashboard import service, state
from dashboard.learn import editor
from dashboard.learn.lesson import (
    COMPARE,
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

NETWORK = "cbam_resnet"
CHANNELS = ("1", "2", "3")


def draw(entry: Entry) -> None:
    """The steps."""
    attempt(lambda: _real(entry))
    step("By hand: one MLP for two pools", "Three channels, one hidden unit, no biases. Change any number.")
    attempt(_small)


def _real(entry: Entry) -> None:
    trace = traced(entry, NETWORK)
    names = list(dict.fromkeys(one.site.layer for one in trace.of(SpatialMask)))
    name = st.selectbox("Layer", names, index=len(names) - 1, key=fitting("cbam_layer", names),
                        persist_state="session",
                        help="Every block of CBAM-ResNet has both gates.")  # fmt: skip
    channel_record = next(one for one in trace[name] if isinstance(one, ChannelWeights))
    spatial_record = next(one for one in trace[name] if isinstance(one, SpatialMask))
    shared = service.network(NETWORK)
    layer = shared.loaded.model.get_submodule(name)
    if not isinstance(layer, Cbam) or trace.geometry is None:
        raise AttnvizError(f"{name} must be a CBAM; got {type(layer).__name__}.")
    with shared.lock:
        channels = channel_gate(layer.channel, channel_record.features)
        places = spatial_gate(layer.spatial, spatial_record.features)

    step("1. The channel gate: what counts?", "Two numbers describe a channel: its mean and its maximum. One MLP reads "
         "both, and its answers are added.")  # fmt: skip
    order = np.argsort(-channels.weights, kind="stable")
    numbers = [int(one) for one in order]
    followed = st.select_slider(
        "Channel to follow, by its weight",
        numbers,
        value=numbers[0],
        key=fitting(f"cbam_channel_{name}", numbers),
        persist_state="session",
    )
    low, high = float(channels.weights.min()), float(channels.weights.max())
    figure("cbam_channel", LessonFigure(
        f"{name} of CBAM-ResNet: channel weights from {low:.2f} to {high:.2f}",
        f"Channel gate of {name}: channel {followed} has mean {channels.mean[followed]:.2f} and maximum "
        f"{channels.maximum[followed]:.2f}; the MLP makes {channels.logits_mean[followed]:.2f} and "
        f"{channels.logits_maximum[followed]:.2f} of them, the weight is {channels.weights[followed]:.2f}.",
        channel_gate_drawing(channels, followed), CHANNEL_WH,
        small_print(entry, NETWORK, name, "Bars stand in the order of the weights."),
        {**origin(entry, NETWORK, name), "channel": followed},
        {"mean": channels.mean, "maximum": channels.maximum, "logits": channels.logits, "weights": channels.weights},
    ))  # fmt: skip

    step("2. The spatial gate: where does it count?", "Mean and maximum over the channels, at each place. A 7 × 7 "
         "convolution reads both maps; its sigmoid is the mask.")  # fmt: skip
    height, width = places.mask.shape
    left, right = st.columns(2)
    row = left.slider(
        "Row of the place to follow",
        1,
        height,
        (height + 1) // 2,
        key=fitting(f"cbam_row_{height}", range(1, height + 1)),
        persist_state="session",
    )
    column = right.slider(
        "Column",
        1,
        width,
        (width + 1) // 2,
        key=fitting(f"cbam_column_{width}", range(1, width + 1)),
        persist_state="session",
    )
    cell = (row - 1, column - 1)
    low, high = float(places.mask.min()), float(places.mask.max())
    figure("cbam_spatial", LessonFigure(
        f"{name} of CBAM-ResNet: a mask from {low:.2f} to {high:.2f}",
        f"Spatial gate of {name} on {entry.title}: mask from {low:.2f} to {high:.2f}; at row {row}, column {column} "
        f"the convolution gives {places.convolved[cell]:.2f}, BatchNorm makes {places.logits[cell]:.2f} of it, the "
        f"mask is {places.mask[cell]:.2f}.",
        spatial_gate_drawing(places, entry.picture, trace.geometry, cell), spatial_wh(entry.picture),
        small_print(entry, NETWORK, name, "Means, maxima and logits: purple below zero, orange above; each map has its "
                    "own range. Windows: light to dark."),
        {**origin(entry, NETWORK, name), "row": row, "column": column},
        {"mean": places.mean, "maximum": places.maximum, "kernel": places.kernel, "logits": places.logits,
         "mask": places.mask},
    ))  # fmt: skip
    own_picture(LAYERS, f"Both gates in every layer on {entry.title}", NETWORK, **{state.WALKED: "CBAM-ResNet"})
    own_picture(COMPARE, "The mask beside other networks' attention", NETWORK, **{state.MAP_KIND: "own"})


def _small() -> None:
    tables = editor.side_by_side()
    with tables, editor.as_wide_as_needed():
        features = editor.numbers(
            "cbam_features", "**Feature map**: channels × places", [[1.0, 1, 1, 1], [0, 0, 0, 4], [2, -2, 2, -2]],
            CHANNELS, ["1", "2", "3", "4"],
        )  # fmt: skip
    with tables, editor.as_wide_as_needed():
        first = editor.numbers("cbam_first", "**W₀**: to one hidden unit", [[0.5, 0.5, -0.5]], ["unit"], CHANNELS)
    with tables, editor.as_wide_as_needed():
        second = editor.numbers("cbam_second", "**W₁**: back", [[1.0], [0.5], [-1]], CHANNELS, ["unit"])
    st.button("Start again", key="cbam_again", on_click=editor.forget,
              args=("cbam_features", "cbam_first", "cbam_second"))  # fmt: skip
    gate = channel_gate_layer(first, second, np.zeros(1), np.zeros(3))
    steps = channel_gate(gate, features[:, None, :])
    st.table(
        [
            {
                "channel": name,
                "mean": f"{steps.mean[number]:.2f}",
                "maximum": f"{steps.maximum[number]:.2f}",
                "MLP(mean)": f"{steps.logits_mean[number]:.2f}",
                "MLP(max)": f"{steps.logits_maximum[number]:.2f}",
                "sum": f"{steps.logits[number]:.2f}",
                "sigmoid": f"{steps.weights[number]:.2f}",
            }
            for number, name in enumerate(CHANNELS)
        ],
        hide_index=True,
        alt="The channel gate by hand",
    )
    st.markdown(
        f"The hidden unit gives {steps.hidden_mean[0]:.2f} for the means and {steps.hidden_maximum[0]:.2f} for the "
        "maxima."
    )


LESSON = Lesson(
    name="CBAM",
    title="CBAM: first what, then where",
    idea="Turn each channel up or down, then each place, both by what a mean and a maximum say.",
    formulas=(
        r"M_c(F) = \sigma\!\left(W_1\,\mathrm{ReLU}(W_0 F^c_{avg}) + W_1\,\mathrm{ReLU}(W_0 F^c_{max})\right)",
        r"F' = M_c(F) \otimes F",
        r"M_s(F') = \sigma\!\left(f^{7 \times 7}([F'^s_{avg}; F'^s_{max}])\right)",
        r"F'' = M_s(F') \otimes F'",
    ),
    symbols="$F^c$ is pooled over places, $F'^s$ over channels. $W_0$ and $W_1$ are one MLP with biases, used twice. "
    "$f^{7 \\times 7}$ has no bias; a BatchNorm stands behind it, as in the authors' code.",
    papers=(Paper("Woo, Park, Lee, Kweon 2018", "1807.06521", "eqs. 1 to 3"),),
    notice=(
        "The maximum notices what the mean hides: a channel that fires at one place only.",
        "The MLP is the same for both pools, so its last bias counts twice.",
        "The mask is one number for each place, for all channels alike. It is no softmax: it need not sum to 1.",
        "Some lecture notes credit this mask to Residual Attention (Wang et al. 2017), or describe spatial attention "
        "by queries and keys. The first has another mask, the second is self-attention.",
    ),
    question="The 7 × 7 kernel has two layers of 49 weights. Why not 49 for each channel?",
    answer="Pooling over the channels leaves two maps, however many channels there were. So the gate costs 98 weights "
    "and two for the BatchNorm in every block.",
    draw=draw,
)

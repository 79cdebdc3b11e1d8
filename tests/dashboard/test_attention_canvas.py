"""What goes to the browser for the attention canvas, read back as the browser reads it, and what may come back."""

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from attnviz.querying import PlaceAnswer, attention_matrix, query
from attnviz.records import Site, SpatialMask, TokenGrid
from dashboard.components.attention_canvas import (
    HIDDEN,
    MOST_BYTE,
    attention_panel,
    checked_point,
    place_panel,
    silent_panel,
    warnings_of,
)
from tests.querying.toys import CROPPED, attention, looking_at, trace_of


def numbers(text: object, kind: str) -> np.ndarray:
    assert isinstance(text, str)
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def weights_of(panel: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """Shares of attention as the browser has them: bytes of the largest in each row, NaN for out of sight."""
    steps = numbers(panel["weights"], "u1").reshape(shape).astype(float)
    tops = numbers(panel["tops"], "<f4").reshape(shape[:-1])
    return np.where(steps == HIDDEN, np.nan, steps / MOST_BYTE * tops[..., None])


def test_the_rows_arrive_within_half_a_step() -> None:
    weights = torch.softmax(3 * torch.randn(2, 7, 7), dim=-1)
    matrix = attention_matrix(trace_of(attention(weights, TokenGrid.whole((2, 3), prefix=1))))
    panel = attention_panel("Net", "", matrix).for_browser()
    shown = weights_of(panel, (1, 7, 6))
    true = weights.mean(dim=0).numpy()
    # a step is 1/254 of the largest of the row, whatever the class token takes
    assert (np.abs(shown[0] - true[:, 1:]) <= 0.5001 / MOST_BYTE * true[:, 1:].max(axis=1, keepdims=True)).all()
    assert numbers(panel["named"], "<f4") == pytest.approx(true[:, 0])
    assert panel["keys"]["names"] == ["class"]
    assert numbers(panel["keys"]["cells"], "<i4").tolist() == [0, 1, 2, 3, 4, 5]


def test_a_register_that_takes_nearly_all_leaves_the_rest_its_256_steps() -> None:
    row = torch.tensor([0.99, 0.004, 0.006])
    matrix = attention_matrix(trace_of(attention(row.expand(1, 3, 3), TokenGrid.whole((1, 2), prefix=1))))
    assert weights_of(attention_panel("Net", "", matrix).for_browser(), (1, 3, 2))[0, 1] == pytest.approx(
        [0.004, 0.006], abs=0.006 / MOST_BYTE
    )


def test_windows_tell_their_cells_and_what_is_out_of_sight() -> None:
    # a 1 x 4 grid rolled by one: windows hold columns 1, 2 and 3, 0; the second's tokens may not see each other
    mask = torch.zeros(2, 1, 2, 2)
    mask[1, 0] = torch.tensor([[0.0, -100.0], [-100.0, 0.0]])
    grid = TokenGrid((1, 4), (1, 2), shift_hw=(0, 1))
    matrix = attention_matrix(trace_of(attention(torch.full((2, 1, 2, 2), 0.5), grid, mask=mask)))
    panel = attention_panel("Net", "", matrix).for_browser()
    assert numbers(panel["keys"]["cells"], "<i4").tolist() == [1, 2, 3, 0]
    shown = weights_of(panel, (2, 2, 2))
    assert np.isnan(shown).tolist() == [[[False, False], [False, False]], [[False, True], [True, False]]]
    assert shown[1, 0, 0] == pytest.approx(1)


def test_the_box_lies_where_the_network_looked() -> None:
    # it saw columns 20 to 80 of 100
    matrix = attention_matrix(trace_of(attention(looking_at(0, 4), TokenGrid.whole((2, 2))), geometry=CROPPED))
    panel = attention_panel("Net", "", matrix).for_browser()
    assert panel["seen"] == pytest.approx([0.2, 0, 0.8, 1])
    assert panel["keys"]["box"] == pytest.approx([0.2, 0, 0.8, 1])


def test_a_gate_arrives_with_its_values() -> None:
    mask = torch.tensor([[0.1, 0.9, 0.4]])
    answer = query(trace_of(SpatialMask(Site("gate", 0, "cbam.spatial"), mask), geometry=CROPPED), (0.0, 79.0))
    assert isinstance(answer, PlaceAnswer)
    panel = place_panel("CBAM", "", answer).for_browser()
    assert numbers(panel["values"], "<f4") == pytest.approx([0.1, 0.9, 0.4])
    assert (panel["rows"], panel["columns"], panel["flat"]) == (1, 3, False)
    assert panel["box"] == pytest.approx([0.2, 0, 0.8, 1])
    assert (panel["low"], panel["high"]) == pytest.approx((0.1, 0.9))
    assert silent_panel("ResNet", "", "has no attention", None).for_browser()["kind"] == "none"


def test_warnings_stand_on_the_picture() -> None:
    site = Site("attn", 0, "mhsa", proven=False, edit="gate off", untrained="untrained")
    assert warnings_of(site) == ("untrained", "unproven", "intervention")
    assert warnings_of(Site("attn", 0, "mhsa")) == ()
    record = attention(looking_at(0, 4), TokenGrid.whole((2, 2)))
    object.__setattr__(record, "site", replace(record.site, untrained="untrained parts: 2 of 62 tensors"))
    panel = attention_panel("Net", "", attention_matrix(trace_of(record))).for_browser()
    assert panel["badge"] == "UNTRAINED PARTS\n2 OF 62 TENSORS"


def test_a_point_comes_back_down_and_across() -> None:
    assert checked_point({"revision": "a", "point": [70, 40]}, "a") == ((40, 70),)
    assert checked_point({"revision": "a", "point": None}, "a") == (None,)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "70,40",
        {"revision": "b", "point": [70, 40]},  # of another picture
        {"revision": "a", "point": [70]},
        {"revision": "a", "point": [101, 40]},
        {"revision": "a", "point": [-1, 40]},
        {"revision": "a", "point": [70.5, 40]},
        {"revision": "a", "point": [True, 40]},
        {"revision": "a", "point": {"x": 70}},
        {"revision": "a", "point": "70"},
    ],
)
def test_what_is_no_point_is_dropped(sent: object) -> None:
    assert checked_point(sent, "a") is None

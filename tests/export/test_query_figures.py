"""Figures of one point asked of every network, of all heads, and of a matrix, on a picture 60 high and 100 wide."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image

from attnviz.errors import ValueRangeError
from attnviz.export import HeadGrid, MatrixSheet, QueryPanel, figure_pdf, figure_png, figure_svg
from attnviz.pictures import Picture, open_picture
from attnviz.querying import attention_matrix, head_rows, query
from attnviz.records import ChannelWeights, SelfAttention, Site, SpatialMask, TokenGrid, Trace
from attnviz.render import NOT_EXPLANATION, SIZES
from attnviz.render.matrix_figure import matrix_range
from tests.querying.toys import CROPPED, attention, looking_at, trace_of

CORNER = (59.0, 99.0)
SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture(scope="module")
def picture() -> Picture:
    file = io.BytesIO()
    Image.fromarray(np.full((60, 100, 3), 90, np.uint8)).save(file, "PNG")
    return open_picture(file.getvalue(), name="grey.png")


def transformer() -> Trace:
    """Two heads over a class token and 2 x 3 patches: the first gives 0.7 to the bottom right, the second 0.4."""
    weights = torch.cat([looking_at(6, 7, 0.7), looking_at(6, 7, 0.4)])
    return trace_of(attention(weights, TokenGrid.whole((2, 3), prefix=1)))


def windows() -> Trace:
    """A 2 x 4 grid in windows of 2 x 2; every query gives its window's first key 0.7."""
    return trace_of(attention(looking_at(0, 4, 0.7)[None].expand(2, 1, 4, 4), TokenGrid((2, 4), (2, 2)), "stage.attn"))


def panel(picture: Picture, point: tuple[float, float] = CORNER) -> QueryPanel:
    gate = trace_of(SpatialMask(Site("cbam", 0, "cbam.spatial"), torch.tensor([[0.1, 0.2, 0.9]])), geometry=CROPPED)
    channel = trace_of(ChannelWeights(Site("se", 0, "se"), torch.ones(3)))
    traces = {"ViT": transformer(), "Swin": windows(), "CBAM": gate, "SE": channel, "Plain": trace_of()}
    answers = tuple(query(trace, point, title=name) for name, trace in traces.items())
    return QueryPanel(picture, point, answers, {"ViT": "ab12"})


def heads(picture: Picture) -> HeadGrid:
    return HeadGrid(picture, head_rows(transformer(), (0.0, 0.0), title="ViT"), "ab12")


def matrix(picture: Picture, trace: Trace | None = None) -> MatrixSheet:
    return MatrixSheet(picture, attention_matrix(trace or windows(), title="Swin"), CORNER, "ab12")


def words(figure: Figure) -> str:
    """All text of a figure in the order it was written, so that lines that were broken to fit are joined again."""
    on_axes = [text for axes in figure.axes for text in (*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels())]
    return " ".join(text.get_text() for text in (*figure.texts, *on_axes)).replace(SPACE, " ")


def lines_of(figure: Figure, place: int) -> list[np.ndarray]:
    """Corners of the white lines over one picture, (x, y) in pixels of the source picture."""
    axes = [one for one in figure.axes if one.images and one.images[0].get_array().shape[:2] == (60, 100)][place]
    return [segment for one in axes.collections if isinstance(one, LineCollection) for segment in one.get_segments()]


class TestQueryPanel:
    def test_each_network_says_its_own_kind_of_answer(self, picture: Picture) -> None:
        told = words(panel(picture, (59.0, 79.0)).figure())
        for said in (
            "ViT", "Swin", "CBAM", "SE", "Plain",
            "79 % across, 98 % down",
            "Channel gates have no place", "Has no attention",
            "Layers: ViT blocks.0.attn, Swin stage.attn, CBAM cbam.",
            "window 2 × 2", "0.9, 1st highest of 3",
            NOT_EXPLANATION,
        ):  # fmt: skip
            assert said in told

    def test_the_frame_is_the_cell_and_the_border_that_of_the_window(self, picture: Picture) -> None:
        figure = panel(picture).figure()
        (frame,) = lines_of(figure, 1)
        # the last of 2 x 3 cells
        assert (frame[:, 0].min(), frame[:, 0].max()) == pytest.approx((200 / 3, 100))
        assert (frame[:, 1].min(), frame[:, 1].max()) == pytest.approx((30, 60))
        *border, cell = lines_of(figure, 2)
        ends = np.concatenate(border)
        # the right window covers columns 50 to 100, and its last cell columns 75 to 100
        assert (ends[:, 0].min(), ends[:, 0].max(), ends[:, 1].min(), ends[:, 1].max()) == pytest.approx(
            (50, 100, 0, 60)
        )
        assert cell[:, 0].min() == pytest.approx(75)
        # around 2 x 2 cells run eight sides
        assert len(border) == 8

    def test_the_cross_lies_at_the_point(self, picture: Picture) -> None:
        ends = np.concatenate(lines_of(panel(picture, (12.0, 80.0)).figure(), 0))
        assert ends.mean(axis=0) == pytest.approx((80, 12))

    def test_the_hot_corner_is_the_hot_corner(self, picture: Picture) -> None:
        axes = [one for one in panel(picture).figure().axes if one.images][1]
        image = np.asarray(axes.images[0].get_array()).astype(int)
        light = image.sum(axis=-1)
        hottest = light > light.max() - 6
        assert hottest[31:, 68:].all()
        assert not hottest[:29].any()
        assert not hottest[:, :65].any()

    def test_numbers_and_origin(self, picture: Picture) -> None:
        made = panel(picture)
        facts = json.loads(json.dumps(made.provenance(), allow_nan=False))
        assert facts["picture"]["sha256"] == picture.sha256
        assert facts["answers"][0]["weights"] == "ab12"
        # mean of 0.7 and 0.4; colours from zero
        assert facts["answers"][0]["colours"] == {"low": 0, "high": pytest.approx(0.55)}
        assert facts["answers"][0]["unit"] == "share of attention"
        assert "AttentionFrom(layer='blocks.0.attn', query=(1, 2), heads='mean')" in facts["answers"][0]["method"]
        assert made.arrays()["vit"][1, 2] == pytest.approx(0.55)
        assert sorted(made.arrays()) == ["swin", "vit"]  # the crop did not hold the corner: CBAM has no map of it
        assert [row["kind"] for row in made.rows()][:2] == ["self-attention"] * 2
        assert "did not see this point" in made.alt

    def test_the_finding_is_the_sharpest_beside_an_even_look(self, picture: Picture) -> None:
        # ViT: 0.55 of 7 tokens is 3.85 times 1/7; Swin: 0.7 of 4 is 2.8 times 1/4
        assert panel(picture).title.replace(SPACE, " ") == (
            "From this point ViT looks most sharply: 55.0 % to one cell, 3.9 times an even look"
        )
        assert replace(panel(picture), heading="My talk").title == "My talk"

    def test_what_must_be_said_of_a_network_is_said(self, picture: Picture) -> None:
        (record,) = transformer().of(SelfAttention)
        site = replace(record.site, edit="gate off", untrained="untrained")
        changed = attention(record.weights()[0], record.tokens)
        object.__setattr__(changed, "site", site)
        object.__setattr__(changed, "replay_error", 1.0)
        object.__setattr__(changed, "output_scale", 1.0)
        changed.__post_init__()
        told = words(replace(panel(picture), answers=(query(trace_of(changed), CORNER, title="ViT"),)).figure())
        for said in ("UNTRAINED", "UNPROVEN", "INTERVENTION", "without trained weights", "changed: gate off"):
            assert said in told

    def test_too_many_networks_are_refused(self, picture: Picture) -> None:
        made = panel(picture)
        with pytest.raises(ValueRangeError, match="1 to 6"):
            replace(made, answers=made.answers * 2).figure()
        with pytest.raises(ValueRangeError, match="light, dark"):
            replace(made, theme="blue").figure()  # type: ignore[arg-type]

    def test_in_a_notebook_the_raw_value_stands_under_the_pointer(self, picture: Picture) -> None:
        maps = [one for one in panel(picture).interactive().data if one.type == "heatmap"]
        assert [one.name for one in maps] == ["ViT", "Swin"]
        assert maps[0].z[1][2] == pytest.approx(0.55)
        assert "share of attention" in maps[0].hovertemplate


class TestHeadGrid:
    def test_one_scale_for_all_heads(self, picture: Picture) -> None:
        told = words(heads(picture).figure())
        assert told.count("70.0 %") == 2  # the end of both bars, also of the head that gives only 0.4
        assert "one colour scale for all heads" in told
        assert NOT_EXPLANATION in told
        assert heads(picture).provenance()["colours"] == {"low": 0.0, "high": pytest.approx(0.7)}

    def test_spread_and_distance_stand_beside_each_head(self, picture: Picture) -> None:
        made = heads(picture)
        # patches alone: 0.7 and five of 0.05, of 0.95; cells are 30 x 33.3 pixels
        shares = np.array([0.7, *[0.05] * 5]) / 0.95
        spread = float(-(shares * np.log(shares)).sum() / np.log(6))
        first = made.rows()[0]
        assert first["spread"] == pytest.approx(spread, abs=1e-4)
        assert f"Spread {100 * spread:.0f} %" in words(made.figure())
        assert made.title.startswith("Head 1 looks most narrowly")
        assert (first["head"], first["to tokens without a place"]) == (1, pytest.approx(0.05))
        assert made.arrays()["head_2"][1, 2] == pytest.approx(0.4)
        assert json.dumps(made.provenance(), allow_nan=False)

    def test_the_class_token_has_no_cross_and_no_distance(self, picture: Picture) -> None:
        made = HeadGrid(picture, head_rows(transformer(), "class", title="ViT"))
        assert all("distance, px" not in row for row in made.rows())
        assert "from the class token" in made.alt
        assert not any(one.collections for one in made.figure().axes)
        assert [one.name for one in made.interactive().data if one.type == "heatmap"] == ["Head 1", "Head 2"]


class TestMatrixSheet:
    def test_the_window_of_the_point_with_its_tokens_named(self, picture: Picture) -> None:
        made = matrix(picture)
        assert made.window == 1
        axes = made.figure().axes[0]
        shown = np.asarray(axes.images[0].get_array())
        assert np.allclose(shown, [[0.7, 0.1, 0.1, 0.1]] * 4)
        assert [one.get_text() for one in axes.get_xticklabels()] == ["row 1", "row 2"]
        assert axes.get_xticks().tolist() == [0, 2]
        # the corner is the last of the window's tokens: its row is framed
        assert {patch.get_y() for patch in axes.patches} == {2.5}
        told = words(made.figure())
        for said in ("Swin, stage.attn, mean over heads, window 2 of 2", "each row sums to 100 %", NOT_EXPLANATION):
            assert said in told

    def test_prefix_tokens_are_named(self, picture: Picture) -> None:
        axes = matrix(picture, transformer()).figure().axes[0]
        assert [one.get_text() for one in axes.get_yticklabels()] == ["class", "row 1", "row 2"]

    def test_the_token_that_gets_most_is_the_finding(self, picture: Picture) -> None:
        assert matrix(picture).title.replace(SPACE, " ") == (
            "Swin: row 1, column 3 gets 70.0 % of all attention, where an even look would give 25.0 %"
        )

    def test_colours_leave_out_the_half_percent_above(self) -> None:
        values = np.zeros((10, 100), np.float32)
        values.flat[:6] = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]  # of 1000 values, 0.4 is the sixth largest: 99.4 % lie below
        values[9, 99] = np.nan
        assert matrix_range(values) == (0.0, pytest.approx(0.4))
        assert matrix_range(np.zeros((2, 2), np.float32)) == (0.0, 1.0)

    def test_a_matrix_that_was_made_smaller_says_so(self, picture: Picture) -> None:
        small = attention_matrix(
            trace_of(attention(torch.softmax(torch.randn(1, 13, 13), -1), TokenGrid.whole((3, 4), prefix=1))), most=100
        )
        told = words(MatrixSheet(picture, small).figure())
        assert "too many to show one by one" in told
        assert "2 × 2" in told

    def test_no_such_window(self, picture: Picture) -> None:
        from attnviz.render.matrix_figure import matrix_figure

        with pytest.raises(ValueRangeError, match=r"0\.\.1"):
            matrix_figure(matrix(picture).matrix, 2)

    def test_in_a_notebook_the_pair_stands_under_the_pointer(self, picture: Picture) -> None:
        (heat,) = matrix(picture).interactive().data
        assert heat.z[0][0] == pytest.approx(70)
        assert list(heat.customdata[3][0]) == ["row 2, column 4", "row 1, column 3"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [panel, heads, matrix])
def test_every_size_can_be_drawn_and_written(picture: Picture, kind: type, size: str) -> None:
    made = replace(kind(picture), size=SIZES[size], theme="dark", transparent=True)
    image = Image.open(io.BytesIO(figure_png(made, dpi=50)))
    assert image.width == pytest.approx(50 * SIZES[size][0], abs=1)  # a figure for a paper is as high as it needs
    assert image.getpixel((0, 0))[3] == 0


def test_files_have_live_text_and_come_out_the_same_again(picture: Picture) -> None:
    made = panel(picture)
    assert b">ViT<" in figure_svg(made)
    assert figure_svg(made) == figure_svg(panel(picture))
    assert figure_pdf(made).startswith(b"%PDF")

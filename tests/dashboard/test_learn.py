"""The page Learn, driven without a browser: every lesson, edits that count, and edits that must not cost anything."""

import math
import re
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from attnviz.errors import ValueRangeError
from attnviz.pictures import Picture, sample_pictures
from attnviz.tables import Computed, rows
from dashboard import address, service, state
from dashboard.learn import editor, tables, window_numbers
from dashboard.views.learn import LESSONS
from tests.dashboard.conftest import APP, SECONDS_A_RUN

PAGE = "views/learn.py"


def page(lesson: str) -> AppTest:
    """The page with one lesson open, run once."""
    app = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).switch_page(PAGE)
    app.session_state[state.NETWORKS] = ["resnet_plain"]
    app.session_state[state.LESSON] = lesson
    return app.run()


def words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "success", "error", "info")
    return "\n".join(one.value for kind in kinds for one in getattr(app.main, kind)).replace("\\", "")


def alts(app: AppTest) -> list[str]:
    return [picture.alt for element in app.main.image for picture in element.proto.imgs]


def edited(app: AppTest, key: str, row: int, column: str, value: object) -> AppTest:
    """The page after one cell of a table was changed."""
    app.session_state[key] = {"edited_rows": {row: {column: value}}, "added_rows": [], "deleted_rows": []}
    return app.run()


@pytest.mark.parametrize(("name", "figures"), [(name, 0 if name == "Tables" else None) for name in LESSONS])
def test_every_lesson_has_its_parts(name: str, figures: int | None) -> None:
    app = page(name)
    assert not app.exception
    assert not app.error
    lesson = LESSONS[name]
    said = words(app)
    assert lesson.idea in said
    assert "What to notice" in said
    assert all(sentence in said for sentence in lesson.notice)
    assert [one.value for one in app.main.latex][: len(lesson.formulas)] == [
        f"$$\n{one}\n$$" for one in lesson.formulas
    ]
    assert all(f"https://arxiv.org/abs/{paper.arxiv}" in said for paper in lesson.papers)
    assert all(alts(app))
    assert len(alts(app)) == figures if figures is not None else len(alts(app)) >= 1


def test_only_the_open_lesson_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables need no network; the lesson of SE runs SE-ResNet only."""
    asked: list[str] = []
    real = service.trace
    monkeypatch.setattr(service, "trace", lambda picture, name: asked.append(name) or real(picture, name))
    page("Tables")
    assert asked == []
    page("SE")
    assert set(asked) == {"se_resnet"}


def test_the_lesson_is_found_in_the_address() -> None:
    app = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).switch_page(PAGE)
    app.query_params[state.LESSON] = "Tables"
    app.run()
    assert LESSONS["Tables"].idea in words(app)


class TestTea:
    """With W_k zero every word gets the same share; the edit below makes one key stand out."""

    def test_the_notes_example(self) -> None:
        """Row I: exp(1 / sqrt 3) twice and 1, so 39 %, 22 % and 39 %."""
        one = math.exp(1 / math.sqrt(3))
        shares = [one / (2 * one + 1), 1 / (2 * one + 1)]
        said = f"I gives {shares[0]:.0%} to I, {shares[1]:.0%} to love, {shares[0]:.0%} to tea"
        (alt,) = alts(page("Self-attention"))
        assert said in alt

    def test_an_edit_counts(self) -> None:
        """X of I becomes [0, 0, 0, 1], its query is zero, and it gives every word a third."""
        app = edited(page("Self-attention"), "tea_x_0", 0, "2", 0)
        assert not app.exception
        assert "I gives 33% to I, 33% to love, 33% to tea" in alts(app)[0]

    def test_a_bad_cell_costs_nothing(self) -> None:
        app = edited(page("Self-attention"), "tea_x_0", 0, "2", 0)
        before = alts(app)
        for value, got in (
            (None, "an empty cell"), (float("nan"), "an empty cell"), (1e300, "1e+300"), (-101, "-101"),
            (float("inf"), "inf"), ("tea", ""),
        ):  # fmt: skip
            app = edited(app, "tea_x_0", 0, "2", value)
            assert not app.exception
            (error,) = app.error
            said = error.value.replace("\\", "")
            where = "X, a row for each word, row I, column 2"
            assert said.startswith(f"{where} must be a number from -100 to 100; got {got}")
            assert alts(app) == before  # the edit before it is still there

    def test_a_good_edit_after_a_bad_one_counts_again(self) -> None:
        app = edited(page("Self-attention"), "tea_x_0", 0, "2", None)
        app = edited(app, "tea_x_0", 0, "2", 0)
        assert not app.error
        assert "I gives 33% to I" in alts(app)[0]

    def test_edits_last_while_another_lesson_is_open(self) -> None:
        app = edited(page("Self-attention"), "tea_x_0", 0, "2", 0)
        app.session_state[state.LESSON] = "Tables"
        app.run()
        app.session_state[state.LESSON] = "Self-attention"
        app.run()
        assert "I gives 33% to I" in alts(app)[0]

    def test_start_again_forgets_them(self) -> None:
        app = edited(page("Self-attention"), "tea_x_0", 0, "2", 0)
        app.button(key="tea_again").click().run()
        assert "I gives 39% to I" in alts(app)[0]

    def test_without_the_scale_the_weights_harden(self) -> None:
        """Row tea: logits 1, 2, 3 undivided, so e^3 / (e + e^2 + e^3) to tea."""
        app = page("Self-attention")
        app.toggle(key="tea_scaled").set_value(False).run()
        exponentials = [math.exp(number) for number in (1, 2, 3)]
        assert f"tea gives 9% to I, 24% to love, {exponentials[2] / sum(exponentials):.0%} to tea" in alts(app)[0]

    def test_the_slips_stand_beside_what_is_right(self) -> None:
        tables_said = "\n".join(str(table.value.to_dict()) for table in page("Self-attention").main.table)
        assert "printed with 3 columns, then called 3 × 2" in tables_said.replace("\\", "")
        assert "√3 for the printed one" in tables_said.replace("\\", "")


class TestOwnPicture:
    """Every lesson leads to the same thing on the person's own picture, by a link that says what is chosen there."""

    @pytest.mark.parametrize("name", list(LESSONS))
    def test_there_is_a_link(self, name: str) -> None:
        links = page(name).get("page_link")
        assert links
        assert all(address.FOLLOW in link.proto.query_string for link in links)

    def test_the_link_names_the_network_and_its_layers(self) -> None:
        (link, _) = page("SE").get("page_link")
        asked = parse_qs(link.proto.query_string)
        assert asked == {address.FOLLOW: ["se_resnet"], state.WALKED: ["SE-ResNet"]}

    def test_who_follows_a_link_sees_what_it_says(self) -> None:
        """The network joins those that are shown, and the link counts more than what was chosen there before."""
        app = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).switch_page("views/self_attention.py")
        app.session_state[state.NETWORKS] = ["vit", "swin"]
        app.session_state[state.ATTENTION_OF] = "vit"
        app.query_params[address.FOLLOW] = "aa_resnet"
        app.query_params[state.ATTENTION_OF] = "aa_resnet"
        app.run()
        assert not app.exception
        assert app.session_state[state.NETWORKS] == ["vit", "swin", "aa_resnet"]
        assert app.session_state[state.ATTENTION_OF] == "aa_resnet"
        assert address.FOLLOW not in app.query_params


class TestSmallLayers:
    def test_se_by_hand(self) -> None:
        """All of W1 and W2 zero in unit 1: with r = 4 the single unit gives 0, so every weight is one half."""
        app = page("SE")
        app.segmented_control(key="se_reduction").set_value(4).run()
        app.session_state["se_first_1"] = {
            "edited_rows": {0: {"1": 0, "2": 0, "3": 0}}, "added_rows": [], "deleted_rows": []
        }  # fmt: skip
        app.run()
        assert not app.exception
        assert all(f"channel {number} has mean" in alts(app)[0] for number in range(1, 5))
        assert alts(app)[0].count("gets weight 0.50") == 4

    def test_the_real_layer_is_the_chosen_one(self) -> None:
        app = page("SE")
        app.selectbox(key="se_layer").set_value("layer1.0.attention").run()
        assert "layer1.0.attention of SE-ResNet: 32 channels" in alts(app)[1]

    def test_cbam_follows_the_place_that_is_asked_for(self) -> None:
        app = page("CBAM")
        row = next(one for one in app.slider if one.label == "Row of the place to follow")
        row.set_value(1).run()
        assert not app.exception
        assert "at row 1, column" in alts(app)[1]

    def test_cbam_by_hand(self) -> None:
        """Channel 2 is 0, 0, 0, 4: mean 1, maximum 4."""
        table = page("CBAM").main.table[0].value
        assert table.loc[1, ["mean", "maximum"]].tolist() == ["1.00", "4.00"]

    def test_relative_positions_follow_the_query(self) -> None:
        app = page("Relative positions")
        next(one for one in app.slider if one.label == "Query's row").set_value(3).run()
        assert not app.exception
        assert "Relative logits of the query at row 3, column 2 of 3 rows and 4 columns" in alts(app)[0]
        app = edited(app, "aa_query", 0, "d1", None)
        assert "q, the query, row q, column d1 must be a number" in app.error[0].value.replace("\\", "")

    def test_windows_by_hand(self) -> None:
        """8 x 8 cells in windows of 4, shifted by 2: row 2, column 3 sees 2 rows of 4; half its window is masked.

        Before, it saw 16; both layers bring it the two upper windows, 32 cells.
        """
        app = page("Shifted windows")
        assert (
            "without shift it sees 16 cells, shifted 8, with 8 of its window masked; 32 cells reach it" in alts(app)[0]
        )
        app.slider(key="swin_shift_4").set_value(0).run()
        assert "shifted 16, with 0 of its window masked; 16 cells reach it" in alts(app)[0]
        assert "Nothing is shifted here" in words(app)

    def test_window_attention_follows_every_number(self) -> None:
        """With w of q zero and no bias all weights are equal: 1 / 8 of the second layer's window, whose half is masked.

        A map of one value z keeps it: each layer adds w z of v, so 1 becomes 2, and 2 becomes 4; with w of v 0.5, 1.5
        and 2.25.
        """
        app = page("Shifted windows")
        key = f"swin_map_8_8_{sample_pictures()[0].open().sha256[:8]}"
        rows = [str(number) for number in range(1, 9)]
        ones = {row: dict.fromkeys(rows, 1) for row in range(8)}
        app.session_state[key] = {
            "edited_rows": ones, "added_rows": [], "deleted_rows": []
        }  # fmt: skip
        app = edited(app, "swin_factors", 0, "q", 0)
        assert not app.exception
        said = alts(app)[1]
        assert "has 2.00 and asks 16 places of its window, 8 of them masked" in said
        assert "weights times values sum to 2.00, and 4.00 comes out" in said
        app.session_state["swin_factors"] = {
            "edited_rows": {0: {"q": 0, "v": 0.5}}, "added_rows": [], "deleted_rows": []
        }  # fmt: skip
        app.run()
        assert "has 1.50 and asks" in alts(app)[1]
        assert "sum to 0.75, and 2.25 comes out" in alts(app)[1]

    def test_window_attention_without_its_mask(self) -> None:
        app = page("Shifted windows")
        assert "8 of them masked" in alts(app)[1]
        app.toggle(key="swin_masked").set_value(False).run()
        assert "Second layer, shifted" in alts(app)[1]
        assert "0 of them masked" in alts(app)[1]
        app.segmented_control(key="swin_layer").set_value("First layer, no shift").run()
        assert not app.exception
        assert "First layer, no shift: the cell at row 2, column 3" in alts(app)[1]

    def test_a_bad_bias_keeps_the_last_good_one(self) -> None:
        app = page("Shifted windows")
        before = alts(app)
        app = edited(app, "swin_bias_4", 3, "0", None)
        (error,) = app.error
        said = error.value.replace("\\", "")
        assert said.startswith("Bias B: rows and columns from query to key, row 0, column 0 must be a number")
        assert alts(app) == before

    def test_the_map_is_the_light_of_the_picture(self) -> None:
        """Left half black, right half white with a black row below: -1, 1, and 0 where white and black meet."""
        rgb = np.zeros((4, 4, 3), np.uint8)
        rgb[:, 2:] = 255
        rgb[3, 2:] = 0
        picture = Picture(rgb, "a" * 64, "halves", ())
        assert window_numbers.light(picture, (2, 2)).tolist() == [[-1, 1], [-1, 0]]
        even = Picture(np.full((4, 4, 3), 90, np.uint8), "b" * 64, "even", ())
        assert window_numbers.light(even, (2, 3)).tolist() == [[0, 0, 0]] * 2

    def test_tokens_by_hand(self) -> None:
        """224 x 352 in patches of 16: 14 x 22 = 308, and one class token."""
        app = page("ViT tokens")
        app.select_slider(key="vit_patch").set_value(16).run()
        assert "14 rows and 22 columns of patches of 16 × 16 pixels, 309 tokens" in alts(app)[0]
        app.slider(key="vit_height").set_value(32).run()
        assert not app.exception
        assert "2 rows and 22 columns" in alts(app)[0]

    def test_folding_by_hand(self) -> None:
        """A kernel of zeros: y = b = 0.5, G = 1.5 / sqrt(0.25) = 3, g = 0.2 - 3 * 0.3, so z = 1.5 - 0.7 = 0.8."""
        app = page("BatchNorm")
        app.session_state["bn_kernel"] = {
            "edited_rows": {row: dict.fromkeys(("1", "2", "3"), 0) for row in range(3)},
            "added_rows": [], "deleted_rows": [],
        }  # fmt: skip
        app.run()
        assert not app.exception
        assert (
            "The convolution gives 0.500, BatchNorm makes 0.800 of it; the folded convolution gives 0.800"
            in alts(app)[0]
        )
        assert "it would be -0.200" in alts(app)[0]  # b + g = 0.5 - 0.7

    def test_a_negative_variance_is_told_and_the_rest_stays(self) -> None:
        app = edited(page("BatchNorm"), "bn_numbers", 0, "σ²", -1)
        assert not app.exception
        assert "variance must be at least 0" in app.error[0].value.replace("\\", "")
        assert "What to notice" in words(app)

    def test_the_real_batchnorm_is_the_convolution(self) -> None:
        found = re.search(r"differs by at most ([\d.]+), the folded one by ([\d.]+), of values up to ([\d.]+)\.",
                          words(page("BatchNorm")))  # fmt: skip
        assert found is not None
        depthwise, folded, largest = map(float, found.groups())
        assert max(depthwise, folded) < 1e-5 * largest


class TestTables:
    def test_every_row_of_every_table_is_there(self) -> None:
        document = tables._document(1)
        assert [line["network"] for lines, _ in document.values() for line in lines] == [one.network for one in rows()]

    @pytest.mark.parametrize(
        ("words_of_document", "kind"),
        [("agrees", tables.DIGITS), ("agrees within tolerance", tables.NEAR), ("none printed", tables.NONE),
         ("not counted: timm is not installed", tables.MISSING),
         ("parameters and costs not reproduced: they are those of BAM", tables.OPEN),
         ("parameters agree, costs not reproduced: why", tables.OPEN)],
    )  # fmt: skip
    def test_verdicts(self, words_of_document: str, kind: str) -> None:
        assert tables.verdict(words_of_document) == kind
        assert bool(tables.why(words_of_document)) == (kind in (tables.OPEN, tables.MISSING))

    def test_one_is_counted_when_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """ResNet-18 without attention has 11,689,512 parameters (arXiv:1807.06521, Table 4: 11.69 M)."""
        app = page("Tables")
        app.button(key="tables_count").click().run()
        assert not app.exception
        assert "11,689,512 parameters, 1.8141 billion multiply-adds" in words(app)
        app.selectbox(key="tables_row").set_value("resnet18 + SE (CBAM paper, Table 4)").run()
        app.button(key="tables_count").click().run()
        assert "11,778,592 parameters" in words(app)
        monkeypatch.setattr(Computed, "wrong", property(lambda self: ("it is not so.",)))
        app.button(key="tables_count").click().run()
        assert "it is not so." in words(app)


class TestEditor:
    def test_what_is_checked(self) -> None:
        good = pd.DataFrame({"a": [1, -100.0], "b": ["2", 3]}, index=["x", "y"])
        np.testing.assert_array_equal(editor.checked(good, "T"), [[1, 2], [-100, 3]])

    @pytest.mark.parametrize("bad", ["tea", "", None, float("nan"), float("-inf"), 100.001, pd.NA])
    def test_what_is_refused(self, bad: object) -> None:
        with pytest.raises(ValueRangeError, match="T, row y, column b must be a number from -100 to 100; got"):
            editor.checked(pd.DataFrame({"a": [1, 2], "b": [3, bad]}, index=["x", "y"]), "T")

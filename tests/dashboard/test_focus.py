"""The page "Dog vs grass", driven without a browser: a region told in each of the ways, scores, and other tabs."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from attnviz import focus
from attnviz.focus import SCORES
from attnviz.render.score_words import number_words, score_words
from dashboard import service, state
from tests.dashboard.conftest import APP, FOCUS_PAGE, SECONDS_A_RUN
from tests.dashboard.test_compare import SPACE, drawn, one_bit_png, text, titles


class TestFirstScreen:
    """What is there before anything was touched."""

    @pytest.fixture(scope="class")
    @classmethod
    def page(cls) -> AppTest:
        page = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).switch_page(FOCUS_PAGE).run()
        assert not page.exception
        assert not page.error
        return page

    def test_the_finding_is_a_sentence_about_the_cat(self, page: AppTest) -> None:
        assert "of its map on the cat" in text(page)

    def test_every_network_shows_its_map(self, page: AppTest) -> None:
        assert len(drawn(page)) == len(titles())

    def test_the_table_holds_every_network_and_all_baselines(self, page: AppTest) -> None:
        table = page.table[0].value
        *scored, uniform_map, blob, edges = [name.replace("\\", "") for name in table["Map"]]
        assert (uniform_map, blob, edges) == ("Uniform map", "Centred Gaussian blob", "Edge map")
        # a Grad-CAM that is zero everywhere has no score: then the page says so
        told = " ".join(element.value for element in page.caption).replace("\\", "")
        assert scored != []
        assert all(title in scored or f"{title}: no score" in told for title in titles())
        uniform = table[table["Map"] == "Uniform map"].iloc[0]
        assert uniform.iloc[1] == uniform["Area share"]  # a flat map scores the area
        assert uniform["Lift"] == "1.00"

    def test_the_chart_says_what_it_shows(self, page: AppTest) -> None:
        chart = page.get("plotly_chart")[0]
        scored = [name.replace("\\", "") for name in page.table[0].value["Map"]][:-3]
        assert all(title in chart.proto.alt for title in scored)

    def test_the_tabs_are_there(self, page: AppTest) -> None:
        assert [tab.label for tab in page.tabs] == [
            "What the gates did",
            "Does it matter?",
            "Can I trust this map?",
            "Gate health",
        ]


class TestScores:
    """Any score of the library can be shown, told exactly, and saved."""

    @pytest.fixture(scope="class")
    @classmethod
    def page(cls) -> AppTest:
        page = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).switch_page(FOCUS_PAGE)
        page.query_params[state.NETWORKS] = "SE-ResNet"
        return page.run()

    @pytest.mark.parametrize("name", [name for name in SCORES if name != "share"])
    def test_its_numbers_are_the_library_s(self, page: AppTest, name: str) -> None:
        page.selectbox(key=state.SCORE).set_value(name).run()
        assert not page.exception
        score, entry = SCORES[name], service.samples()[0]
        picture, region = service.opened_sample(entry.name), service.sample_region(entry.name)
        reading = service.read(picture, "se_resnet", service.MapChoice("gradcam", None))
        expected = focus.table({"SE-ResNet": reading.attention_map}, region, score=name, picture=picture)
        column = "the cat" if score.of_region is not None else score.title
        table = page.table[0].value
        assert table["Map"][0].replace("\\", "") == "SE-ResNet"
        assert list(table[column.replace("(", "\\(").replace(")", "\\)")]) == [
            score_words(one) for one in expected.values()
        ]
        alt = page.get("plotly_chart")[0].proto.alt
        assert score_words(expected["SE-ResNet"]) in alt
        assert f"edge map {number_words(expected['SE-ResNet'].baselines['edge map'], score)}" in alt

    def test_it_is_defined_exactly_and_can_be_saved(self, page: AppTest) -> None:
        page.selectbox(key=state.SCORE).set_value("average_precision").run()
        said = " ".join(one.value for one in page.markdown).replace("\\", "")
        assert SCORES["average_precision"].definition in said
        told = " ".join(one.value for one in page.caption).replace("\\", "")
        assert "Higher: the region is met earlier" in told
        assert "A flat map scores the region's share of the area." in told
        saved = [
            one for one in page.get("download_button") if "Precision-recall area in" in one.proto.help.replace("\\", "")
        ]
        assert [one.label for one in saved] == ["PNG", "SVG", "PDF"]
        page.button(key="focus_bars_talk").click().run()
        (kept,) = page.session_state[state.TRAY]
        assert kept.source.score == "average_precision"


class TestRegions:
    """A region told in each of the ways."""

    def test_boxes_drawn_on_the_canvas_are_scored(self, focus_page: AppTest, photo: bytes) -> None:
        focus_page.run()
        focus_page.file_uploader(key=state.UPLOADS).upload("dog.png", photo, "image/png").run()
        assert "Drag a box" in focus_page.info[0].value
        revision = focus_page.session_state[state.CANVAS_SEED].revision
        # the browser sends left, top, right, bottom
        focus_page.session_state[state.CANVAS] = {"drawn": {"revision": revision, "boxes": [[0.25, 0.0, 0.75, 1.0]]}}
        focus_page.run()
        table = focus_page.table[0].value
        assert "Share on the object" in table.columns
        assert set(table["Area share"]) == {f"50{SPACE}%"}  # half of the columns, all rows

    def test_boxes_of_another_revision_are_not_taken(self, focus_page: AppTest, photo: bytes) -> None:
        focus_page.run()
        focus_page.file_uploader(key=state.UPLOADS).upload("dog.png", photo, "image/png").run()
        focus_page.session_state[state.CANVAS] = {"drawn": {"revision": "old", "boxes": [[0.25, 0.0, 0.75, 1.0]]}}
        focus_page.run()
        assert "Drag a box" in focus_page.info[0].value

    def test_boxes_come_back_with_their_picture(self, focus_page: AppTest, photo: bytes) -> None:
        focus_page.run()
        focus_page.file_uploader(key=state.UPLOADS).upload("dog.png", photo, "image/png").run()
        upload = focus_page.selectbox(key=state.PICTURE).value
        revision = focus_page.session_state[state.CANVAS_SEED].revision
        focus_page.session_state[state.CANVAS] = {"drawn": {"revision": revision, "boxes": [[0.25, 0.0, 0.75, 1.0]]}}
        focus_page.run()
        focus_page.selectbox(key=state.PICTURE).set_value("coffee").run()
        assert "Drag a box" in focus_page.info[0].value
        focus_page.selectbox(key=state.PICTURE).set_value(upload).run()
        assert set(focus_page.table[0].value["Area share"]) == {f"50{SPACE}%"}

    def test_typed_numbers_are_scored_under_their_name(self, focus_page: AppTest) -> None:
        focus_page.run()
        source = f"{state.REGION_SOURCE}_chelsea"
        focus_page.segmented_control(key=source).set_value("numbers").run()
        # Chelsea is 300 high and 451 wide
        for key, value in ((state.BOX_LEFT, 0), (state.BOX_TOP, 0), (state.BOX_RIGHT, 451), (state.BOX_BOTTOM, 150)):
            focus_page.number_input(key=f"{key}_chelsea").set_value(value)
        focus_page.text_input(key=f"{state.REGION_NAME}_chelsea").set_value("upper half").run()
        table = focus_page.table[0].value
        assert "Share on the upper half" in table.columns
        assert set(table["Area share"]) == {f"50{SPACE}%"}

    def test_a_box_upside_down_gets_a_sentence(self, focus_page: AppTest) -> None:
        focus_page.run()
        focus_page.segmented_control(key=f"{state.REGION_SOURCE}_chelsea").set_value("numbers").run()
        focus_page.number_input(key=f"{state.BOX_TOP}_chelsea").set_value(300)
        focus_page.number_input(key=f"{state.BOX_BOTTOM}_chelsea").set_value(10).run()
        assert not focus_page.exception
        assert "top < bottom" in focus_page.error[0].value.replace("\\", "")
        assert len(drawn(focus_page)) == len(titles())

    def test_a_mask_picture_is_scored(self, focus_page: AppTest) -> None:
        focus_page.run()
        focus_page.segmented_control(key=f"{state.REGION_SOURCE}_chelsea").set_value("mask").run()
        mask = np.zeros((300, 451), dtype=bool)
        mask[:75] = True  # the upper quarter
        uploader = focus_page.file_uploader(key=f"{state.REGION_MASK}_chelsea")
        uploader.upload("mask.png", one_bit_png(mask), "image/png").run()
        assert set(focus_page.table[0].value["Area share"]) == {f"25{SPACE}%"}

    def test_a_mask_of_another_shape_gets_a_sentence(self, focus_page: AppTest) -> None:
        focus_page.run()
        focus_page.segmented_control(key=f"{state.REGION_SOURCE}_chelsea").set_value("mask").run()
        mask = np.zeros((90, 30), dtype=bool)
        mask[:10] = True
        uploader = focus_page.file_uploader(key=f"{state.REGION_MASK}_chelsea")
        uploader.upload("mask.png", one_bit_png(mask), "image/png").run()
        assert "aspect ratio" in focus_page.error[0].value

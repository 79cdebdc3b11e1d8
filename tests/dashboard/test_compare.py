"""The compare page, driven without a browser."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from attnviz import open_picture, zoo
from attnviz.export import Comparison, comparison_png, scores_csv
from attnviz.regions import Region
from attnviz.render import MOST_PANELS
from dashboard import downloads, service, state
from dashboard.service import Answers, MapChoice
from dashboard.state import Selection
from tests.dashboard.conftest import APP, SECONDS_A_RUN, photograph

SPACE = "\N{NO-BREAK SPACE}"


def titles() -> list[str]:
    """Of the networks that are shown before anyone chooses: as many as a figure holds."""
    return [card.title for card in zoo.cards().values()][:MOST_PANELS]


def alts(app: AppTest) -> list[str]:
    """Alternative texts of the pictures in the page's body."""
    return [picture.alt for element in app.main.image for picture in element.proto.imgs]


def drawn(app: AppTest) -> list[str]:
    """Addresses of the maps; an address is a hash of the pixels."""
    return [
        picture.url
        for element in app.main.image
        for picture in element.proto.imgs
        if picture.alt.split(":")[0] in titles()
    ]


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown).replace(SPACE, " ").replace("\\", "")


def scores_of(app: AppTest) -> list[str]:
    """What the panels say of the region in focus, such as "48 % on the cat, lift 1.3"."""
    return re.findall(r"(\d+ % on the cat, lift [\d.]+)", small(app))


def small(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html")).replace(SPACE, " ")


@pytest.fixture
def passes() -> Iterator[list[str]]:
    """Grows by a name each time a shared network runs."""
    ran: list[str] = []
    hooks = [
        service.network(name).loaded.model.register_forward_pre_hook(lambda *_args, name=name: ran.append(name))
        for name in zoo.names()
    ]
    yield ran
    for hook in hooks:
        hook.remove()


class TestFirstScreen:
    """What is there before anything was touched."""

    @pytest.fixture(scope="class")
    @classmethod
    def page(cls) -> AppTest:
        page = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).run()
        assert not page.exception
        assert not page.error
        return page

    def test_every_network_shows_its_map(self, page: AppTest) -> None:
        assert [alt.split(":")[0] for alt in alts(page) if "Grad-CAM" in alt] == titles()

    def test_the_finding_is_a_sentence_about_the_cat(self, page: AppTest) -> None:
        finding = next(element.value for element in page.markdown if "of its map on the cat" in element.value)
        assert "a centred blob would score" in finding

    def test_each_network_gives_three_answers_with_confidence(self, page: AppTest) -> None:
        assert small(page).count("width:") >= 3 * len(titles())

    def test_what_a_map_does_not_prove_is_said(self, page: AppTest) -> None:
        assert "Attention is not explanation" in small(page)

    def test_all_files_are_offered(self, page: AppTest) -> None:
        assert [button.label for button in page.get("download_button")] == [
            "Comparison (PNG)",
            "Numbers (CSV)",
            "SVG",
            "PDF",
            *("PNG", "SVG", "PDF"),  # of two networks face to face
        ]


def test_the_view_alone_shows_the_sample() -> None:
    page = AppTest.from_file(str(APP.parent / "views" / "compare.py"), default_timeout=SECONDS_A_RUN).run()
    assert not page.exception
    assert "on the cat" in text(page)


class TestControls:
    """A control changes what it says it changes, and nothing else."""

    def test_opacity_redraws_and_runs_no_network(self, app: AppTest, passes: list[str]) -> None:
        app.run()
        before = drawn(app)
        passes.clear()
        app.slider(key=state.OPACITY).set_value(0.3).run()
        after = drawn(app)
        assert passes == []
        assert len(before) == len(after) == len(titles())
        assert set(before) != set(after)

    def test_own_attention_runs_only_what_has_not_run(self, app: AppTest, passes: list[str]) -> None:
        streamlit.cache_resource.clear()
        app.run()
        app.selectbox(key=state.MAP_KIND).set_value("own").run()
        passes.clear()
        app.selectbox(key=state.MAP_KIND).set_value("gradcam").run()
        app.selectbox(key=state.MAP_KIND).set_value("own").run()
        assert passes == []

    def test_own_attention_says_what_each_network_shows_and_that_units_differ(self, app: AppTest) -> None:
        app.run()
        app.selectbox(key=state.MAP_KIND).set_value("own").run()
        assert not app.exception
        said = small(app)
        assert "No attention of its own: activation" in said
        assert "Spatial gate" in said
        assert "rollout" in said
        assert "The units differ" in said

    def test_self_attention_can_look_from_a_point(self, app: AppTest) -> None:
        app.run()
        app.selectbox(key=state.MAP_KIND).set_value("own").run()
        app.selectbox(key=state.GAZE).set_value("point").run()
        app.number_input(key=state.POINT_X).set_value(0)
        app.number_input(key=state.POINT_Y).set_value(0).run()
        assert "Attention from row 1, column 1" in small(app)

    def test_one_class_for_all_is_explained_by_all(self, app: AppTest) -> None:
        app.run()
        app.selectbox(key=state.TARGET).set_value("goldfish").run()
        assert small(app).count("Grad-CAM for goldfish") == len(titles())
        assert "different classes" not in small(app)

    @pytest.mark.parametrize(
        ("key", "value"), [(state.STYLE, "spotlight"), (state.GRID, "smooth"), (state.SCALE, "rank")]
    )
    def test_drawing_changes_pixels_and_no_number(self, app: AppTest, passes: list[str], key: str, value: str) -> None:
        app.run()
        before, scores = drawn(app), scores_of(app)
        passes.clear()
        app.segmented_control(key=key).set_value(value).run()
        assert passes == []
        assert set(before) != set(drawn(app))
        assert scores_of(app) == scores
        assert len(scores) > 1

    @pytest.mark.parametrize("scale", ["per map", "shared"])  # Grad-CAM has no bounds and so no scale to share
    def test_unbounded_values_have_a_colour_bar_each(self, app: AppTest, scale: str) -> None:
        app.run()
        app.segmented_control(key=state.SCALE).set_value(scale).run()
        bars = small(app).count("Colours from") - 1  # one is of the difference of two maps
        assert bars == len(titles()) - small(app).count("nothing to draw")

    def test_ranks_have_one_colour_bar(self, app: AppTest) -> None:
        app.run()
        app.segmented_control(key=state.SCALE).set_value("rank").run()
        assert small(app).count("Colours from 0 to 1 rank among cells") == 1
        assert small(app).count("Colours from") == 2  # the other is of the difference of two maps, which keeps its sign

    def test_networks_can_be_left_out(self, app: AppTest) -> None:
        app.run()
        app.pills(key=state.NETWORKS).set_value(["vit"]).run()
        assert len(drawn(app)) == 1
        app.pills(key=state.NETWORKS).set_value([]).run()
        assert not app.exception
        assert "No network is chosen" in app.info[0].value

    def test_the_address_restores_the_view(self, app: AppTest) -> None:
        app.query_params["map"] = "Own attention"
        app.query_params["picture"] = "A cup of espresso"
        app.run()
        assert app.selectbox(key=state.MAP_KIND).value == "own"
        assert app.selectbox(key=state.PICTURE).value == "coffee"

    def test_nonsense_in_the_address_is_ignored(self, app: AppTest) -> None:
        app.query_params["map"] = "teapot"
        app.query_params["networks"] = "teapot"
        app.run()
        assert not app.exception
        assert len(drawn(app)) == len(titles())


class TestUploads:
    """Pictures of the person's own."""

    def test_an_upload_is_shown_at_once(self, app: AppTest, photo: bytes) -> None:
        app.run()
        app.file_uploader(key=state.UPLOADS).upload("dog.png", photo, "image/png").run()
        assert not app.exception
        assert app.selectbox(key=state.PICTURE).options[-1] == "dog.png"
        assert "dog.png" in text(app)
        assert len(drawn(app)) == len(titles())

    @pytest.mark.parametrize(
        ("name", "contents", "told"),
        [
            ("broken.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 200, "broken.png"),
            ("notes.jpg", b"no picture at all", "Save it as JPEG or PNG"),
            ("empty.png", b"", "empty"),
            ("cut.png", photograph()[:3000], "end early or are damaged"),
        ],
    )
    def test_a_broken_file_gets_a_sentence_and_the_page_stays(
        self, app: AppTest, name: str, contents: bytes, told: str
    ) -> None:
        app.run()
        before = drawn(app)
        app.file_uploader(key=state.UPLOADS).upload(name, contents, "image/png").run()
        assert not app.exception
        assert len(app.error) == 1
        assert told in app.error[0].value.replace("\\", "")
        assert drawn(app) == before
        assert "on the cat" in text(app)

    def test_a_huge_picture_is_refused_by_its_header(self, app: AppTest) -> None:
        # 8,000 x 8,000 = 64 megapixels of one colour: a small file
        pixels = np.zeros((8000, 8000), dtype=bool)
        app.run()
        app.file_uploader(key=state.UPLOADS).upload("huge.png", one_bit_png(pixels), "image/png").run()
        assert not app.exception
        assert "40 megapixels" in app.error[0].value.replace("\\", "")

    def test_a_broken_file_does_not_cost_the_good_one(self, app: AppTest, photo: bytes) -> None:
        app.run()
        app.file_uploader(key=state.UPLOADS).upload("broken.png", b"nothing", "image/png")
        app.file_uploader(key=state.UPLOADS).upload("dog.png", photo, "image/png").run()
        assert len(app.error) == 1
        assert "dog.png" in text(app)

    def test_the_gallery_chooses_and_ignores_what_it_does_not_show(self, app: AppTest) -> None:
        app.run()
        app.selectbox(key=state.PICTURE).set_value("coffee").run()
        assert "A cup of espresso" in text(app)

    def test_a_hostile_file_name_stays_text(self, app: AppTest, photo: bytes) -> None:
        app.run()
        app.file_uploader(key=state.UPLOADS).upload("![x](https://example.org/x).png", photo, "image/png").run()
        assert not app.exception
        assert all("![x](https" not in element.value for element in app.markdown)


class TestFailures:
    """One network that cannot answer does not cost the others."""

    @pytest.fixture
    def blind_vit(self) -> Iterator[None]:
        """The ViT with weights that are not numbers, as after a failed training."""
        streamlit.cache_resource.clear()
        with torch.no_grad():
            next(service.network("vit").loaded.model.parameters()).fill_(float("nan"))
        yield
        streamlit.cache_resource.clear()

    def test_the_others_continue(self, app: AppTest, blind_vit: None) -> None:
        app.run()
        assert not app.exception
        assert len(app.error) == 1
        assert "NaN" in app.error[0].value
        assert [alt.split(":")[0] for alt in alts(app) if "Grad-CAM" in alt] == [
            title for title in titles() if title != "ViT"
        ]
        assert "on the cat" in text(app)

    def test_missing_weights_are_told_in_one_sentence(
        self, app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(zoo.cards, "__defaults__", (tmp_path,))  # a folder without networks
        app.run()
        assert not app.exception
        assert "cards.json" in app.error[0].value.replace("\\", "")


class TestDownloads:
    """The files hold what the page shows."""

    @pytest.fixture
    def comparison(self, photo: bytes) -> Comparison:
        picture = open_picture(photo, name="dog.png")
        region = Region.from_box("dog", (40, 45, 80, 90), picture.hw)
        readings = tuple(service.read(picture, name, MapChoice("own")) for name in ("se_resnet", "vit"))
        scores, _ = service.focus_rows(readings, region)
        selection = Selection(("se_resnet", "vit"), "own", None, "mean", (0.5, 0.5), "heat", "cells", "shared", 0.7)
        return downloads.comparison_of(picture, selection, Answers(readings, {}, scores), (region,), "The finding.")

    def test_the_picture_is_a_png_of_300_dots_per_inch_that_tells_how_it_was_made(self, comparison: Comparison) -> None:
        image = Image.open(io.BytesIO(comparison_png(comparison)))
        assert image.format == "PNG"
        assert image.size == pytest.approx((4000, 2250), abs=1)  # 13.333 x 7.5 inches
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        told = json.loads(image.text["Description"])
        assert told["picture"]["sha256"] == comparison.picture.sha256
        assert told["drawing"]["opacity"] == 0.7
        assert [panel["weights"] for panel in told["panels"]] == [
            zoo.cards()[name].sha256 for name in ("se_resnet", "vit")
        ]

    def test_the_table_holds_the_numbers_of_the_page(self, comparison: Comparison) -> None:
        rows = list(csv.DictReader(io.StringIO(scores_csv([comparison]).decode())))
        assert [row["network"] for row in rows] == [panel.title for panel in comparison.panels]
        for row, panel in zip(rows, comparison.panels, strict=True):
            assert panel.focus is not None
            assert float(row["share"]) == panel.focus.value
            # rows 40 to 80 of 120 and columns 45 to 90 of 180: a third times a quarter
            assert float(row["area"]) == pytest.approx(1 / 12)


def one_bit_png(pixels: np.ndarray) -> bytes:
    """A black and white PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()

"""Several named regions on the page "Dog vs grass", driven without a browser."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from attnviz.pictures import open_picture
from attnviz.regions import Region, region_file
from dashboard import service, state, told_regions
from dashboard.components.region_canvas import Drawing
from tests.dashboard.conftest import photograph

SPACE = "\N{NO-BREAK SPACE}"
LEFT, RIGHT = [0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]
"""Boxes as the browser sends them: left, top, right, bottom."""


@pytest.fixture(name="app")
def one_network(focus_page: AppTest) -> AppTest:
    """Regions need no more than one network."""
    app = focus_page
    app.query_params["networks"] = "SE-ResNet"
    app.query_params["picture"] = "A cup of espresso"
    return app


@pytest.fixture
def passes() -> Iterator[list[str]]:
    """Grows by a name each time a shared network runs."""
    ran: list[str] = []
    hooks = [
        service.network(name).loaded.model.register_forward_pre_hook(lambda *_args, name=name: ran.append(name))
        for name in ("se_resnet",)
    ]
    yield ran
    for hook in hooks:
        hook.remove()


def draw(app: AppTest, **drawing: object) -> None:
    """What the browser would send, then a run."""
    revision = app.session_state[state.CANVAS_SEED].revision
    app.session_state[state.CANVAS] = {"drawn": {"revision": revision, **drawing}}
    app.run()
    assert not app.exception


def add(app: AppTest, name: str) -> None:
    app.button(key="add_region").click().run()
    rename(app, name)


def rename(app: AppTest, name: str) -> None:
    next(one for one in app.text_input if one.label == "What is in the region?").set_value(name).run()
    assert not app.exception


def choose(app: AppTest, region_id: str) -> None:
    app.pills(key=f"{state.REGION_ACTIVE}_coffee").set_value(region_id).run()
    assert not app.exception


def listed(app: AppTest) -> list[str]:
    """Names in the list, the one in focus first."""
    return [told.name for told in app.session_state[state.REGION_LISTS]["coffee"].told]


def columns(app: AppTest) -> list[str]:
    return list(app.table[0].value.columns)


def uniform(app: AppTest) -> list[str]:
    """What the map that is the same everywhere scores in each region: its area."""
    table = app.table[0].value
    return [cell.replace(SPACE, " ") for cell in table[table["Map"] == "Uniform map"].iloc[0][1:]]


def two_halves(app: AppTest) -> None:
    app.run()
    rename(app, "cup")
    draw(app, boxes=[LEFT])
    add(app, "table")
    draw(app, boxes=[RIGHT])


class TestSeveral:
    def test_each_region_has_a_column_and_the_finding_compares_them(self, app: AppTest, passes: list[str]) -> None:
        app.run()
        passes.clear()
        two_halves(app)
        assert columns(app) == ["Map", "the cup", "the table"]
        assert uniform(app) == ["50 % · 1.0×", "50 % · 1.0×"]
        finding = next(one.value for one in app.markdown if "as chance" in one.value).replace("\\", "")
        assert "as much of its map on the cup as chance, the table " in finding
        assert passes == []  # no network runs for a region

    def test_the_shares_of_two_halves_add_up(self, app: AppTest) -> None:
        two_halves(app)
        row = app.table[0].value.iloc[0]
        shares = [int(row[name].split(SPACE)[0]) for name in ("the cup", "the table")]
        assert sum(shares) == pytest.approx(100, abs=1)  # whole percents of a whole

    def test_every_region_is_outlined_and_named_in_words(self, app: AppTest) -> None:
        two_halves(app)
        legend = next(one.proto.body for one in app.get("html") if "of the picture" in one.proto.body)
        assert "cup: 50" in legend
        assert "table: 50" in legend

    def test_a_name_that_is_taken_gets_a_number(self, app: AppTest) -> None:
        app.run()
        rename(app, "cup")
        add(app, "Cup")
        assert listed(app) == ["cup", "Cup 2"]
        assert any("this one is called Cup 2" in one.value.replace("\\", "") for one in app.caption)

    def test_another_region_can_be_put_in_focus_and_one_deleted(self, app: AppTest) -> None:
        two_halves(app)
        app.button(key="focus_region").click().run()
        assert listed(app) == ["table", "cup"]
        assert columns(app) == ["Map", "the table", "the cup"]
        app.button(key="delete_region").click().run()
        assert listed(app) == ["cup"]
        assert columns(app)[1] == "Share on the cup"
        app.button(key="delete_region").click().run()
        assert listed(app) == ["object"]  # an empty list starts again
        assert "Drag a box" in app.info[0].value

    def test_what_was_drawn_stays_while_another_region_is_changed(self, app: AppTest) -> None:
        two_halves(app)
        choose(app, "coffee")
        assert uniform(app) == ["50 % · 1.0×", "50 % · 1.0×"]
        draw(app, boxes=[[0.0, 0.0, 0.25, 1.0]])
        assert uniform(app) == ["25 % · 1.0×", "50 % · 1.0×"]

    def test_regions_stay_with_their_picture(self, app: AppTest) -> None:
        two_halves(app)
        app.selectbox(key=state.PICTURE).set_value("chelsea").run()
        assert "Share on the cat" in columns(app)
        app.selectbox(key=state.PICTURE).set_value("coffee").run()
        assert columns(app) == ["Map", "the cup", "the table"]

    def test_inverting_and_everything_else(self, app: AppTest) -> None:
        app.run()
        draw(app, boxes=[[0.0, 0.0, 0.25, 1.0]])
        app.toggle(key=f"{state.REGION_INVERTED}_coffee").set_value(True).run()
        assert app.table[0].value["Area share"].iloc[0] == f"75{SPACE}%"
        add(app, "rest")
        app.segmented_control(key=f"{state.REGION_SOURCE}_coffee.2").set_value("rest").run()
        assert uniform(app) == ["75 % · 1.0×", "25 % · 1.0×"]

    def test_the_dog_in_front_of_the_grass_is_left_out_of_it(self, app: AppTest) -> None:
        app.run()
        draw(app, boxes=[LEFT])
        add(app, "grass")
        draw(app, boxes=[[0.25, 0.0, 1.0, 1.0]])  # three quarters, a quarter of the picture in the left half
        assert uniform(app) == ["50 % · 1.0×", "50 % · 1.0×"]
        app.toggle(key=f"{state.REGION_APART}_coffee.2").set_value(False).run()
        assert uniform(app) == ["50 % · 1.0×", "75 % · 1.0×"]

    def test_a_region_inside_another_gets_a_sentence_and_costs_nothing(self, app: AppTest) -> None:
        app.run()
        rename(app, "dog")
        draw(app, boxes=[LEFT])
        add(app, "head")
        draw(app, boxes=[[0.1, 0.1, 0.2, 0.2]])
        assert "got all of it inside dog" in app.error[0].value.replace("\\", "")
        assert columns(app)[1] == "Share on the dog"
        assert app.session_state[state.REGION_LISTS]["coffee"].told[1].drawing.boxes == ((0.1, 0.1, 0.2, 0.2),)

    def test_a_picture_has_at_most_eight_regions(self, app: AppTest) -> None:
        app.run()
        for _ in range(told_regions.MOST_REGIONS - 1):
            app.button(key="add_region").click().run()
        assert app.button(key="add_region").disabled
        assert len(set(listed(app))) == told_regions.MOST_REGIONS


class TestDrawings:
    """What a drawing means, without the page."""

    PICTURE = open_picture(photograph(), name="square.png")  # bright: rows 40 to 80 of 120, columns 45 to 90 of 180

    def test_boxes_and_outlines_are_one_region(self) -> None:
        # a box over the left half and a triangle over half of the right half: 1/2 + 1/2 * 1/2
        drawing = Drawing(boxes=((0, 0, 1, 0.5),), polygons=(((0, 0.5), (0, 1), (1, 1)),))
        region, remark = told_regions.region_of_drawing(drawing, "dog", self.PICTURE)
        assert region.area == pytest.approx(0.75, abs=0.01)
        assert (region.name, remark) == ("dog", "")

    def test_the_object_is_cut_out_of_its_box(self) -> None:
        drawing = Drawing(boxes=((0.15, 0.1, 0.85, 0.7),), inside=((0.5, 0.4),), cut=True)
        region, remark = told_regions.region_of_drawing(drawing, "square", self.PICTURE)
        expected = Region.from_box("square", (40, 45, 80, 90), (120, 180)).mask_hw
        assert (region.mask_hw & expected).sum() / (region.mask_hw | expected).sum() > 0.95
        assert remark == ""

    def test_what_cannot_be_cut_out_stays_as_drawn_and_says_why(self) -> None:
        drawing = Drawing(boxes=((1 / 3, 0.25, 2 / 3, 0.5),), cut=True)  # the bright square itself
        region, remark = told_regions.region_of_drawing(drawing, "square", self.PICTURE)
        assert region.area == pytest.approx(1 / 12)
        assert remark.startswith("What you drew counts as it is. GrabCut of 'square' must cut something away")


class TestFiles:
    def open_files(self, app: AppTest) -> None:
        app.session_state[state.REGION_FILES] = True
        app.run()
        assert not app.exception

    def load(self, app: AppTest, name: str, contents: bytes) -> None:
        self.open_files(app)
        app.file_uploader(key=f"{state.REGION_FILE}_coffee").upload(name, contents, "application/zip").run()
        assert not app.exception

    def test_saved_regions_are_loaded_into_a_new_session(self, app: AppTest) -> None:
        picture = service.opened_sample("coffee")
        cup = Region.from_box("cup", (0, 0, 100, 600), picture.hw)  # 100 of 400 rows
        app.run()
        self.load(app, "coffee.regions.zip", region_file([cup, cup.invert("table")], picture))
        assert listed(app) == ["cup", "table"]  # in place of the region that was never drawn
        assert uniform(app) == ["25 % · 1.0×", "75 % · 1.0×"]
        app.run()
        assert listed(app) == ["cup", "table"]  # and only once

    def test_what_is_drawn_stays_beside_what_is_loaded(self, app: AppTest) -> None:
        picture = service.opened_sample("coffee")
        two_halves(app)
        self.load(app, "a.zip", region_file([Region.from_box("cup", (0, 0, 100, 600), picture.hw)], picture))
        assert listed(app) == ["cup", "table", "cup 2"]

    def test_regions_of_another_picture_are_refused_and_nothing_is_lost(self, app: AppTest) -> None:
        two_halves(app)
        other = open_picture(photograph())
        self.load(app, "a.zip", region_file([Region.from_box("dog", (0, 0, 10, 10), other.hw)], other))
        assert "must belong to this picture" in app.error[0].value.replace("\\", "")
        assert listed(app) == ["cup", "table"]

    def test_regions_of_a_copy_are_loaded_when_asked_to(self, app: AppTest) -> None:
        picture = service.opened_sample("coffee")
        copy = type(picture).from_array(picture.rgb // 2, "copy.png")
        app.run()
        self.load(app, "a.zip", region_file([Region.from_box("cup", (0, 0, 100, 600), copy.hw)], copy))
        assert "another file of the same size" in app.error[0].value.replace("\\", "")
        app.checkbox(key=f"{state.REGION_FORCE}_coffee").set_value(True).run()
        assert listed(app) == ["cup"]

    def test_a_label_picture_gives_several_regions(self, app: AppTest) -> None:
        labels = np.zeros((400, 600), np.uint8)
        labels[:100], labels[300:] = 1, 2
        file = io.BytesIO()
        Image.fromarray(labels).save(file, "PNG")
        app.run()
        self.load(app, "labels.png", file.getvalue())
        assert listed(app) == ["label 1", "label 2"]
        assert uniform(app) == ["25 % · 1.0×", "25 % · 1.0×"]

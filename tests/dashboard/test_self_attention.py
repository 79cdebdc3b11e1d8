"""The page Self-attention, driven without a browser."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz import zoo
from attnviz.querying import attention_records
from dashboard import asked, layer_attention_panel, point_panel, service, state
from dashboard.sidebar import Entry
from tests.dashboard.conftest import APP, SECONDS_A_RUN

SPACE = "\N{NO-BREAK SPACE}"
PAGE = "views/self_attention.py"


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


def opened(networks: tuple[str, ...], **query: str) -> AppTest:
    """The page with these networks, as a link opens it."""
    page = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN)
    page.session_state[state.NETWORKS] = []  # nothing to do on the first page
    page.run().switch_page(PAGE)  # only after a run is a page known whose address is not its file's name
    page.session_state[state.NETWORKS] = list(networks)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    shown = [element.value for element in (*page.markdown, *page.caption, *page.info)]
    return "\n".join(shown).replace(SPACE, " ").replace("\\", "")


@cache
def seen(name: str) -> attnviz.Trace:
    """What a network does with Chelsea, who is what the page shows first; by a network of our own."""
    loaded = attnviz.load(name)
    return attnviz.trace(loaded.model, loaded.preprocess(service.samples()[0].open()), allow_empty=True)


def truth(name: str, down: float, across: float, layer: int | None = None) -> attnviz.querying.QueryAnswer:
    """What the library says of Chelsea."""
    picture = service.samples()[0].open()
    point = (down * picture.hw[0], across * picture.hw[1])
    return attnviz.query(seen(name), point, layer, title=zoo.cards()[name].title)


class TestThePoint:
    def test_every_network_answers_for_the_same_place(self) -> None:
        names = ("se_resnet", "cbam_resnet", "vit", "swin")
        page = opened(names, point_x="70", point_y="30")
        for name in names:
            assert truth(name, 0.3, 0.7).sentence.replace(SPACE, " ") in words(page)

    def test_a_click_asks_another_place_and_runs_no_network(self, passes: list[str]) -> None:
        page = opened(("vit", "swin"))
        before = list(passes)
        for x, y in ((10, 90), (80, 20)):
            # what the callback of the component does with a point that a browser sent
            page.session_state[state.POINT_X], page.session_state[state.POINT_Y] = x, y
            page.run()
            assert not page.exception
            assert truth("vit", y / 100, x / 100).sentence.replace(SPACE, " ") in words(page)
        assert passes == before

    def test_layers_and_heads_run_no_network(self, passes: list[str]) -> None:
        page = opened(("vit", "swin"))
        before = list(passes)
        page.slider(key=state.DEPTH).set_value(0).run()
        assert truth("vit", 0.5, 0.5, layer=0).sentence.replace(SPACE, " ") in words(page)
        page.slider(key=state.ATTENTION_LAYER).set_value(2).run()
        page.selectbox(key=state.ATTENTION_HEAD).set_value(3).run()
        page.segmented_control(key=state.ATTENTION_FROM).set_value("class").run()
        page.selectbox(key=state.ATTENTION_OF).set_value("swin").run()
        assert not page.exception
        assert passes == before

    def test_a_point_that_was_let_go_is_not_answered(self) -> None:
        page = opened(("vit",))
        page.session_state[state.ATTENTION_LOOSE] = True
        page.run()
        assert "No point is kept" in words(page)
        page.number_input(key=state.POINT_X).set_value(20).run()
        assert truth("vit", 0.5, 0.2).sentence.replace(SPACE, " ") in words(page)


class TestOneNetwork:
    def test_the_numbers_of_the_heads_are_the_librarys(self) -> None:
        page = opened(("vit",), attention_layer="2", point_x="25", point_y="75")
        picture = service.samples()[0].open()
        rows = attnviz.querying.head_rows(seen("vit"), (0.75 * picture.hw[0], 0.25 * picture.hw[1]), 1).rows
        table = page.table[-1].value
        assert list(table["Spread"]) == [f"{row.entropy_share:.0%}" for row in rows]
        assert list(table["Distance, px"]) == [f"{row.distance_px:.0f}" for row in rows]

    def test_a_layer_that_another_network_does_not_have_gives_way(self) -> None:
        page = opened(("aa_resnet", "vit"), attention_of="vit", attention_layer="6", attention_head="9")
        assert page.slider(key=state.ATTENTION_LAYER).value == 6
        assert page.selectbox(key=state.ATTENTION_HEAD).value == 0
        page.selectbox(key=state.ATTENTION_OF).set_value("aa_resnet").run()
        assert not page.exception
        assert page.slider(key=state.ATTENTION_LAYER).value == 4  # AA-ResNet has four

    def test_the_class_token_is_offered_only_where_there_is_one(self) -> None:
        page = opened(("swin", "vit"), attention_of="swin")
        assert not [one for one in page.segmented_control if one.key == state.ATTENTION_FROM]
        page.selectbox(key=state.ATTENTION_OF).set_value("vit").run()
        assert page.segmented_control(key=state.ATTENTION_FROM).options == list(state.ASKERS.values())


def test_without_self_attention_the_gates_answer_and_a_network_is_offered() -> None:
    page = opened(("resnet_plain", "cbam_resnet"))
    assert "None of the chosen networks has self-attention" in words(page)
    assert "The spatial gate multiplies this place" in words(page)
    page.button(key="add_attention").click().run()
    assert not page.exception
    assert "vit" in page.session_state[state.NETWORKS]
    assert truth("vit", 0.5, 0.5).sentence.replace(SPACE, " ") in words(page)


def test_no_network_says_so() -> None:
    page = opened(())
    assert "No network is chosen" in words(page)


class TestTheSeed:
    """While points are chosen in the browser, nothing is sent there again."""

    @pytest.fixture
    def session(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
        session: dict[str, object] = {state.POINT_X: 50, state.POINT_Y: 50}
        monkeypatch.setattr("streamlit.session_state", session)
        return session

    def test_a_point_from_the_browser_changes_nothing_that_is_sent(self, session: dict[str, object]) -> None:
        entry = Entry("chelsea", "Chelsea", service.samples()[0].open())
        first = point_panel.revision_of(entry, asked.point_now())
        assert first[1] == (50, 50)
        for point in ((40, 70), None, (0, 100)):
            point_panel.keep(point)
            assert asked.point_now() == point
            assert point_panel.revision_of(entry, point) == first

    def test_a_typed_point_and_another_picture_are_told_to_the_browser(self, session: dict[str, object]) -> None:
        chelsea, coffee = (Entry(one.name, one.title, one.open()) for one in service.samples()[:2])
        first = point_panel.revision_of(chelsea, asked.point_now())
        session[state.POINT_X] = 20
        second = point_panel.revision_of(chelsea, asked.point_now())
        third = point_panel.revision_of(coffee, asked.point_now())
        assert (second[1], third[1]) == ((50, 20), (50, 20))
        assert len({first[0], second[0], third[0]}) == 3
        # a page that is opened again starts with the point of now
        point_panel.start_over()
        assert point_panel.revision_of(coffee, asked.point_now())[0] != third[0]


def test_panels_for_the_browser_are_made_once() -> None:
    picture = service.samples()[0].open()
    one = asked.asked(picture, "vit")
    assert asked.point_panel(picture.sha256, "vit", 5, one) is asked.point_panel(picture.sha256, "vit", 5, one)
    assert len(one.attention) == len(attention_records(one.trace)) == 6
    assert [one.layer_at(depth) for depth in (0, 50, 100)] == [0, 2, 5]
    assert layer_attention_panel.MATRIX_CANVAS != point_panel.CANVAS


def test_a_point_at_the_far_edge_belongs_to_the_last_cell() -> None:
    picture = service.samples()[0].open()
    y, x = asked.source_point((100, 100), picture.hw)
    assert (y < picture.hw[0], x < picture.hw[1]) == (True, True)
    answer = asked.answer(asked.asked(picture, "vit"), (y, x), 100)
    assert answer.grid_hw is not None
    assert answer.cell == tuple(np.subtract(answer.grid_hw, 1))

"""The page of the networks, driven without a browser: cards, a checkpoint of one's own, pretrained networks."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from attnviz import zoo
from attnviz.export import scores_csv
from attnviz.focus import CENTRED_GAUSSIAN
from attnviz.models import build
from attnviz.pictures import Preprocessing, open_picture
from attnviz.render import MOST_PANELS
from attnviz.zoo import Card
from dashboard import card_facts, downloads, service, state, waiting
from dashboard.service import Answers, MapChoice
from dashboard.state import Selection
from dashboard.views import networks
from tests.dashboard.conftest import APP, SECONDS_A_RUN

PAGE = "views/networks.py"


def texts(app: AppTest) -> str:
    return "\n".join(element.value for kind in ("markdown", "success", "warning", "error", "caption") for element in
                     getattr(app, kind)).replace("\\", "")  # fmt: skip


def saved(model: nn.Module | dict[str, torch.Tensor]) -> bytes:
    file = io.BytesIO()
    torch.save(model.state_dict() if isinstance(model, nn.Module) else model, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def vit() -> nn.Module:
    torch.manual_seed(0)
    return build("vit", 3)


@pytest.fixture
def page() -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).switch_page(PAGE)
    page.session_state[state.NETWORKS] = ["resnet_plain"]
    page.run()
    assert not page.exception
    return page


class TestCards:
    def test_every_network_has_one(self, page: AppTest) -> None:
        said = texts(page)
        tables = "\n".join(str(table.value) for table in page.table)
        for card in zoo.cards().values():
            assert card.title in said
            assert f"{card.parameters:,}" in tables

    def test_measured_numbers_in_words(self) -> None:
        card = Card(
            "a", "A", "none", "vit", ("x",), Preprocessing(8, (0.5,) * 3, (0.5,) * 3), "",  1200,
            measured={
                "top1": [0.7, 0.68, 0.72],
                "multiply_adds": 1_500_000,
                "mean_gates": {"top1_difference": [-0.05, -0.07, -0.03]},
                "training_seconds": {"trunk": 120.0},
                "calibration": {"bins": [[0, 1, 2]]},
            },
            top1_by_short_side={"64": 0.5},
        )  # fmt: skip
        assert card_facts.measured_facts(card) == [
            ("first answer right", "70.0% (68.0 to 72.0)"),
            ("multiply-adds", "1,500,000"),
            ("gates at their mean: first answer right, difference", "-5.0 points (-7.0 to -3.0)"),
            ("training time: trunk", "2 min"),
            ("first answer right at 64 px", "50.0%"),
        ]
        assert ("Right", "70.0% (68.0 to 72.0) of 0 pictures") in card_facts.main_facts(card)
        assert ("Right", "not measured") in card_facts.main_facts(replace(card, measured={}))

    @pytest.mark.parametrize(
        ("interval", "verdict"),
        [((0.1, 0.05, 0.2), "more"), ((-0.1, -0.2, -0.05), "less"), ((0.1, -0.05, 0.2), "no difference told")],
    )
    def test_a_map_beside_a_blob_in_the_middle(self, interval: tuple[float, ...], verdict: str) -> None:
        card = replace(
            next(iter(zoo.cards().values())),
            measured={"focus": {"grad_cam": {"share": [0.5, 0.4, 0.6], "lift": [2.0, 1.5, 2.5], "hit": [0.9, 0.8, 1.0],
                                             "against": {CENTRED_GAUSSIAN: {"share": list(interval)}}}}},
        )  # fmt: skip
        (row,) = card_facts.focus_rows([card])
        assert (row["Map"], row["Share on the object"]) == ("Grad-CAM", "50.0% (40.0 to 60.0)")
        assert row["Beyond a centred blob"].endswith(verdict)

    @pytest.mark.parametrize(
        ("measured", "shown"),
        [
            ({"lift": [1.0, 1.0, 1.0]}, "1.00"),  # no width: no interval
            ({"lift": [0.947, 0.9388, 0.951]}, "0.95 (0.94 to 0.95)"),
            ({"share": [0.5, 0.5, 0.5]}, "50.0%"),
            ({"against": {"lift": [0.0007, 0.0001, 0.0013]}}, "+0.001 (0.000 to +0.001)"),
            ({"against": {"share": [-0.0001, -0.014, -0.0004]}}, "0.0 points (-1.4 to 0.0)"),  # no sign before a zero
            ({"against": {"share": [0.0002, 0.0001, 0.0003]}}, "0.0 points"),
        ],
    )
    def test_a_value_and_its_interval(self, measured: dict[str, object], shown: str) -> None:
        card = replace(next(iter(zoo.cards().values())), measured=measured, top1_by_short_side={})
        assert [value for _, value in card_facts.measured_facts(card)] == [shown]

    def test_all_that_was_measured_is_shown_of_the_chosen_network(self, page: AppTest) -> None:
        card = zoo.cards()["vit"]
        page.selectbox(key=state.MEASURED_OF).set_value("vit").run()
        assert not page.exception
        shown = next(table.value for table in page.main.table if "What" in table.value.columns)
        assert list(shown["What"]) == [what for what, _ in card_facts.measured_facts(card)]


class TestOwnCheckpoint:
    def test_a_dropped_file_joins_the_comparison(self, page: AppTest, vit: nn.Module) -> None:
        page.file_uploader(key=f"{state.CHECKPOINT}_0").upload("mine.pt", saved(vit))
        page.run()
        assert not page.exception
        assert "mine (vit) is now among the networks to compare." in texts(page)
        (name,) = page.session_state[state.ADDED_NETWORKS]
        assert page.session_state[state.NETWORKS] == ["resnet_plain", name]
        assert "share         100 %" in "\n".join(code.value for code in page.code)
        assert "default value" not in texts(page)  # Streamlit's own warning of a value that was set twice
        page.switch_page("views/compare.py").run()
        assert not page.exception
        shown = [picture.alt for element in page.main.image for picture in element.proto.imgs]
        assert any(alt.startswith("mine (vit): Grad-CAM for class ") for alt in shown)
        assert any(alt.startswith("ResNet: ") for alt in shown)

    def test_what_does_not_fit_costs_nothing_and_can_be_insisted_on(self, page: AppTest, vit: nn.Module) -> None:
        part = {name: tensor for name, tensor in vit.state_dict().items() if not name.startswith("head.")}
        page.selectbox(key=state.CHECKPOINT_ARCHITECTURE).set_value("vit")
        page.file_uploader(key=f"{state.CHECKPOINT}_0").upload("part.pt", saved(part))
        page.run()
        assert len(page.error) == 1
        assert "missing head.weight" in page.error[0].value.replace("\\", "")
        assert page.session_state[state.NETWORKS] == ["resnet_plain"]
        assert page.session_state[state.ADDED_NETWORKS] == {}
        page.checkbox(key=state.CHECKPOINT_PARTIAL).check().run()
        assert not page.error
        (one,) = page.session_state[state.ADDED_NETWORKS].values()
        assert one.loaded.card.untrained.startswith("untrained parts: 2 of ")
        page.switch_page("views/compare.py").run()
        assert "UNTRAINED PARTS: 2 OF " in texts(page)

    @pytest.mark.parametrize(
        ("name", "contents", "said"),
        [
            ("net.pt", b"", "an empty file"),
            ("net.pt", saved({}), "an empty mapping"),
            ("net.safetensors", b"x" * 100, "cut off, damaged or of another kind"),
            ("../../net.pt", b"PK\x03\x04" + b"x" * 50, "cut off, damaged or of another kind"),
        ],
    )
    def test_a_bad_file_gets_one_sentence(self, page: AppTest, name: str, contents: bytes, said: str) -> None:
        page.file_uploader(key=f"{state.CHECKPOINT}_0").upload(name, contents)
        page.run()
        assert not page.exception
        assert [said in error.value for error in page.error] == [True]
        assert page.session_state[state.NETWORKS] == ["resnet_plain"]

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_its_reading_can_be_stopped_and_go_on(
        self, page: AppTest, vit: nn.Module, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Streamlit ends a run where it next draws; here the bar does, in the middle of the work."""

        class Ended(BaseException):
            pass

        told: list[tuple[str, int, int]] = []

        def ends(self: waiting.Steps, stage: str, done: int, total: int) -> None:
            told.append((stage, done, total))
            if stage == "which network it fits":
                raise Ended

        with monkeypatch.context() as patch:
            patch.setattr(waiting.Steps, "stage", ends)
            page.file_uploader(key=f"{state.CHECKPOINT}_0").upload("mine.pt", saved(vit))
            page.run()
        assert told[0][0] == "its hash"
        assert page.session_state[state.ADDED_NETWORKS] == {}
        page.button(key="stop_checkpoint").click().run()
        assert not page.exception
        assert any("mine.pt was not read: it was stopped." in one.value.replace("\\", "") for one in page.info)
        assert page.session_state[state.ADDED_NETWORKS] == {}
        page.run()  # whatever else is done, it stays stopped
        assert page.session_state[state.ADDED_NETWORKS] == {}
        page.button(key="go_on_checkpoint").click().run()
        assert not page.exception
        assert len(page.session_state[state.ADDED_NETWORKS]) == 1
        assert [one for one in page.button if one.key in ("stop_checkpoint", "go_on_checkpoint")] == []

    def test_it_can_be_taken_away(self, page: AppTest, vit: nn.Module) -> None:
        page.file_uploader(key=f"{state.CHECKPOINT}_0").upload("mine.pt", saved(vit))
        page.run()
        next(button for button in page.button if button.label == "Take it away").click().run()
        assert not page.exception
        assert page.session_state[state.ADDED_NETWORKS] == {}
        assert page.session_state[state.NETWORKS] == ["resnet_plain"]

    def test_other_sessions_do_not_have_it(self, page: AppTest, vit: nn.Module) -> None:
        page.file_uploader(key=f"{state.CHECKPOINT}_0").upload("mine.pt", saved(vit))
        page.run()
        other = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).switch_page(PAGE)
        (name,) = page.session_state[state.ADDED_NETWORKS]
        other.session_state[state.NETWORKS] = ["resnet_plain", name]
        other.run()
        assert not other.exception
        assert other.session_state[state.NETWORKS] == ["resnet_plain"]
        assert "mine" not in texts(other)


class TestExports:
    def test_untrained_parts_stand_in_the_table(self, tmp_path: Path, vit: nn.Module, photo: bytes) -> None:
        part = {name: tensor for name, tensor in vit.state_dict().items() if not name.startswith("head.")}
        torch.save(part, tmp_path / "part.pt")
        loaded = zoo.load_checkpoint(tmp_path / "part.pt", "vit", allow_partial=True)
        name = service.add(service.Network(loaded, networks.Lock()))
        try:
            picture = open_picture(photo, name="one.png")
            reading = service.read(picture, name, MapChoice("gradcam"))
            selection = Selection((name,), "gradcam", None, "mean", (0.5, 0.5), "heat", "cells", "per map", 0.9)
            comparison = downloads.comparison_of(picture, selection, Answers((reading,), {}), (), "")
        finally:
            panel = service.panel_of(reading, {})
            service.remove(name)
        (row,) = csv.DictReader(io.StringIO(scores_csv([comparison]).decode()))
        assert (row["trained"], row["untrained"]) == ("False", loaded.card.untrained)
        assert row["weights"] == loaded.card.sha256
        assert panel.warnings == (loaded.card.untrained,)
        assert comparison.provenance()["panels"][0]["untrained"] == loaded.card.untrained  # type: ignore[index, call-overload]


class TestHowManyAreShown:
    def test_more_than_a_figure_holds_are_told_of(self, page: AppTest) -> None:
        every = list(zoo.names())
        assert len(every) > MOST_PANELS
        page.session_state[state.NETWORKS] = every
        page.run()
        assert any(
            f"Only the first {MOST_PANELS} of {len(every)} networks are shown" in one.value for one in page.warning
        )


class TestPretrained:
    def test_without_a_network_one_sentence(
        self, page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(zoo.pretrained.CACHE_VARIABLE, str(tmp_path))
        monkeypatch.setenv(zoo.pretrained.MIRROR_VARIABLE, "http://127.0.0.1:9")  # nothing listens there
        page.button(key="add_pretrained").click().run()
        assert not page.exception
        (error,) = page.error
        assert "Check the network connection" in error.value.replace("\\", "")
        assert page.session_state[state.NETWORKS] == ["resnet_plain"]

"""What the views call: regions, rankings, own maps, and caches that tell pictures apart."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from attnviz import comparing, maps, zoo
from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region
from dashboard import service
from dashboard.service import MapChoice, Reading


def box_of(mask_hw: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask_hw)
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1


def test_a_box_in_shares_becomes_pixels_of_the_source() -> None:
    # a quarter of 40 rows is 10, half is 20; a tenth of 60 columns is 6, all of them 60
    region = service.region_of_boxes("dog", [(0.25, 0.1, 0.5, 1.0)], (40, 60))
    assert region.name == "dog"
    assert box_of(region.mask_hw) == (10, 6, 20, 60)
    assert region.mask_hw.sum() == 10 * 54


def test_several_boxes_are_one_region_and_overlaps_count_once() -> None:
    region = service.region_of_boxes("dog", [(0, 0, 0.5, 0.5), (0, 0.25, 0.5, 0.75)], (40, 60))
    # rows 0 to 20, columns 0 to 45
    assert region.mask_hw.sum() == 20 * 45
    assert region.name == "dog"


def test_no_box_and_a_box_over_everything_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="at least one box"):
        service.region_of_boxes("dog", [], (40, 60))
    with pytest.raises(ValueRangeError, match="leave some of the picture out"):
        service.region_of_boxes("dog", [(0, 0, 1, 1)], (40, 60))


def test_the_middle_of_a_bent_region_lies_inside_it() -> None:
    mask = np.zeros((30, 30), dtype=bool)
    mask[:, :4] = mask[26:] = True  # an L, whose centre of mass lies outside
    row, column = comparing.middle_of(Region("l", mask))
    assert mask[int(row), int(column)]


def test_the_middle_of_a_box_is_its_middle() -> None:
    # rows 10 to 20 hold pixels 10..19 with mean 14.5: pixels 14 and 15 are equally near, the first is taken
    assert comparing.middle_of(Region.from_box("box", (10, 20, 20, 41), (40, 60))) == (14.5, 30.5)


def test_classes_are_ranked_by_softmax() -> None:
    # exp(ln 3) = 3, exp(0) = 1, exp(ln 4) = 4: shares 3/8, 1/8, 4/8
    ranked = comparing.ranked(torch.tensor([3.0, 1.0, 4.0]).log(), ("a", "b", "c"))
    assert [name for name, _ in ranked] == ["c", "a", "b"]
    assert [probability for _, probability in ranked] == pytest.approx([0.5, 0.375, 0.125])


def reading(title: str, values_hw: np.ndarray) -> Reading:
    one = AttentionMap(values_hw, "made here", (), "made here", "share", (0, 1), False, Geometry.identity((40, 60)))
    return Reading(title.lower(), title, one, (("tabby", 1.0),), "made here", None)


def test_a_map_of_zeros_has_no_score_and_costs_the_others_nothing() -> None:
    region = Region.from_box("left half", (0, 0, 40, 30), (40, 60))
    flat, empty = reading("Flat", np.ones((4, 6))), reading("Empty", np.zeros((4, 6)))
    scores, refused = service.focus_rows([flat, empty], region)
    assert list(scores) == ["Flat", UNIFORM, CENTRED_GAUSSIAN]
    # a flat map has half of its mass in half of the picture
    assert scores["Flat"].value == pytest.approx(0.5)
    assert scores["Flat"].lift == pytest.approx(1.0)
    assert list(refused) == ["Empty"]


class TestBundledNetworks:
    """With the bundled networks themselves."""

    @pytest.fixture
    def picture(self, picture_hwc: np.ndarray) -> Picture:
        return Picture.from_array(picture_hwc)

    @pytest.fixture
    def passes(self) -> Iterator[list[str]]:
        """Grows by a name each time a shared network runs."""
        ran: list[str] = []
        hooks = [
            service.network(name).loaded.model.register_forward_pre_hook(lambda *_args, name=name: ran.append(name))
            for name in zoo.names()
        ]
        yield ran
        for hook in hooks:
            hook.remove()

    @pytest.mark.parametrize(
        ("name", "method", "words"),
        [
            ("resnet_plain", maps.Activation, "No attention of its own"),
            ("se_resnet", maps.GatedActivation, "Gate-weighted activation"),
            ("cbam_resnet", maps.SpatialGateMap, "Spatial gate"),
            ("aa_resnet", maps.Received, "Attention received"),
            ("vit", maps.Rollout, "rollout"),
        ],
    )
    def test_own_attention_is_each_mechanisms_own_number(
        self, name: str, method: type, words: str, picture: Picture
    ) -> None:
        found = service.read(picture, name, MapChoice("own"))
        assert words in found.what
        assert found.is_attention == (name != "resnet_plain")
        assert found.explained is None
        assert found.attention_map.method.startswith(method.__name__)

    def test_attention_from_a_point_is_the_row_of_that_cell(self, picture: Picture) -> None:
        mean = service.read(picture, "aa_resnet", MapChoice("own")).attention_map
        rows, columns = mean.grid_hw
        # the middle of the first cell of the grid, in source pixels
        point = (picture.hw[0] / rows / 2, picture.hw[1] / columns / 2)
        found = service.read(picture, "aa_resnet", MapChoice("own", point_yx=point))
        assert "row 1, column 1" in found.what
        assert "query=(0, 0)" in found.attention_map.method
        # a row of a self-attention matrix sums to 1
        assert found.attention_map.values_hw.sum() == pytest.approx(1.0, abs=1e-4)

    def test_a_second_look_runs_nothing(self, picture: Picture, passes: list[str]) -> None:
        service.read(picture, "se_resnet", MapChoice("gradcam"))
        assert set(passes) == {"se_resnet"}
        passes.clear()
        again = service.read(picture, "se_resnet", MapChoice("gradcam"))
        assert passes == []
        assert again.attention_map is service.read(picture, "se_resnet", MapChoice("gradcam")).attention_map

    def test_one_changed_pixel_is_another_picture(self, picture_hwc: np.ndarray, passes: list[str]) -> None:
        before = service.read(Picture.from_array(picture_hwc), "se_resnet", MapChoice("own"))
        changed = picture_hwc.copy()
        changed[20, 30] = 255 - changed[20, 30]
        passes.clear()
        after = service.read(Picture.from_array(changed), "se_resnet", MapChoice("own"))
        assert passes == ["se_resnet"]
        assert (before.attention_map.values_hw != after.attention_map.values_hw).any()

    def test_answers_belong_to_their_picture(self, picture_hwc: np.ndarray) -> None:
        photograph, negative = picture_hwc, np.ascontiguousarray(255 - picture_hwc)
        first = service.read(Picture.from_array(photograph), "se_resnet", MapChoice("own"))
        second = service.read(Picture.from_array(negative), "se_resnet", MapChoice("own"))
        assert dict(first.predictions) != dict(second.predictions)

    def test_a_class_is_asked_by_its_name(self, picture: Picture) -> None:
        classes = service.network("vit").loaded.card.classes
        target = service.class_index("vit", classes[7])
        found = service.read(picture, "vit", MapChoice("gradcam", target=target))
        assert found.explained == classes[7]
        assert found.attention_map.target == 7
        assert service.class_index("vit", None) is None
        with pytest.raises(NotFoundError, match="unicorn"):
            service.class_index("vit", "unicorn")

    def test_a_slow_map_tells_how_far_it_is_and_can_be_stopped(self, picture: Picture) -> None:
        class Stopped(BaseException):
            """As Streamlit ends a run."""

        told: list[tuple[int, int]] = []

        def tell(done: int, total: int) -> None:
            told.append((done, total))
            if len(told) == 2:
                raise Stopped

        choice = MapChoice("occlusion")
        assert service.is_slow("occlusion")
        assert not service.is_slow("own")
        with pytest.raises(Stopped):
            service.read(picture, "se_resnet", choice, tell)
        assert 0 < told[0][0] < told[1][0] <= told[1][1]
        assert not service.is_read(picture, "se_resnet", choice)
        assert not service.network("se_resnet").lock.locked()

    def test_who_waits_for_a_network_is_told_so_and_a_stopped_run_frees_it(self) -> None:
        waited: list[tuple[int, int]] = []
        one = service.network("se_resnet")
        one.lock.acquire()

        def tell(done: int, total: int) -> None:
            waited.append((done, total))
            one.lock.release()  # the other session is done

        with pytest.raises(KeyboardInterrupt), service.running("se_resnet", tell):
            raise KeyboardInterrupt
        assert waited == [(0, 0)]
        assert not one.lock.locked()

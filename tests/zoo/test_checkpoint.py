"""Checkpoints of the user's own: what loads, what is refused, and in which words."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import attnviz
from attnviz import zoo
from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.models import build
from attnviz.records import untrained_of
from attnviz.zoo.checkpoint import load_checkpoint, unique
from attnviz.zoo.checkpoint_match import KeyMatch, MatchError
from tests.zoo.conftest import Save


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def same(model: nn.Module, other: nn.Module, x: Tensor) -> bool:
    with torch.no_grad():
        return torch.equal(model(x), other(x))


def with_prefix(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


class TestWhatLoads:
    def test_our_own_found_by_its_tensors(self, save: Save, vit: nn.Module, picture: Tensor) -> None:
        loaded = load_checkpoint(save(vit.state_dict()))
        assert same(loaded.model, vit, picture)
        card, match = loaded.card, loaded.match
        assert match is not None
        assert (card.architecture, card.origin, card.untrained) == ("vit", "file", "")
        assert card.classes == ("class 0", "class 1", "class 2", "class 3")
        assert card.preprocessing == zoo.cards()["vit"].preprocessing
        assert loaded.model.get_submodule(card.cam_layer)
        assert "mhsa" in card.mechanism
        assert (match.share, match.missing, match.unexpected) == (1.0, (), ())
        assert "vit found from the names and shapes" in match.notes
        assert untrained_of(loaded.model) == ""
        assert not any(module.training for module in loaded.model.modules())

    def test_safetensors_in_half_precision(self, tmp_path: Path, vit: nn.Module, picture: Tensor) -> None:
        save_file({name: tensor.half() for name, tensor in vit.state_dict().items()}, tmp_path / "net.safetensors")
        loaded = load_checkpoint(tmp_path / "net.safetensors")
        assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
        weight = dict(vit.named_parameters())["head.weight"]
        assert torch.equal(dict(loaded.model.named_parameters())["head.weight"], weight.half().float())

    @pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module.", "model.", "backbone.", "module.model."])
    def test_behind_a_prefix(self, save: Save, vit: nn.Module, picture: Tensor, prefix: str) -> None:
        loaded = load_checkpoint(save({"state_dict": with_prefix(vit.state_dict(), prefix)}), "vit")
        assert same(loaded.model, vit, picture)
        assert loaded.match is not None
        assert any(repr(prefix) in note for note in loaded.match.notes)

    def test_saved_by_data_parallel(self, save: Save, vit: nn.Module, picture: Tensor) -> None:
        state = nn.DataParallel(vit).state_dict()
        assert all(name.startswith("module.") for name in state)
        assert same(load_checkpoint(save(state)).model, vit, picture)

    def test_what_lies_beside_the_prefix_is_left_out_and_told(self, save: Save, vit: nn.Module) -> None:
        state = with_prefix(vit.state_dict(), "model.") | {"criterion.weight": torch.ones(4)}
        loaded = load_checkpoint(save({"state_dict": state}))
        assert loaded.match is not None
        assert "'model.' taken off the names; 1 tensors without it left out" in loaded.match.notes

    @pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_state", "model_state_dict", "net"])
    def test_inside_a_wrapper(self, save: Save, vit: nn.Module, picture: Tensor, wrapper: str) -> None:
        loaded = load_checkpoint(save({wrapper: vit.state_dict(), "epoch": 3, "optimizer": {"state": {}}}))
        assert same(loaded.model, vit, picture)

    @pytest.mark.parametrize("wrapper", ["model_ema", "ema", "state_dict_ema"])
    def test_averaged_weights_are_preferred(self, save: Save, vit: nn.Module, picture: Tensor, wrapper: str) -> None:
        other = build("vit", 4)
        average = torch.optim.swa_utils.AveragedModel(vit)
        assert "n_averaged" in average.state_dict()
        loaded = load_checkpoint(save({"model": other.state_dict(), wrapper: average.state_dict()}))
        assert same(loaded.model, vit, picture)
        assert loaded.match is not None
        assert f"read from {wrapper!r}; the file also holds 'model'" in loaded.match.notes

    def test_averaged_weights_that_are_not_whole_give_way(self, save: Save, vit: nn.Module, picture: Tensor) -> None:
        part = {name: tensor for name, tensor in vit.state_dict().items() if "head" not in name}
        loaded = load_checkpoint(save({"model": vit.state_dict(), "ema": part}))
        assert same(loaded.model, vit, picture)

    def test_of_torchvision_with_a_head_of_another_size(self, save: Save) -> None:
        from torchvision.models import resnet18

        torch.manual_seed(0)
        own = resnet18(num_classes=3).eval()
        loaded = load_checkpoint(save(own.state_dict()))
        assert same(loaded.model, own, torch.rand(1, 3, 64, 64))
        card = loaded.card
        assert (card.architecture, len(card.classes), card.cam_layer) == ("torchvision:resnet18", 3, "layer4")
        # torchvision's own transforms of ResNet-18: resize to 256, crop to 224
        assert (card.preprocessing.short_side, card.preprocessing.crop_hw) == (256, (224, 224))
        assert loaded.match is not None
        assert any("timm:resnet18" in note for note in loaded.match.notes)

    def test_of_timm_with_an_input_of_another_size(self, save: Save) -> None:
        import timm

        torch.manual_seed(0)
        own = timm.create_model("vit_tiny_patch16_224", img_size=64, num_classes=5).eval()
        loaded = load_checkpoint(save(own.state_dict()))
        x = torch.rand(1, 3, 64, 64)
        assert same(loaded.model, own, x)
        # 4 x 4 patches of 16 px; timm's crop_pct of this network is 0.9: floor(64 / 0.9) = 71
        assert loaded.card.architecture == "timm:vit_tiny_patch16_224"
        assert (loaded.card.preprocessing.short_side, loaded.card.preprocessing.crop_hw) == (71, (64, 64))
        assert loaded.card.preprocessing.mean == (0.5, 0.5, 0.5)
        assert attnviz.trace(loaded.model, x).records

    def test_of_a_network_that_computes_its_sizes_with_tensors(self, save: Save) -> None:
        from torchvision.models import regnet_y_400mf

        own = regnet_y_400mf(num_classes=2).eval()
        loaded = load_checkpoint(save(own.state_dict()), "torchvision:regnet_y_400mf")
        assert same(loaded.model, own, torch.rand(1, 3, 64, 64))
        assert loaded.card.mechanism == "se"

    def test_a_training_run_of_timm_that_names_its_network(self, save: Save) -> None:
        import timm

        own = timm.create_model("mobilenetv3_small_050", num_classes=2).eval()
        run = {
            "epoch": 1,
            "arch": "mobilenetv3_small_050",
            "state_dict": own.state_dict(),
            "args": argparse.Namespace(model="mobilenetv3_small_050", lr=0.1),
        }
        loaded = load_checkpoint(save(run, "model_best.pth.tar"))
        assert loaded.card.architecture == "timm:mobilenetv3_small_050"
        assert loaded.match is not None
        assert "timm:mobilenetv3_small_050 found in the file" in loaded.match.notes
        assert same(loaded.model, own, torch.rand(1, 3, 64, 64))

    def test_older_files_hold_what_networks_now_compute(self, save: Save, vit: nn.Module) -> None:
        state = vit.state_dict() | {"blocks.0.attn.relative_position_index": torch.zeros(4, 4, dtype=torch.long)}
        loaded = load_checkpoint(save(state), "vit")
        assert loaded.match is not None
        assert loaded.match.complete


class TestClasses:
    def test_from_a_list_and_from_a_file(self, save: Save, vit: nn.Module, tmp_path: Path) -> None:
        (tmp_path / "names.txt").write_text("\ufeffcat\n dog \n\nélan\nfox\n", encoding="utf-8")
        path = save(vit.state_dict())
        for given in (["cat", "dog", "élan", "fox"], tmp_path / "names.txt", str(tmp_path / "names.txt")):
            assert load_checkpoint(path, "vit", given).card.classes == ("cat", "dog", "élan", "fox")

    def test_from_the_checkpoint(self, save: Save, vit: nn.Module) -> None:
        numbered = save({"model": vit.state_dict(), "class_to_idx": {"d": 3, "a": 0, "c": 2, "b": 1}})
        assert load_checkpoint(numbered, "vit").card.classes == ("a", "b", "c", "d")
        listed = save({"model": vit.state_dict(), "classes": ["w", "x", "y", "z"]})
        assert load_checkpoint(listed, "vit").card.classes == ("w", "x", "y", "z")
        too_few = save({"model": vit.state_dict(), "classes": ["w", "x"]})
        assert load_checkpoint(too_few, "vit").card.classes[0] == "class 0"

    def test_equal_names_get_their_numbers(self) -> None:
        assert unique(["crane", "dog", "crane"]) == ("crane (0)", "dog", "crane (2)")

    def test_as_many_as_the_head_has_outputs(self, save: Save, vit: nn.Module) -> None:
        with pytest.raises(ValueRangeError, match=r"class names must be 4, one for each output; got 3\."):
            load_checkpoint(save(vit.state_dict()), "vit", ["a", "b", "c"])

    def test_a_list_that_is_no_text(self, save: Save, vit: nn.Module, tmp_path: Path) -> None:
        (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00\x01")
        with pytest.raises(ValueRangeError, match="must be a text file in UTF-8"):
            load_checkpoint(save(vit.state_dict()), "vit", tmp_path / "names.txt")
        with pytest.raises(ValueRangeError, match="must be a text file in UTF-8"):
            load_checkpoint(save(vit.state_dict()), "vit", tmp_path / "nowhere.txt")


class TestWhatDoesNotFit:
    def test_another_architecture(self, save: Save, vit: nn.Module) -> None:
        with pytest.raises(MatchError, match=r"net\.pt must hold every tensor of se_resnet and no other") as caught:
            load_checkpoint(save(vit.state_dict()), "se_resnet")
        assert "\n" not in str(caught.value)
        assert caught.value.match.share < 0.1

    def test_tensors_left_over_are_refused_too(self, save: Save) -> None:
        # every tensor of the plain network is in the file of its relative with gates
        with pytest.raises(MatchError, match="not in the network") as caught:
            load_checkpoint(save(build("se_resnet", 4).state_dict()), "resnet_plain")
        assert caught.value.match.missing == ()
        assert caught.value.match.unexpected

    def test_networks_with_the_same_tensors_must_be_told_apart(self, save: Save) -> None:
        path = save(build("cbam_resnet", 4).state_dict())
        with pytest.raises(ValueRangeError, match="fit cbam_resnet, cbam_spatial_first, which compute different"):
            load_checkpoint(path)
        assert load_checkpoint(path, "cbam_spatial_first").card.architecture == "cbam_spatial_first"

    def test_tensors_that_nobody_knows(self, save: Save) -> None:
        with pytest.raises(MatchError, match=r"got 1 tensors such as mystery\. Name the architecture"):
            load_checkpoint(save({"mystery": torch.ones(2)}))

    def test_no_such_architecture(self, save: Save, vit: nn.Module) -> None:
        with pytest.raises(NotFoundError, match="Nearest: 'torchvision:resnet18'"):
            load_checkpoint(save(vit.state_dict()), "torchvision:resnet19")
        with pytest.raises(NotFoundError, match="architecture must be one of"):
            load_checkpoint(save(vit.state_dict()), "hf-hub:somebody/something")


class TestPartly:
    @pytest.fixture
    def headless(self, save: Save, vit: nn.Module) -> Path:
        return save({name: one for name, one in vit.state_dict().items() if not name.startswith("head.")})

    def test_is_refused_unless_allowed(self, headless: Path) -> None:
        with pytest.raises(MatchError, match=r"missing head\.weight, head\.bias.*allow partial weights"):
            load_checkpoint(headless, "vit")

    def test_is_marked_everywhere(self, headless: Path, vit: nn.Module, picture: Tensor) -> None:
        total = sum(not name.endswith("num_batches_tracked") for name in vit.state_dict())
        words = f"untrained parts: 2 of {total} tensors"
        loaded = load_checkpoint(headless, "vit", allow_partial=True)
        assert loaded.card.untrained == words
        assert attnviz.trace(loaded.model, picture).untrained == words
        assert attnviz.explain(loaded.model, picture, attnviz.maps.GradCam()).untrained == words
        kept = dict(loaded.model.named_parameters())
        assert all(torch.equal(kept[name], one) for name, one in vit.named_parameters() if "head" not in name)

    def test_what_is_missing_is_equal_each_time_and_takes_no_luck_from_others(self, headless: Path) -> None:
        torch.manual_seed(5)
        before = torch.rand(1)
        torch.manual_seed(5)
        first = load_checkpoint(headless, "vit", allow_partial=True)
        assert torch.equal(torch.rand(1), before)
        second = load_checkpoint(headless, "vit", allow_partial=True)
        one, other = first.model.state_dict(), second.model.state_dict()
        assert all(torch.equal(one[name], other[name]) for name in one)

    def test_weights_of_the_wrong_shape_are_not_trained(self, save: Save, vit: nn.Module) -> None:
        name = "norm.weight"
        assert name in vit.state_dict()
        state = vit.state_dict() | {name: torch.zeros(2, 3)}
        loaded = load_checkpoint(save(state), "vit", allow_partial=True)
        assert loaded.match is not None
        assert list(loaded.match.wrong_shape) == [name]
        assert loaded.match.wrong_shape[name][0] == (2, 3)
        assert loaded.card.untrained.startswith("untrained parts: 1 of ")

    def test_not_where_nothing_fits(self, save: Save) -> None:
        with pytest.raises(MatchError):
            load_checkpoint(save({"mystery": torch.ones(2)}), "vit", allow_partial=True)


class TestTheReport:
    MATCH = KeyMatch("vit", ("a", "b"), ("c",), ("d",), {"e": ((1,), (2,))}, ("a note",))

    def test_share_counts_both_sides(self) -> None:
        # 2 fit, of c, e that are wanted and d that is left over: 2 of 5
        assert self.MATCH.share == pytest.approx(2 / 5)
        assert not self.MATCH.complete
        assert KeyMatch("vit", ()).share == 0.0
        assert not KeyMatch("vit", ()).complete

    def test_words(self) -> None:
        assert self.MATCH.untrained == "untrained parts: 2 of 4 tensors, wrong parts: 1 tensors of the file unused"
        lines = self.MATCH.text().splitlines()
        assert "share         40 %" in lines
        assert "missing       c" in lines
        assert "unexpected    d" in lines
        assert "wrong shape   e: (1,) in the file, (2,) in the network" in lines
        assert "note          a note" in lines

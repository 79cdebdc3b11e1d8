"""Checkpoints of the user's own: what loads, what is refused, and in which words."""

import argparse
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import attnviz
from attnviz import zoo
from attnviz.errors import AssetError, AttnvizError, NotFoundError, ValueRangeError
from attnviz.models import build
from attnviz.records import untrained_of
from attnviz.zoo import checkpoint_file
from attnviz.zoo.checkpoint import load_checkpoint, unique
from attnviz.zoo.checkpoint_match import KeyMatch, MatchError

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes an object as a checkpoint and gives the path."""

    def write(content: object, name: str = "net.pt") -> Path:
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture(scope="module")
def vit() -> nn.Module:
    torch.manual_seed(0)
    return build("vit", 4).eval()


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


class _Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.target,))


class TestBadFiles:
    """Each gets one sentence."""

    def sentence(self, path: Path) -> str:
        with pytest.raises(AssetError) as caught:
            load_checkpoint(path, "vit")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_a_malicious_pickle_runs_nothing(self, save: Save, vit: nn.Module, tmp_path: Path) -> None:
        target = tmp_path / "made by the pickle"
        path = save({"model": vit.state_dict(), "extra": _Evil(target)})
        assert "Nothing of it was run" in self.sentence(path)
        assert not target.exists()
        torch.load(path, weights_only=False)
        assert target.exists()  # the pickle does what it is meant to when somebody lets it

    def test_a_bare_pickle_runs_nothing(self, tmp_path: Path) -> None:
        target = tmp_path / "made"
        (tmp_path / "net.pt").write_bytes(pickle.dumps(_Evil(target), protocol=2))
        self.sentence(tmp_path / "net.pt")
        assert not target.exists()

    def test_a_whole_module(self, save: Save) -> None:
        assert "Save model.state_dict()" in self.sentence(save(nn.Linear(2, 2)))

    def test_a_scripted_module(self, tmp_path: Path) -> None:
        torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "net.pt"))
        assert "TorchScript" in self.sentence(tmp_path / "net.pt")

    @pytest.mark.parametrize("kind", ["net.pt", "net.safetensors"])
    @pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
    def test_cut_off(self, tmp_path: Path, vit: nn.Module, kind: str, share: float) -> None:
        path = tmp_path / kind
        (save_file if kind.endswith("s") else torch.save)(vit.state_dict(), path)  # type: ignore[operator]
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        said = self.sentence(path)
        assert ("empty file" in said) if share == 0 else ("cut off" in said)

    def test_three_gigabytes(self, tmp_path: Path) -> None:
        path = tmp_path / "net.pt"
        with path.open("wb") as file:
            file.truncate(3 << 30)  # sparse: takes no space
        assert "at most 2.0 GiB; got 3.0 GiB" in self.sentence(path)

    def test_a_file_that_unpacks_to_too_much(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checkpoint_file, "MOST_BYTES", 1 << 20)
        with zipfile.ZipFile(tmp_path / "net.pt", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", b"\0" * (2 << 20))
        assert (tmp_path / "net.pt").stat().st_size < 1 << 20
        assert "must unpack to at most" in self.sentence(tmp_path / "net.pt")

    def test_one_number_spread_over_a_huge_tensor(self, save: Save) -> None:
        path = save({"head.weight": torch.zeros(1).expand(1 << 20, 1 << 20)})
        assert path.stat().st_size < 10_000
        assert "of numbers" in self.sentence(path)

    def test_a_header_that_lies(self, tmp_path: Path) -> None:
        (tmp_path / "net.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
        self.sentence(tmp_path / "net.safetensors")

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (torch.ones(3), "one Tensor"),
            ({}, "an empty mapping"),
            ({"epoch": 3, "lr": 0.1}, "a mapping without tensors ('epoch', 'lr')"),
            ([torch.ones(2)], "one list"),
        ],
    )
    def test_no_named_tensors(self, save: Save, content: object, said: str) -> None:
        assert said in self.sentence(save(content))

    def test_weights_that_are_no_numbers(self, save: Save) -> None:
        assert "'a' must hold finite numbers" in self.sentence(save({"a": torch.tensor([1.0, torch.nan])}))
        assert "'a' must be a plain dense tensor" in self.sentence(save({"a": torch.eye(2).to_sparse()}))

    def test_weights_as_whole_numbers_are_refused(self, save: Save, vit: nn.Module) -> None:
        """Names and shapes fit, but without their scale the numbers are another network's."""
        state = {name: (100 * tensor).to(torch.int8) for name, tensor in vit.state_dict().items()}
        with pytest.raises(AssetError, match=r"must hold floating-point weights; got torch\.int8"):
            load_checkpoint(save(state), "vit")

    @pytest.mark.parametrize("name", ["model." * 3000 + "a", f"layer1.{'9' * 5000}.conv1.weight"])
    def test_endless_names_get_a_sentence(self, save: Save, name: str) -> None:
        """Such a name is thousands of prefixes, each of which would be tried, or a number too long to be read."""
        assert "at most 300 characters" in self.sentence(save({name: torch.ones(1)}))

    @pytest.mark.parametrize("name", ["patch_embed.proj.weight", "conv_proj.weight"])
    def test_single_numbers_under_the_names_of_weights_get_a_sentence(self, save: Save, name: str) -> None:
        others = ("blocks.0.attn.qkv.weight", "encoder.pos_embedding")
        state = dict.fromkeys((name, *others), torch.tensor(1.0))
        with pytest.raises(MatchError, match="must be one that is known by its tensors' names"):
            load_checkpoint(save(state))

    def test_no_file(self, tmp_path: Path) -> None:
        assert "No such file" in self.sentence(tmp_path / "nowhere.pt")
        assert "must be a file" in self.sentence(tmp_path)

    def test_another_kind_of_file(self, tmp_path: Path) -> None:
        (tmp_path / "net.onnx").write_bytes(b"x")
        assert "must end in .safetensors" in self.sentence(tmp_path / "net.onnx")
        (tmp_path / "net.pt").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 200)
        self.sentence(tmp_path / "net.pt")

    def test_every_error_is_ours(self) -> None:
        assert issubclass(MatchError, AttnvizError)

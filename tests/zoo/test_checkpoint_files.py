"""Files that are no good checkpoint: each is refused in one sentence, and nothing in it runs."""

import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from attnviz.errors import AssetError, AttnvizError
from attnviz.zoo import checkpoint_file
from attnviz.zoo.checkpoint import load_checkpoint
from attnviz.zoo.checkpoint_match import MatchError
from tests.zoo.conftest import Save


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

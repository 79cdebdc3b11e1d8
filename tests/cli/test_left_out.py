"""`attnviz query` and `attnviz layers` of several networks: those that cannot be asked are named, the others answer."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnviz.cli import main
from attnviz.cli.left_out import lacks_layer, nowhere


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)).save(path)
    return str(path)


def test_a_layer_that_only_one_network_has(photo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The transformer's blocks are none of a residual network's."""
    asked = ["query", photo, "--at", "50%,50%", "--model", "se_resnet", "--model", "vit", "--layer", "blocks.1.*"]
    out = tmp_path / "out"
    assert main([*asked, "--json", "--quiet", "--out", str(out), "--format", "png", "--dpi", "50"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert [row["network"] for row in told["figures"][0]["rows"]] == ["ViT"]
    assert told["figures"][0]["rows"][0]["layer"] == "blocks.1.attn"
    assert list(told["left_out"]) == ["SE-ResNet"]
    assert printed.err.splitlines() == [f"SE-ResNet is left out: {told['left_out']['SE-ResNet']}."]
    assert "'blocks.1.*'" in printed.err
    (figure,) = json.loads((out / "manifest.json").read_text("utf-8"))["figures"]
    assert [one["network"] for one in figure["answers"]] == ["ViT"]


def test_a_layer_that_no_network_has(photo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--model", "se_resnet", "--model", "vit", "--layer", "blocks.1.atn", "--quiet"]
    assert main(["query", photo, "--at", "50%,50%", *asked, "--out", str(tmp_path / "out")]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("--layer must name a layer of at least one of the networks; got 'blocks.1.atn', ")
    assert "none of SE-ResNet, ViT has" in sentence
    assert "Nearest: 'blocks.1.attn' (ViT)" in sentence
    assert not (tmp_path / "out").exists()


def test_a_head_that_only_one_network_has(photo: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Heads are counted from 1: ViT and Swin have 4 in the last layer; gates have none, and answer as ever."""
    networks = ["--model", "vit", "--model", "swin", "--model", "cbam_resnet"]
    asked = ["query", photo, "--at", "50%,50%", *networks, "--json", "--quiet"]
    assert main([*asked, "--head", "4"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["left_out"] == {}
    assert [row.get("heads") for row in told["figures"][0]["rows"]] == ["head 4", "head 4", None]
    assert main([*asked, "--head", "99"]) == 2
    sentence = capsys.readouterr().err
    assert "--head must be 1 to 4, the number of a head; got 99. ViT has 4, Swin has 4." in sentence


def test_a_head_of_a_network_with_more_heads(
    photo: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from attnviz.cli import picture_commands

    counts = iter([2, 4])
    monkeypatch.setattr(picture_commands, "head_count", lambda *_: next(counts))
    asked = ["query", photo, "--at", "50%,50%", "--model", "vit", "--model", "swin", "--head", "3", "--json", "--quiet"]
    assert main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["left_out"] == {"ViT": "it has no head 3, but heads 1 to 2"}
    assert [row["network"] for row in told["figures"][0]["rows"]] == ["Swin"]


@pytest.mark.parametrize("head", ["0", "-1", "1.5", "first", "²"])
def test_a_head_that_is_no_number_from_1(head: str, photo: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", photo, "--at", "1,1", f"--head={head}", "--model", "vit"]) == 2
    assert f"counted from 1, or max or mean; got '{head}'" in capsys.readouterr().err


def test_layers_of_networks_that_have_it(photo: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["layers", photo, "--model", "vit", "--model", "se_resnet", "--json", "--quiet"]
    assert main([*asked, "--layer", "blocks.0.attn"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [figure["name"] for figure in told["figures"]] == ["photo layers of ViT blocks.0.attn"]
    assert list(told["left_out"]) == ["SE-ResNet"]
    assert main([*asked, "--layer", "999"]) == 2
    assert "got '999', which none of ViT, SE-ResNet has" in capsys.readouterr().err


class TestWords:
    def test_a_layer_that_is_there(self) -> None:
        assert lacks_layer("a.b", ["a.b"]) == lacks_layer("a.*", ["a.b", "c"]) == ""

    def test_the_nearest_name(self) -> None:
        assert lacks_layer("attn1", ["stem", "attn2"]) == "it has no layer 'attn1'; nearest: 'attn2'"
        assert lacks_layer("attn1", []) == "it has no layer 'attn1', as it has no attention"

    def test_one_network(self) -> None:
        said = str(nowhere("x", {"ViT": ["blocks.0.attn"]}))
        assert said.startswith("--layer must name a layer of ViT; got 'x', which it does not have. `python -m attnviz")

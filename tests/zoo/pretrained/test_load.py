"""Loading: the weights of the file, the library's own classes and preprocessing, and UNTRAINED where there are none."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save as as_safetensors

import attnviz
from attnviz import zoo
from attnviz.errors import AssetError, NotFoundError
from attnviz.records import untrained_of
from attnviz.zoo.pretrained import CACHE_VARIABLE, cache_folder, catalogue, is_downloaded, libraries
from attnviz.zoo.pretrained.entries import Pretrained, entry_of
from tests.zoo.pretrained.file_server import Server

TORCHVISION = "mobilenet_v3_small"
TIMM = "deit_tiny_patch16_224.fb_in1k"

Change = Callable[..., Pretrained]


def as_pth(state: object) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def path_in(entry: Pretrained) -> str:
    return "/" + entry.address.split("/", 3)[3]


def serve(server: Server, change: Change, name: str, content: bytes) -> Pretrained:
    """Serve a file as the weights of a network, with the hash that its origin would publish."""
    entry = entry_of(name)
    sha256 = server.put(path_in(entry), content, reports=entry.origin == "timm")
    return change(name, sha256_prefix=sha256[:8]) if entry.origin == "torchvision" else entry


@pytest.mark.parametrize("name", [TORCHVISION, TIMM])
def test_the_weights_are_those_of_the_file(server: Server, cache: Path, change_entry: Change, name: str) -> None:
    """Downloaded once; the second time there is no server any more."""
    entry = entry_of(name)
    published = libraries.untrained_network(entry.origin, name).eval()
    with torch.no_grad():
        for parameter in published.parameters():  # else some biases and torchvision's heads of transformers are zero
            parameter.add_(torch.randn_like(parameter) * 0.01)
    state = published.state_dict()
    content = as_safetensors(state) if entry.origin == "timm" else as_pth(state)
    entry = serve(server, change_entry, name, content)
    assert not is_downloaded(entry)

    seen: list[tuple[int, int | None]] = []
    loaded = zoo.load_pretrained(name, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(content), len(content))
    assert is_downloaded(entry)
    assert {path.name.removeprefix(entry.file_name) for path in cache.iterdir()} == {"", ".json", ".lock"}

    again = zoo.load_pretrained(name)
    assert len(server.requests) == 1
    x = torch.randn(1, 3, *entry.input_hw)
    with torch.no_grad():
        for each in (loaded, again):
            assert not each.model.training
            torch.testing.assert_close(each.model(x), published(x))
    assert again.card == loaded.card
    assert loaded.card.untrained == untrained_of(loaded.model) == ""
    assert loaded.card.measured["weights checked"] == (
        "its sha256 is the one that the hub reports"
        if entry.origin == "timm"
        else "the first 8 digits of its sha256 are those in the file's name"
    )


def test_the_card_holds_what_the_library_states() -> None:
    card = zoo.load_pretrained(TORCHVISION, untrained=True).card
    assert (card.origin, card.name, card.classes[281], card.classes[967]) == (
        "torchvision", TORCHVISION, "tabby", "espresso",
    )  # fmt: skip
    assert len(card.classes) == 1000
    assert card.preprocessing.crop_hw == (224, 224)


@pytest.mark.parametrize("name", [TORCHVISION, TIMM, "seresnext26d_32x4d.bt_in1k", "botnet26t_256.c1_in1k"])
def test_untrained_is_the_true_architecture_marked_and_traceable(name: str, cache: Path) -> None:
    loaded = zoo.load_pretrained(name, untrained=True)
    entry = entry_of(name)
    assert sum(parameter.numel() for parameter in loaded.model.parameters()) == entry.parameters
    assert loaded.card.untrained == "untrained"
    assert (loaded.card.top1, loaded.card.sha256, loaded.card.trained_on) == (None, "", "")
    size = entry.input_hw if name in (TIMM, "botnet26t_256.c1_in1k") else (64, 64)
    trace = attnviz.trace(loaded.model, torch.randn(1, 3, *size), verify=True)
    assert trace.unproven == ()
    assert not trace.unread
    assert trace.untrained == "untrained"
    assert not cache.exists()


def one_of_each_mechanism() -> list[Pretrained]:
    """The network with the least to compute for each wording of the attention, but for none."""
    least: dict[str, Pretrained] = {}
    for entry in sorted(catalogue(), key=lambda entry: -entry.parameters * entry.input_hw[0] * entry.input_hw[1]):
        least[entry.mechanism] = entry
    del least["none"]
    return list(least.values())


@pytest.mark.slow
@pytest.mark.parametrize("entry", one_of_each_mechanism(), ids=lambda entry: entry.name)
def test_every_mechanism_of_the_catalogue_can_be_read(entry: Pretrained) -> None:
    loaded = zoo.load_pretrained(entry.name, untrained=True)
    trace = attnviz.trace(loaded.model, torch.randn(1, 3, *entry.input_hw), verify=True)
    assert trace.unproven == ()
    assert not trace.unread


def test_a_network_without_a_classifier_says_so() -> None:
    name = "vit_small_patch14_reg4_dinov2.lvd142m"
    assert "no classifier" in entry_of(name).note
    card = zoo.load_pretrained(name, untrained=True).card
    assert card.classes == ()


def test_a_file_that_was_changed_on_the_disk_is_refused(server: Server, cache: Path, change_entry: Change) -> None:
    state = libraries.untrained_network("torchvision", TORCHVISION).state_dict()
    serve(server, change_entry, TORCHVISION, as_pth(state))
    path = zoo.pretrained.download(TORCHVISION)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(AssetError, match=r"sha256 must be .*as when it was downloaded; got .*Delete the file"):
        zoo.load_pretrained(TORCHVISION)


def test_a_pickle_that_would_run_something_runs_nothing(
    server: Server, cache: Path, change_entry: Change, tmp_path: Path
) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
            return os.mkdir, (str(tmp_path / "it ran"),)

    serve(server, change_entry, TORCHVISION, as_pth({"weight": Malicious()}))
    with pytest.raises(AssetError, match="must hold the weights of mobilenet_v3_small"):
        zoo.load_pretrained(TORCHVISION)
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (TORCHVISION, as_pth({"another.weight": torch.zeros(3)})),
        (TORCHVISION, as_pth([1, 2])),
        (TORCHVISION, b"<html>please log in</html>"),
        (TIMM, as_safetensors({"another.weight": torch.zeros(3)})),
        (TIMM, as_safetensors({"another.weight": torch.zeros(300)})[:-4]),
        (TIMM, b"<html>please log in</html>"),
    ],
)
def test_a_file_of_something_else_gets_one_sentence(
    server: Server, cache: Path, change_entry: Change, name: str, content: bytes
) -> None:
    serve(server, change_entry, name, content)
    with pytest.raises(AssetError, match=f"must hold the weights of {name}; got") as error:
        zoo.load_pretrained(name)
    assert "\n" not in str(error.value)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="nearest: 'swin_t'"):
        zoo.load_pretrained("swin_tt")


def test_the_folder_of_weights_can_be_chosen(
    server: Server, change_entry: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "by variable"))
    assert cache_folder() == tmp_path / "by variable"
    serve(server, change_entry, TORCHVISION, b"not looked at by a download")
    path = zoo.pretrained.download(TORCHVISION, cache=tmp_path / "by argument")
    assert path.parent == tmp_path / "by argument"
    assert not (tmp_path / "by variable").exists()
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == tmp_path / "attnviz"

"""How far the reading of a checkpoint is: told in stages, each to its end, and what is raised there ends the work."""

from pathlib import Path

import pytest
import torch

from attnviz.models import build
from attnviz.zoo import checkpoint, load_checkpoint

Told = list[tuple[str, int, int]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(build("vit", 3).state_dict(), tmp_path / "mine.pt")
    return tmp_path / "mine.pt"


def listen(told: Told):  # type: ignore[no-untyped-def]
    return lambda stage, done, total: told.append((stage, done, total))


def test_every_byte_of_the_file_is_counted_and_every_stage_told(file: Path) -> None:
    told: Told = []
    load_checkpoint(file, progress=listen(told))
    size = file.stat().st_size
    assert [one[1:] for one in told if one[0] == "its hash"] == [(0, size), (size, size)]  # it has less than 16 MiB
    assert list(dict.fromkeys(one[0] for one in told)) == [
        "its hash",
        "its tensors",
        "looking for numbers without end",
        "which network it fits",
        "building the network",
    ]
    assert all(0 <= done <= total for _, done, total in told)
    tried = [one[1:] for one in told if one[0] == "which network it fits"]
    assert tried[1:] == [(number, len(tried) - 1) for number in range(len(tried) - 1)]  # the first does not know yet


def test_networks_with_the_same_tensors_are_counted_and_the_first_is_built_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """timm's ViT-tiny is also a DeiT-tiny: each rival is built and compared, after the first was built."""
    timm = pytest.importorskip("timm")
    torch.save(timm.create_model("vit_tiny_patch16_224").state_dict(), tmp_path / "tiny.pt")
    built: list[str] = []
    real = checkpoint._Fit.network

    def counted(self):  # type: ignore[no-untyped-def]
        if self.built is None:
            built.append(self.match.architecture)
        return real(self)

    monkeypatch.setattr(checkpoint._Fit, "network", counted)
    told: Told = []
    loaded = load_checkpoint(tmp_path / "tiny.pt", progress=listen(told))
    compared = [one[1:] for one in told if one[0] == "comparing networks that have the same tensors"]
    rivals = len(built) - 1
    assert rivals >= 1
    assert compared == [(done, 1 + 2 * rivals) for done in range(1 + 2 * rivals)]
    assert len(set(built)) == len(built)
    assert built[0] == loaded.card.architecture


@pytest.mark.parametrize("stage", ["its hash", "its tensors", "which network it fits", "building the network"])
def test_what_is_raised_there_ends_the_work(file: Path, stage: str) -> None:
    class Stopped(BaseException):
        pass

    def tell(now: str, done: int, total: int) -> None:
        if now == stage:
            raise Stopped

    before = torch.get_rng_state()
    with pytest.raises(Stopped):
        load_checkpoint(file, progress=tell)
    assert torch.equal(torch.get_rng_state(), before)
    assert load_checkpoint(file).card.architecture == "vit"  # and the next one is read

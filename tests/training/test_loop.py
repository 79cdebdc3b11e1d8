from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from attnviz.layers.residual_attention import SoftMask
from attnviz.models import build
from attnviz.training import loop
from attnviz.training.data import Split
from attnviz.training.recipe import Phase

CLASSES = ("n1", "n2", "n3")


def split(seed: int, count: int = 24) -> Split:
    rng = np.random.default_rng(seed)
    return Split(
        rng.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8),
        np.arange(count) % 3,
        np.zeros((count, 4), int),
        CLASSES,
    )


def phase(**changes: object) -> Phase:
    base = Phase("small", "se_resnet", "fifty", (16, 16), peak_rate=0.01, batch=8)
    return replace(base, **changes)  # type: ignore[arg-type]


def run(what: Phase, folder: Path) -> dict[str, torch.Tensor]:
    file = loop.train_phase(what, split(0), split(1, 6), folder, torch.device("cpu"), torch.float32)
    return torch.load(file, weights_only=True)["model"]


@pytest.mark.parametrize("changes", [{}, {"average": 0.5, "cutmix": 0.5, "erasing": 0.5}])
def test_a_stopped_run_goes_on_and_ends_at_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, float]
) -> None:
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole = run(phase(**changes), tmp_path / "whole")

    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)  # save after every step
    views, calls = loop.random_views, []

    def fail_at_the_fifth(*args: object, **kwargs: object) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return views(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "random_views", fail_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        run(phase(**changes), tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "small.pt").exists()
    again = run(phase(**changes), tmp_path / "stopped")
    assert len(calls) == 5 + 2  # six steps in all: four before the stop, two after it
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert not list((tmp_path / "stopped").glob("*.part*"))


def test_training_learns(tmp_path: Path) -> None:
    # Three flat colours are told apart after a few steps; chance is one third.
    pictures = np.zeros((30, 64, 64, 3), np.uint8)
    labels = np.arange(30) % 3
    pictures[np.arange(30), :, :, labels] = 255
    colours = Split(pictures, labels, np.zeros((30, 4), int), CLASSES)
    what = phase(architecture="vit", sizes_px=(16,) * 20, peak_rate=1e-3, batch=10, optimiser="adamw")
    file = loop.train_phase(what, colours, colours, tmp_path, torch.device("cpu"), torch.float32)
    model = build("vit", 3)
    model.load_state_dict(torch.load(file, weights_only=True)["model"])
    hits, _ = loop.hit_rates(
        loop.logits_of(model.eval(), colours, loop.Preprocessing(64, loop.MEAN, loop.STD)), torch.from_numpy(labels)
    )
    assert hits > 0.9


def test_transplant_takes_the_trunk_and_the_rows_of_the_shared_classes() -> None:
    trunk = build("resnet_plain", 3)
    target = build("aa_resnet", 2)
    fresh = loop.transplant(trunk.state_dict(), target, CLASSES, ("n3", "n1"))
    new, old = target.state_dict(), trunk.state_dict()
    assert torch.equal(new["fc.bias"], old["fc.bias"][[2, 0]])
    assert torch.equal(new["layer2.1.conv2.weight"], old["layer2.1.conv2.weight"])
    # 128 filters of the trunk, 32 of them replaced by attention
    assert torch.equal(new["layer3.0.conv1.conv.weight"], old["layer3.0.conv1.weight"][:96])
    assert all(".conv1." in name for name in fresh)
    assert {name.rsplit(".conv1.", 1)[1] for name in fresh} == {"rel_h", "rel_w", "qkv.weight", "out.weight"}


@pytest.mark.parametrize("name", ["se_resnet", "cbam_resnet"])
def test_a_network_with_fresh_gates_starts_from_what_the_trunk_knew(name: str) -> None:
    torch.manual_seed(0)
    trunk = build("resnet_plain", 3)
    trunk(torch.randn(8, 3, 32, 32))  # running statistics that are not zero and one
    target = build(name, 3)
    fresh = loop.transplant(trunk.state_dict(), target, CLASSES, CLASSES)
    assert fresh
    assert all(".attention." in key for key in fresh)
    x = torch.randn(2, 3, 32, 40)
    with torch.no_grad():
        torch.testing.assert_close(target.eval()(x), trunk.eval()(x), rtol=1e-4, atol=1e-5)


def test_residual_attention_with_closed_masks_computes_what_the_trunk_knew() -> None:
    torch.manual_seed(0)
    plain = build("resnet_plain", 3)
    plain(torch.randn(8, 3, 32, 32))  # running statistics that are not zero and one
    target = build("residual_attention", 3)
    fresh = loop.transplant(plain.state_dict(), target, CLASSES, CLASSES)
    assert {name.split(".")[2] for name in fresh} == {"mask"}
    new, old = target.state_dict(), plain.state_dict()
    assert torch.equal(new["layer2.1.trunk.conv1.weight"], old["layer2.1.conv1.weight"])
    masks = [module for module in target.modules() if isinstance(module, SoftMask)]
    assert len(masks) == 3
    for mask in masks:  # sigmoid(-100) is nothing, so (1 + M) T is T
        torch.nn.init.zeros_(mask.logits[-1].weight)
        torch.nn.init.constant_(mask.logits[-1].bias, -100.0)
    x = torch.randn(2, 3, 32, 40)
    with torch.no_grad():
        torch.testing.assert_close(target.eval()(x), plain.eval()(x), rtol=1e-4, atol=1e-5)


def test_a_last_layer_of_another_width_keeps_its_fresh_weights() -> None:
    plain = build("resnet_plain", 3)
    target = build("swin", 3)
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    fresh = loop.transplant(plain.state_dict(), target, CLASSES, CLASSES)
    new, old = target.state_dict(), plain.state_dict()
    assert new["fc.weight"].shape[1] != old["fc.weight"].shape[1]
    assert "fc.weight" in fresh
    assert torch.equal(new["fc.weight"], before["fc.weight"])
    # The stem and the first two stages are the trunk's; everything behind them is fresh.
    for name in ("stem.0.weight", "layer1.0.conv1.weight", "layer2.1.bn2.running_mean", "layer2.0.shortcut.0.weight"):
        assert torch.equal(new[name], old[name])
    assert all(name.startswith(("layer3.", "layer4.", "norm.", "fc.weight")) for name in fresh)
    assert {name for name in new if name.startswith(("layer3.", "layer4.", "norm."))} <= set(fresh)


def test_a_student_imitates_its_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(loop.PHASES, "master", phase(name="master", architecture="resnet_plain"))
    run(phase(name="master", architecture="resnet_plain"), tmp_path)
    model, rows = loop._teacher(phase(teacher="master"), ("n2", "n1"), tmp_path, torch.device("cpu"))
    assert rows == [1, 0]
    assert model is not None
    views = torch.randn(4, 3, 16, 16)
    with torch.no_grad():
        same = loop._imitation(model(views)[:, rows], model, views, rows)
        other = loop._imitation(torch.zeros(4, 2), model, views, rows)
    assert float(same) == pytest.approx(0.0, abs=1e-6)  # a distribution is at no distance from itself
    assert other > same


def test_norms_and_biases_are_not_decayed() -> None:
    model = build("vit", 3)
    decayed, rest = loop.optimiser_of(phase(optimiser="adamw", weight_decay=0.1), model).param_groups
    assert decayed["weight_decay"] == 0.1
    assert rest["weight_decay"] == 0.0
    assert any(p is model.positions for p in rest["params"])
    assert all(p.ndim > 1 for p in decayed["params"])
    assert len(decayed["params"]) + len(rest["params"]) == len(list(model.parameters()))


def test_a_strided_kernel_is_taken_over_as_a_centred_one() -> None:
    trunk = build("resnet_plain", 3, centred=False)
    target = build("resnet_plain", 3)
    assert loop.transplant(trunk.state_dict(), target, CLASSES, CLASSES) == []
    old, new = trunk.state_dict(), target.state_dict()
    assert torch.equal(new["layer2.0.conv2.weight"], old["layer2.0.conv2.weight"])
    # What the 4x4 kernel gives is the mean of what the 3x3 one gives at four neighbouring places.
    x = torch.randn(1, 3, 12, 16)
    everywhere = torch.nn.functional.conv2d(x, old["stem.0.weight"], padding=1)
    with torch.no_grad():
        torch.testing.assert_close(target.stem[0](x), torch.nn.functional.avg_pool2d(everywhere, 2))

"""The report from end to end, on a small folder laid out like the data set and two networks with random weights."""

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from attnviz.errors import AssetError, NotFoundError, ValueRangeError
from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM
from attnviz.models import build
from attnviz.pictures import Preprocessing
from attnviz.training import measure, report, tried
from attnviz.training.augment import MEAN, STD
from attnviz.training.classes import FIFTY
from attnviz.training.publish import write_card
from attnviz.zoo import Card, cards

WNIDS = tuple(FIFTY)[:3]
PER_CLASS = 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of four validation pictures. The first box is the whole picture, the others are the left half."""
    root = tmp_path_factory.mktemp("data") / "tiny-imagenet-200"
    (root / "val" / "images").mkdir(parents=True)
    (root / "wnids.txt").write_text("\n".join(WNIDS))
    rng = np.random.default_rng(0)
    lines = []
    for number in range(len(WNIDS) * PER_CLASS):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file, "JPEG")
        (root / "val" / "images" / f"val_{number}.JPEG").write_bytes(file.getvalue())
        right = 63 if number == 0 else 31
        lines.append(f"val_{number}.JPEG\t{WNIDS[number % 3]}\t0\t0\t{right}\t63")
    (root / "val" / "val_annotations.txt").write_text("\n".join(lines))
    return root.parent


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain network, and CBAM without its trained gates, each with random weights and a card."""
    folder = tmp_path_factory.mktemp("weights")
    for name in ("resnet_plain", "cbam_resnet"):
        torch.manual_seed(1)
        model = build(name, 3)
        content = save(model.state_dict())
        (folder / f"{name}.safetensors").write_bytes(content)
        card = Card(
            name=name,
            title=name.upper(),
            mechanism="none",
            architecture=name,
            classes=tuple(FIFTY[wnid] for wnid in WNIDS),
            preprocessing=Preprocessing(32, MEAN, STD),
            cam_layer="layer4",
            parameters=sum(p.numel() for p in model.parameters()),
            file=f"{name}.safetensors",
            sha256=hashlib.sha256(content).hexdigest(),
            top1=0.5,
        )
        write_card(card, folder)
    return folder


@pytest.fixture(scope="module")
def done(data: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("out")
    torch.save({"model": {}, "seconds": 120.0}, out / "cbam_resnet.pt")
    page = report.report(data, out, folder=weights, to=out / "docs" / "page.md", rows=out / "none.json")
    return out, page.read_text(encoding="utf-8")


def test_the_cards_keep_what_they_had_and_gain_the_numbers(done: tuple[Path, str], weights: Path) -> None:
    card = cards(weights)["cbam_resnet"]
    assert card.top1 == 0.5
    measured = card.measured
    assert measured["training_seconds"] == {"cbam_resnet": 120.0}
    assert measured["pictures"] == 12
    value, low, high = measured["top1"]
    assert 12 * value == pytest.approx(round(12 * value), abs=1e-2)
    assert low < value < high or value in (0, 1)
    boxes = measured["boxes"]
    assert (boxes["pictures"], boxes["whole"]) == (11, 1)
    # Every box that counts is the left half: the uniform map scores one half, and so does the centred Gaussian.
    assert boxes[UNIFORM]["share"] == [0.5, 0.5, 0.5]
    assert boxes[CENTRED_GAUSSIAN]["share"] == pytest.approx([0.5, 0.5, 0.5])
    assert boxes[UNIFORM]["lift"] == [1, 1, 1]


def test_every_map_stands_beside_what_it_is_compared_with(done: tuple[Path, str], weights: Path) -> None:
    focus = cards(weights)["cbam_resnet"].measured["focus"]
    assert set(focus) == {"grad_cam", "spatial_gate", "gated_activation", "ungated_activation"}
    everywhere = {UNIFORM, CENTRED_GAUSSIAN, "untrained"}
    assert set(focus["spatial_gate"]["against"]) == everywhere
    assert set(focus["gated_activation"]["against"]) == everywhere | {"gates at their mean", "before the gate"}
    assert set(focus["grad_cam"]["against"]) == everywhere | {"gates at their mean", "RESNET_PLAIN"}
    share = focus["spatial_gate"]["share"][0]
    assert focus["spatial_gate"]["against"][UNIFORM]["share"][0] == pytest.approx(share - 0.5, abs=2e-4)
    # Boxes of one half: the lift is twice the share.
    assert focus["spatial_gate"]["lift"][0] == pytest.approx(2 * share, abs=3e-4)
    plain = cards(weights)["resnet_plain"].measured
    assert set(plain["focus"]) == {"grad_cam"}
    assert "mean_gates" not in plain


def test_the_page_says_what_the_cards_say(done: tuple[Path, str], weights: Path) -> None:
    _, page = done
    measured = cards(weights)["cbam_resnet"].measured
    value, low, high = measured["focus"]["spatial_gate"]["share"]
    assert f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})" in page
    assert "Scored are 11 pictures. The box of 1 more is the whole picture" in page
    assert "| CBAM_RESNET | none |" in page
    assert "2 min" in page
    _, lowest, _ = measured["focus"]["spatial_gate"]["against"][CENTRED_GAUSSIAN]["share"]
    assert ("**CBAM_RESNET, spatial gate** does not beat the centre" in page) == (lowest <= 0)
    assert "nan" not in page.lower()
    # Each table is whole: its rows have as many cells as its head.
    for block in page.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count(" | ") for line in block.splitlines()}) == 1


def test_a_second_run_measures_nothing_and_says_the_same(
    done: tuple[Path, str], data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, page = done

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(measure, "batch_pass", refuse)
    again = report.report(data, out, folder=weights, to=out / "again.md", rows=out / "none.json")
    assert again.read_text(encoding="utf-8") == page


def test_other_weights_are_measured_anew(done: tuple[Path, str], data: Path, weights: Path) -> None:
    out, _ = done
    kept = {file.name for file in (out / "report").glob("*.npz")}
    card = cards(weights)["resnet_plain"]
    model = build("resnet_plain", 3)
    content = save(model.state_dict())
    folder = out / "other"
    folder.mkdir()
    (folder / card.file).write_bytes(content)
    write_card(replace(card, sha256=hashlib.sha256(content).hexdigest()), folder)
    report.report(data, out, folder=folder, to=out / "other.md", rows=out / "none.json")
    assert len({file.name for file in (out / "report").glob("*.npz")} - kept) == 2


def test_a_limited_run_changes_no_card_and_not_the_page(done: tuple[Path, str], data: Path, weights: Path) -> None:
    out, page = done
    before = (weights / "cards.json").read_bytes()
    target = out / "docs" / "page.md"
    written = report.report(data, out, ["resnet_plain"], 5, folder=weights, to=target, rows=out / "none.json")
    assert (weights / "cards.json").read_bytes() == before
    assert target.read_text(encoding="utf-8") == page
    assert "Measured on 5 and 12 validation pictures" in written.read_text(encoding="utf-8")


def test_what_cannot_be_measured_is_refused(data: Path, weights: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cbam_resnet"):
        report.report(data, tmp_path, ["cbam_resnt"], folder=weights)
    with pytest.raises(ValueRangeError, match="limit must be at least 1; got 0"):
        report.report(data, tmp_path, limit=0, folder=weights)


def test_a_finished_phase_gets_its_row_and_gets_it_once(data: Path, tmp_path: Path) -> None:
    rows = tmp_path / "tried.json"
    model = build("cbam_resnet", 3)
    torch.save(
        {"model": model.state_dict(), "wnids": list(WNIDS), "seconds": 90.0}, tmp_path / "cbam_resnet_short_1.pt"
    )
    first = tried.measure_checkpoint("cbam_resnet_short_1", data, tmp_path, path=rows)
    assert first.minutes == 1.5
    assert set(first.top1) == set(first.top5) == {"64", "72"}
    assert first.changed == "architecture cbam_resnet, seed 1"
    assert set(first.top5.values()) == {1.0}  # three classes
    second = tried.measure_checkpoint("cbam_resnet_short_1", data, tmp_path, "another word", rows)
    assert [row["name"] for row in json.loads(rows.read_text())] == ["cbam_resnet_short_1"]
    assert tried.tried(rows) == [second]
    assert tried.measure_checkpoint("cbam_resnet_short_1", data, tmp_path, path=rows).changed == "another word"
    with pytest.raises(AssetError, match="Train the phase first"):
        tried.measure_checkpoint("cbam_resnet_short_2", data, tmp_path, path=rows)
    with pytest.raises(NotFoundError, match="nearest"):
        tried.measure_checkpoint("cbam_resnet_shrt_2", data, tmp_path, path=rows)


def test_a_network_of_windows_is_tried_at_sizes_that_fit(data: Path, tmp_path: Path) -> None:
    model = build("swin", 3)
    torch.save({"model": model.state_dict(), "wnids": list(WNIDS), "seconds": 60.0}, tmp_path / "swin.pt")
    row = tried.measure_checkpoint("swin", data, tmp_path, path=tmp_path / "tried.json")
    assert set(row.top1) == {"64", "80"}

"""What `python -m attnviz checkpoint` prints."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from attnviz.zoo.cards import Card
from attnviz.zoo.checkpoint import load_checkpoint
from attnviz.zoo.checkpoint_match import KeyMatch, MatchError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "file", type=Path, help=".safetensors, or .pt or .pth saved with torch.save; nothing in it is run"
    )
    parser.add_argument("--architecture", help="as 'vit' or 'timm:resnet18'; default: found from the file")
    parser.add_argument("--classes", help="text file with the name of one class on each line, or 'imagenet'")
    parser.add_argument("--allow-partial", action="store_true", help="load it although tensors do not fit")
    parser.add_argument("--json", action="store_true", help="print JSON for a program")
    parser.set_defaults(command=print_report)


def print_report(options: argparse.Namespace) -> None:
    """Print which tensors fit, and what the network is.

    Raises:
        AttnvizError: the file cannot be loaded. Where tensors do not fit, the report is printed first.
    """
    try:
        loaded = load_checkpoint(options.file, options.architecture, options.classes, options.allow_partial)
    except MatchError as error:
        print(_json(error.match, None) if options.json else error.match.text())
        raise
    assert loaded.match is not None
    if options.json:
        print(_json(loaded.match, loaded.card))
    else:
        print(loaded.match.text())
        print(_about(loaded.card))


def _json(match: KeyMatch, card: Card | None) -> str:
    """The report for a program; `network` is null where the file could not be loaded."""
    network = None
    if card is not None:
        shown = card.preprocessing
        network = {
            "name": card.name,
            "attention": card.mechanism,
            "parameters": card.parameters,
            "short_side": shown.short_side,
            "crop_hw": shown.crop_hw,
            "classes": card.classes,
            "cam_layer": card.cam_layer,
            "sha256": card.sha256,
            "untrained": card.untrained,
        }
    told = asdict(match) | {"share": match.share, "complete": match.complete, "network": network}
    return json.dumps(told, indent=1, ensure_ascii=False)


def _about(card: Card) -> str:
    shown = card.preprocessing
    size = "x".join(map(str, shown.crop_hw)) if shown.crop_hw else f"{shown.short_side} (short side)"
    rows = {
        "attention": card.mechanism,
        "parameters": f"{card.parameters:,}",
        "input": f"{size} px",
        "classes": f"{len(card.classes)}: {', '.join(card.classes[:3])}{', …' if len(card.classes) > 3 else ''}",
        "CAM layer": card.cam_layer or "none found",
        "sha256": card.sha256,
    }
    if card.untrained:
        rows["WARNING"] = card.untrained.upper()
    return "\n".join(f"{name:<13} {value}" for name, value in rows.items())

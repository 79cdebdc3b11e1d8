"""`models` and `checkpoint`: what networks there are, and what a file of one's own holds."""

import argparse
import json
import sys
from pathlib import Path

from attnviz import zoo
from attnviz.cli.subparsers import Commands
from attnviz.cli.telling import print_json
from attnviz.errors import ValueRangeError
from attnviz.zoo import checkpoint_report, listing, pretrained


def add_to(commands: Commands) -> None:
    """Add the commands."""
    models = commands.add_parser("models", help="list all networks, or download a pretrained one")
    models.add_argument("--origin", help="only those of attnviz (bundled), torchvision or timm")
    models.add_argument("--attention", metavar="WORDS", help="only those with such attention, as SE or self-attention")
    models.add_argument("--search", metavar="WORDS", help="only those with all these words anywhere in the row")
    models.add_argument("--downloaded", action="store_true", help="only those that need no download")
    models.add_argument("--json", action="store_true", help="print JSON, with all that is known of each")
    models.add_argument("--download", metavar="NAME", help="download and check a pretrained network's weights")
    models.add_argument("--cache", type=Path, help="folder of downloads (default: $ATTNVIZ_CACHE, or the system's)")
    models.set_defaults(command=_models, when_stopped="stopped; the same command goes on from here")

    own = commands.add_parser("checkpoint", help="load a checkpoint of your own and tell what fits")
    checkpoint_report.add_arguments(own)


def _models(options: argparse.Namespace) -> None:
    if options.download is not None:
        _download(options.download, options.cache, options.json)
        return
    networks = listing.chosen(
        listing.everything(options.cache),
        origin=options.origin,
        attention=options.attention,
        search=options.search,
        downloaded=options.downloaded,
    )
    if options.json:
        print(json.dumps([network.to_json() for network in networks], indent=1, ensure_ascii=False))
    else:
        print(listing.table(networks))


def _download(name: str, cache: Path | None, as_json: bool) -> None:
    if name in zoo.names():
        raise ValueRangeError(f"--download must name a pretrained network; got {name!r}, which is bundled. Use it.")
    line = pretrained.ProgressLine(name, sys.stderr)
    try:
        path = pretrained.download(name, cache=cache, progress=line)
    finally:
        line.close()
    if as_json:
        print_json({"name": name, "path": str(path), "checked": pretrained.checked_with(path)})
    else:
        print(f"{path}\nchecked: {pretrained.checked_with(path)}")

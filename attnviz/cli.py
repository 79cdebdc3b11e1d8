"""The command line: list networks, download pretrained ones, read checkpoints, train and evaluate the bundled ones."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from attnviz.errors import AttnvizError
from attnviz.zoo import checkpoint_report, listing, pretrained
from attnviz.zoo.cards import WEIGHTS_FOLDER

DEFAULT_RUNS = Path("runs")
DEFAULT_DATA = Path("data")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 when done, 1 when it could not be, with one sentence on stderr."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except AttnvizError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m attnviz", description="See what attention looks at.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    models = commands.add_parser("models", help="list all networks, or download a pretrained one")
    models.add_argument("--origin", help="only those of attnviz (bundled), torchvision or timm")
    models.add_argument("--attention", metavar="WORDS", help="only those with such attention, as SE or self-attention")
    models.add_argument("--search", metavar="WORDS", help="only those with all these words anywhere in the row")
    models.add_argument("--downloaded", action="store_true", help="only those that need no download")
    models.add_argument("--json", action="store_true", help="print JSON, with all that is known of each")
    models.add_argument("--download", metavar="NAME", help="download and check a pretrained network's weights")
    models.add_argument("--cache", type=Path, help="folder of downloads (default: $ATTNVIZ_CACHE, or the system's)")
    models.set_defaults(command=_models)

    own = commands.add_parser("checkpoint", help="load a checkpoint of your own and tell what fits")
    checkpoint_report.add_arguments(own)

    train = commands.add_parser("train", help="train a bundled network, or evaluate the shipped weights")
    train.add_argument("name", nargs="?", help="a network, as `models` lists them")
    train.add_argument(
        "--data", type=Path, default=DEFAULT_DATA, help="folder of Tiny ImageNet; downloaded when empty (default: data)"
    )
    train.add_argument("--out", type=Path, default=DEFAULT_RUNS, help="folder of the checkpoints (default: runs)")
    train.add_argument("--device", help="as torch names it; default: a GPU where there is one")
    train.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    train.add_argument("--threads", type=int, help="processor threads; default: as torch chooses")
    train.add_argument("--evaluate", action="store_true", help="measure the shipped weights instead of training")
    train.add_argument("--publish", action="store_true", help="write the trained weights and card to assets/weights")
    train.add_argument(
        "--report", action="store_true", help="measure the shipped weights on the boxes; write their cards and a page"
    )
    train.add_argument("--limit", type=int, help="with --report: so many pictures only, and no card is changed")
    train.add_argument("--measure", action="store_true", help="add a finished phase in --out to the tried recipes")
    train.add_argument("--changed", help="with --measure: what was different about the run, in a few words")
    train.set_defaults(command=_train)

    tables = commands.add_parser("tables", help="count the published networks again, beside what the papers print")
    tables.set_defaults(command=_tables)
    return parser


def _models(options: argparse.Namespace) -> None:
    if options.download is not None:
        _download(options.download, options.cache)
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


def _download(name: str, cache: Path | None) -> None:
    line = pretrained.ProgressLine(name, sys.stderr)
    try:
        path = pretrained.download(name, cache=cache, progress=line)
    finally:
        line.close()
    print(f"{path}\nchecked: {pretrained.checked_with(path)}")


def _tables(_options: argparse.Namespace) -> None:
    # Imported here: listing networks must not wait for the published ones.
    from attnviz import tables

    computed = [row.computed() for row in tables.rows()]
    print(tables.markdown(computed))
    print(f"\n{tables.in_short(computed)}")
    if wrong := tables.wrong(computed):
        raise AttnvizError(f"{len(wrong)} figures are not as they are said to be:\n" + "\n".join(wrong))


def _train(options: argparse.Namespace) -> None:
    # Imported here: listing networks must not wait for the training code.
    import torch

    from attnviz.training.evaluate_shipped import evaluate_shipped
    from attnviz.training.report import report
    from attnviz.training.run import train, train_and_publish
    from attnviz.training.tried import measure_checkpoint

    if options.threads:
        torch.set_num_threads(options.threads)
    if options.evaluate:
        evaluate_shipped(options.data, [options.name] if options.name else None)
    elif options.report:
        page = report(options.data, options.out, [options.name] if options.name else None, options.limit)
        print(f"page: {page}")
    elif options.measure:
        row = measure_checkpoint(_named(options), options.data, options.out, options.changed)
        rates = ", ".join(f"{row.top1[side]:.1%} / {row.top5[side]:.1%} at {side} px" for side in row.top1)
        print(f"{row.name} ({row.changed}): {rates}")
    elif options.publish:
        train_and_publish(_named(options), options.data, options.out, options.device, options.precision, WEIGHTS_FOLDER)
    else:
        file = train(_named(options), options.data, options.out, options.device, options.precision)
        print(f"weights: {file}")


def _named(options: argparse.Namespace) -> str:
    if options.name is None:
        raise AttnvizError("a network must be named to train; got none. See `python -m attnviz models`.")
    return str(options.name)

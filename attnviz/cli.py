"""The command line: list the bundled networks, train and evaluate them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from attnviz import zoo
from attnviz.errors import AttnvizError
from attnviz.zoo.cards import WEIGHTS_FOLDER, Card

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

    models = commands.add_parser("models", help="list the bundled networks with their measured accuracy")
    models.set_defaults(command=_models)

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
    train.set_defaults(command=_train)

    tables = commands.add_parser("tables", help="count the published networks again, beside what the papers print")
    tables.set_defaults(command=_tables)
    return parser


def _models(_options: argparse.Namespace) -> None:
    print(models_table(list(zoo.cards().values())))


def models_table(cards: Sequence[Card]) -> str:
    """The bundled networks as aligned text, one line each."""
    header = ("name", "attention", "parameters", "input", "top-1", "top-5", "classes")
    rows = [
        (
            card.name,
            card.mechanism,
            f"{card.parameters:,}",
            f"{card.preprocessing.short_side} px",
            "" if card.top1 is None else f"{card.top1:.1%}",
            "" if card.top5 is None else f"{card.top5:.1%}",
            str(len(card.classes)),
        )
        for card in cards
    ]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in (header, *rows))  # fmt: skip


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
    from attnviz.training.run import train, train_and_publish

    if options.threads:
        torch.set_num_threads(options.threads)
    if options.evaluate:
        evaluate_shipped(options.data, [options.name] if options.name else None)
    elif options.publish:
        train_and_publish(_named(options), options.data, options.out, options.device, options.precision, WEIGHTS_FOLDER)
    else:
        file = train(_named(options), options.data, options.out, options.device, options.precision)
        print(f"weights: {file}")


def _named(options: argparse.Namespace) -> str:
    if options.name is None:
        raise AttnvizError("a network must be named to train; got none. See `python -m attnviz models`.")
    return str(options.name)

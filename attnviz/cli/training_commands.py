"""`train`: train a bundled network, or measure the shipped weights."""

import argparse
from pathlib import Path

from attnviz.cli.subparsers import Commands
from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.zoo.cards import WEIGHTS_FOLDER

DEFAULT_RUNS = Path("runs")
DEFAULT_DATA = Path("data")


def add_to(commands: Commands) -> None:
    """Add the command."""
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
    train.set_defaults(command=_train, when_stopped="stopped; the same command goes on from here")


def _train(options: argparse.Namespace) -> None:
    # Imported here: listing networks must not wait for the training code.
    import torch

    from attnviz.training.evaluate_shipped import evaluate_shipped
    from attnviz.training.report import report
    from attnviz.training.run import train, train_and_publish
    from attnviz.training.tried import measure_checkpoint

    if options.threads is not None:
        if options.threads < 1:
            raise ValueRangeError(f"--threads must be at least 1; got {options.threads}. Leave it out for the usual.")
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

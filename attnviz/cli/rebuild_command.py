"""`rebuild`: the maps and scores of an export, made again and compared."""

import argparse
from pathlib import Path

from attnviz import comparing, zoo
from attnviz.cli.failing import CheckFailedError
from attnviz.cli.subparsers import Commands
from attnviz.cli.telling import Bar, print_json


def add_to(commands: Commands) -> None:
    """Add the command."""
    rebuild = commands.add_parser(
        "rebuild",
        help="make an export's maps and scores again, and say what differs",
        description="Make maps.npz and scores.csv of an export again, bit for bit, and say what differs.",
    )
    rebuild.add_argument("manifest", type=Path, help="manifest.json of an export, its folder, or the ZIP")
    rebuild.add_argument("--picture", action="append", type=Path, metavar="PATH", help="the photograph, if not found")
    rebuild.add_argument(
        "--checkpoint", action="append", type=Path, default=[], metavar="FILE", help="weights of your own that it used"
    )
    rebuild.add_argument("--out", type=Path, metavar="DIR", help="write the export again, to a new folder or .zip")
    rebuild.add_argument("--force", action="store_true", help="replace an earlier export at --out")
    rebuild.add_argument("--json", action="store_true", help="print JSON for a program")
    rebuild.add_argument("--quiet", action="store_true", help="say nothing while working")
    rebuild.set_defaults(command=_rebuild)


def _rebuild(options: argparse.Namespace) -> None:
    bar = Bar(quiet=options.quiet)
    try:
        made = comparing.rebuild(
            options.manifest,
            options.picture,
            options.out,
            networks=[zoo.load_checkpoint(file) for file in options.checkpoint],
            overwrite=options.force,
            progress=lambda share, title: bar(share, title if share < 1 else ""),
        )
    finally:
        bar.close()
    if options.json:
        print_json(
            {
                "same": made.same,
                "differs": list(made.differs),
                "notes": list(made.notes),
                "out": None if made.out is None else str(made.out),
            }
        )
    else:
        for name, comparison in made.comparisons.items():
            print(f"{name}: {len(comparison.panels)} maps")
        for note in made.notes:
            print(note)
        if made.same:
            print("maps.npz is the same bit for bit, scores.csv byte for byte.")
        if made.out is not None:
            print(made.out)
    if not made.same:
        raise CheckFailedError(" ".join(made.differs))

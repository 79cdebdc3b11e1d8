"""`tables`: the published networks counted again, beside what the papers print."""

import argparse

from attnviz.cli.failing import CheckFailedError
from attnviz.cli.subparsers import Commands


def add_to(commands: Commands) -> None:
    """Add the command."""
    tables = commands.add_parser("tables", help="count the published networks again, beside what the papers print")
    tables.set_defaults(command=_tables)


def _tables(_options: argparse.Namespace) -> None:
    # Imported here: listing networks must not wait for the published ones.
    from attnviz import tables

    computed = [row.computed() for row in tables.rows()]
    print(tables.markdown(computed))
    print(f"\n{tables.in_short(computed)}")
    if wrong := tables.wrong(computed):
        raise CheckFailedError(f"{len(wrong)} figures are not as they are said to be:\n" + "\n".join(wrong))

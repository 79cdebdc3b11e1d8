"""`tables`: the published networks counted again, beside what the papers print."""

import argparse
from typing import TYPE_CHECKING

from attnviz.cli import asked
from attnviz.cli.failing import CheckFailedError
from attnviz.cli.subparsers import Commands
from attnviz.cli.telling import Bar, print_json

if TYPE_CHECKING:
    from attnviz.tables import Computed


def add_to(commands: Commands) -> None:
    """Add the command."""
    tables = commands.add_parser("tables", help="count the published networks again, beside what the papers print")
    asked.add_telling(tables)
    tables.set_defaults(command=_tables)


def _tables(options: argparse.Namespace) -> None:
    # Imported here: listing networks must not wait for the published ones.
    from attnviz import tables

    bar, rows = Bar(quiet=options.quiet), tables.rows()
    computed = []
    try:
        for number, row in enumerate(rows):
            bar(number / len(rows), f"{row.table}: {row.network}")
            computed.append(row.computed())
    finally:
        bar.close()
    if options.json:
        print_json({"rows": [_told(each) for each in computed], "in_short": tables.in_short(computed)})
    else:
        print(tables.markdown(computed))
        print(f"\n{tables.in_short(computed)}")
    if wrong := tables.wrong(computed):
        raise CheckFailedError(f"{len(wrong)} figures are not as they are said to be:\n" + "\n".join(wrong))


def _told(one: "Computed") -> dict[str, object]:
    """A row as plain values; what is not printed, or not counted because its library is missing, is null."""
    parameters, costs = one.row.parameters, one.row.costs
    return {
        "table": one.row.table,
        "network": one.row.network,
        "parameters": None if one.cost is None else one.cost.parameters,
        "printed_million_parameters": None if parameters is None else parameters.printed,
        "billions": None if one.cost is None else one.billions,
        "printed_billions": None if costs is None else costs.printed,
        "claims": {
            what: None if figure is None else figure.agreement
            for what, figure in (("parameters", parameters), ("costs", costs))
        },
        "why": one.row.why,
        "wrong": list(one.wrong),
    }

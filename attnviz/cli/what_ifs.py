"""What-if tables for the commands that make them: `whatif`, and `compare --whatif`."""

import argparse
from collections.abc import Sequence

from attnviz import comparing
from attnviz.export import FigureSource, WhatIfFigure
from attnviz.faithfulness import Progress, WhatIf, what_if
from attnviz.faithfulness.what_if import check_draws
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render import SIZES
from attnviz.zoo import Loaded


def add_controls(parser: argparse.ArgumentParser) -> None:
    """How many random regions, and which."""
    parser.add_argument(
        "--controls", type=int, default=20, help="of what-ifs: random regions for each row (default: 20)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random regions (default: 0)")


def check(options: argparse.Namespace) -> None:
    """Refuse numbers with which no random regions can be drawn, before a network is asked.

    Raises:
        ValueRangeError: there are too many, or one is negative.
    """
    check_draws(options.controls, options.seed)


def table_of(
    options: argparse.Namespace,
    loaded: Loaded,
    picture: Picture,
    regions: Sequence[Region],
    choice: comparing.MapChoice,
    progress: Progress | None,
) -> WhatIf:
    """What becomes of one network's answer, and of its chosen map where there is a region, after each change."""
    method = comparing.method_of(choice, comparing.traced(loaded, picture), loaded.card) if regions else None
    return what_if(
        loaded,
        picture,
        regions,
        target=comparing.class_index(loaded.card, options.target),
        method=method,
        controls=options.controls,
        seed=options.seed,
        progress=progress,
    )


def figures_of(
    options: argparse.Namespace, picture: Picture, networks: Sequence[Loaded], tables: Sequence[WhatIf], start: str
) -> dict[str, FigureSource]:
    """A figure of each network in which something could be changed, by its name.

    Args:
        options: how figures look.
        picture: the source picture.
        networks: those that were asked.
        tables: one for each of them.
        start: of the names, so that those of several pictures differ.
    """
    return {
        f"{start} what if {loaded.card.title}": WhatIfFigure(
            picture=picture,
            table=table,
            weights=loaded.card.sha256,
            theme=options.theme,
            transparent=options.transparent,
            size=SIZES[options.size],
        )
        for loaded, table in zip(networks, tables, strict=True)
        if len(table.rows) > 1
    }


def told_of(table: WhatIf) -> dict[str, object]:
    """A table as plain values."""
    return {"finding": table.finding, "rows": table.to_dicts(), "left_out": dict(table.left_out)}

"""`layers` and `query`: what each layer of a network did, and what every network says about one point."""

import argparse

from attnviz import comparing
from attnviz.cli import asked, output
from attnviz.cli.subparsers import Commands
from attnviz.cli.telling import Bar
from attnviz.errors import ValueRangeError
from attnviz.export import FigureSource, LayerWalkFigure, QueryPanel
from attnviz.querying import Heads, query
from attnviz.render import SIZES
from attnviz.walking import LayerWalk, layer_walk

USUAL_WALK = "cbam_resnet"
"""The network whose layers are shown where none is named: it has both kinds of gates."""


def add_to(commands: Commands) -> None:
    """Add the commands."""
    layers = commands.add_parser(
        "layers",
        help="what each layer of a network did with a picture",
        description="Walk through a network on one picture: gates, masks, self-attention, and where features change.",
    )
    asked.add_pictures(layers)
    asked.add_models(layers, usual=USUAL_WALK)
    layers.add_argument("--layer", metavar="NAME", help="one layer in detail: its dotted name, or its number from 1")
    asked.add_page(layers)
    asked.add_output(layers, required=False)
    asked.add_telling(layers)
    layers.set_defaults(command=_layers)

    point = commands.add_parser(
        "query",
        help="what every network says about one point of the picture",
        description="Ask every network about the same point: rows of self-attention, windows, and values of gates.",
    )
    asked.add_pictures(point)
    point.add_argument(
        "--at", required=True, metavar="x,y", help="the point, from the top left, in pixels, or with %% as in 50%%,40%%"
    )
    asked.add_models(point)
    point.add_argument("--layer", metavar="NAME", help="dotted name or pattern (default: the last that can answer)")
    point.add_argument("--head", metavar="NUMBER", help="one head, from 1, or max (default: the mean of all)")
    asked.add_page(point)
    asked.add_output(point, required=False)
    asked.add_telling(point)
    point.set_defaults(command=_query)


def _layers(options: argparse.Namespace) -> None:
    output.check_output(options)
    picture = asked.picture_of(options.picture)
    bar = Bar(quiet=options.quiet)
    figures: dict[str, FigureSource] = {}
    try:
        names = options.models or [USUAL_WALK]
        for number, loaded in enumerate(comparing.loaded_networks(names)):
            bar(number / len(names), f"{picture.name}: {loaded.card.title}")
            walk = layer_walk(loaded, picture)
            place = None if options.layer is None else _place(walk, options.layer)
            figure = LayerWalkFigure(
                picture,
                walk,
                place,
                theme=options.theme,
                transparent=options.transparent,
                size=SIZES[options.size],
            )
            detail = "" if place is None else f" {walk.layers[place].site.layer}"
            figures[f"{asked.stem_of(picture)} layers of {loaded.card.title}{detail}"] = figure
        written = output.write(figures, options, bar) if options.out is not None else None
    finally:
        bar.close()
    output.print_figures(figures, written, options.json)


def _place(walk: LayerWalk, told: str) -> int:
    """Which layer is meant, counted from 0.

    Raises:
        ValueRangeError: none of the walk's layers.
    """
    known = [layer.site.layer for layer in walk.layers]
    if told in known:
        return known.index(told)
    if told.isdigit() and 1 <= int(told) <= len(known):
        return int(told) - 1
    raise ValueRangeError(
        f"--layer must be a layer of {walk.network}, or its number from 1 to {len(known)}; got {told!r}. "
        f"Layers: {', '.join(known)}."
    )


def _query(options: argparse.Namespace) -> None:
    output.check_output(options)
    picture = asked.picture_of(options.picture)
    point = asked.point_of(options.at, picture, (), "--at")
    assert point is not None  # the parser asks for it
    heads = _heads(options.head)
    bar = Bar(quiet=options.quiet)
    try:
        networks = comparing.loaded_networks(asked.models_of(options.models))
        answers = []
        for number, loaded in enumerate(networks):
            bar(number / len(networks), f"{picture.name}: {loaded.card.title}")
            trace = comparing.traced(loaded, picture)
            answers.append(query(trace, point, options.layer, heads, title=loaded.card.title))
        panel = QueryPanel(
            picture,
            point,
            tuple(answers),
            {loaded.card.title: loaded.card.sha256 for loaded in networks},
            theme=options.theme,
            transparent=options.transparent,
            size=SIZES[options.size],
        )
        figures: dict[str, FigureSource] = {f"{asked.stem_of(picture)} point {point[1]:.0f} {point[0]:.0f}": panel}
        written = output.write(figures, options, bar) if options.out is not None else None
    finally:
        bar.close()
    output.print_figures(figures, written, options.json)


def _heads(told: str | None) -> Heads | None:
    if told is None or told == "mean":
        return None if told is None else "mean"
    if told == "max":
        return "max"
    if told.isdigit() and int(told) >= 1:
        return int(told) - 1
    raise ValueRangeError(f"--head must be the number of a head, from 1, or max or mean; got {told!r}.")

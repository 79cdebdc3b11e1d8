"""`layers` and `query`: what each layer of a network did, and what every network says about one point."""

import argparse
from collections.abc import Sequence

from attnviz import comparing
from attnviz.cli import asked, left_out, output
from attnviz.cli.subparsers import Commands
from attnviz.cli.telling import Bar
from attnviz.errors import ValueRangeError
from attnviz.export import FigureSource, LayerWalkFigure, QueryPanel
from attnviz.pictures import Picture
from attnviz.querying import AttentionAnswer, Heads, QueryAnswer, head_count, query
from attnviz.render import SIZES
from attnviz.walking import LayerWalk, layer_walk
from attnviz.zoo import Loaded

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
    layers: dict[str, list[str]] = {}
    missing: dict[str, str] = {}
    try:
        names = options.models or [USUAL_WALK]
        for number, loaded in enumerate(comparing.loaded_networks(names)):
            bar(number / len(names), f"{picture.name}: {loaded.card.title}")
            walk = layer_walk(loaded, picture)
            place = None if options.layer is None else _place(walk, options.layer)
            if options.layer is not None and place is None:
                layers[loaded.card.title] = [layer.site.layer for layer in walk.layers]
                missing[loaded.card.title] = _no_place(options.layer, layers[loaded.card.title])
                continue
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
        if not figures:
            raise left_out.nowhere(options.layer, layers)
        written = output.write(figures, options, bar) if options.out is not None else None
    finally:
        bar.close()
    output.print_figures(figures, written, options.json, missing)


def _place(walk: LayerWalk, told: str) -> int | None:
    """Which layer is meant, by its dotted name or its number from 1, counted from 0; None where it is none of them."""
    known = [layer.site.layer for layer in walk.layers]
    if told in known:
        return known.index(told)
    return int(told) - 1 if told.isdecimal() and 1 <= int(told) <= len(known) else None


def _no_place(told: str, layers: Sequence[str]) -> str:
    if told.isdecimal():
        return f"it has no layer {told}, but layers 1 to {len(layers)}" if layers else "it has no attention"
    return left_out.lacks_layer(told, layers) or f"{told!r} is a pattern; name one layer"


def _query(options: argparse.Namespace) -> None:
    output.check_output(options)
    picture = asked.picture_of(options.picture)
    point = asked.point_of(options.at, picture, (), "--at")
    assert point is not None  # the parser asks for it
    heads = _heads(options.head)
    bar = Bar(quiet=options.quiet)
    try:
        networks = comparing.loaded_networks(asked.models_of(options.models))
        answers, missing = _answers(networks, picture, point, options.layer, heads, bar)
        panel = QueryPanel(
            picture,
            point,
            tuple(answers),
            {loaded.card.title: loaded.card.sha256 for loaded in networks if loaded.card.title not in missing},
            theme=options.theme,
            transparent=options.transparent,
            size=SIZES[options.size],
        )
        figures: dict[str, FigureSource] = {f"{asked.stem_of(picture)} point {point[1]:.0f} {point[0]:.0f}": panel}
        written = output.write(figures, options, bar) if options.out is not None else None
    finally:
        bar.close()
    output.print_figures(figures, written, options.json, missing)


def _answers(
    networks: Sequence[Loaded],
    picture: Picture,
    point: tuple[float, float],
    layer: str | None,
    heads: Heads | None,
    bar: Bar,
) -> tuple[list[QueryAnswer], dict[str, str]]:
    """The answers of all networks that have the layer and the head, and why the others have none, by title.

    Raises:
        NotFoundError: no network has the layer.
        ValueRangeError: no network has the head.
    """
    answers: list[QueryAnswer] = []
    layers: dict[str, list[str]] = {}
    too_few: dict[str, int] = {}
    missing: dict[str, str] = {}
    for number, loaded in enumerate(networks):
        title = loaded.card.title
        bar(number / len(networks), f"{picture.name}: {title}")
        trace = comparing.traced(loaded, picture)
        known = list(dict.fromkeys(record.site.layer for record in trace.records))
        if layer is not None and (why := left_out.lacks_layer(layer, known)):
            layers[title], missing[title] = known, why
            continue
        count = head_count(trace, layer)
        if isinstance(heads, int) and 0 < count <= heads:
            too_few[title] = count
            missing[title] = f"it has no head {heads + 1}, but heads 1 to {count}"
            continue
        answers.append(query(trace, point, layer, heads, title=title))
    if layer is not None and len(layers) == len(networks):
        raise left_out.nowhere(layer, layers)
    if too_few and not any(isinstance(one, AttentionAnswer) for one in answers):
        assert isinstance(heads, int)
        counts = ", ".join(f"{title} has {count}" for title, count in too_few.items())
        raise ValueRangeError(
            f"--head must be 1 to {max(too_few.values())}, the number of a head; got {heads + 1}. {counts}."
        )
    return answers, missing


def _heads(told: str | None) -> Heads | None:
    if told is None or told == "mean":
        return None if told is None else "mean"
    if told == "max":
        return "max"
    if told.isdecimal() and int(told) >= 1:
        return int(told) - 1
    raise ValueRangeError(
        f"--head must be the number of a head, counted from 1, or max or mean; got {told!r}. The first is --head 1."
    )

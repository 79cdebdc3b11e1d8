"""`compare`: pictures asked of several networks, as figures, maps, scores and slides."""

import argparse
from collections.abc import Sequence

from attnviz import comparing
from attnviz.cli import asked, output, what_ifs
from attnviz.cli.subparsers import Commands
from attnviz.cli.telling import Bar, in_words, print_json, print_table
from attnviz.export import Comparison, ComparisonGrid, FigureSource
from attnviz.faithfulness import WhatIf
from attnviz.focus import CENTRED_GAUSSIAN
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render import SIZES, Panel
from attnviz.render.comparison_grid import MOST_ROWS
from attnviz.zoo import Loaded

GRID = "all pictures attention"
"""Name of the figure that holds all pictures."""


def add_to(commands: Commands) -> None:
    """Add the command."""
    compare = commands.add_parser(
        "compare",
        help="pictures asked of several networks: figures, maps, scores, slides",
        description="Ask several networks about each picture, and write figures, raw maps and scores.",
    )
    asked.add_pictures(compare, several=True)
    asked.add_models(compare)
    asked.add_map(compare)
    asked.add_regions(compare)
    asked.add_drawing(compare)
    compare.add_argument("--heading", help="a line across the top (default: the finding)")
    compare.add_argument(
        "--whatif", action="store_true", help="add what happens to each answer when gates, heads or regions are changed"
    )
    what_ifs.add_controls(compare)
    asked.add_page(compare)
    asked.add_output(compare)
    asked.add_telling(compare)
    compare.set_defaults(command=_compare)


def _compare(options: argparse.Namespace) -> None:
    output.check_output(options)
    what_ifs.check(options)
    pictures = [asked.picture_of(told) for told in options.pictures]
    regions = [
        asked.regions_of(options, told, picture) for told, picture in zip(options.pictures, pictures, strict=True)
    ]
    points = [asked.point_of(options.point, picture, one) for picture, one in zip(pictures, regions, strict=True)]
    bar = Bar(quiet=options.quiet)
    try:
        networks = comparing.loaded_networks(asked.models_of(options.models))
        count = len(pictures) * (2 if options.whatif else 1)
        comparisons = [
            _one(picture, networks, drawn, point, options, bar, number / count, count)
            for number, (picture, drawn, point) in enumerate(zip(pictures, regions, points, strict=True))
        ]
        figures = named(comparisons)
        figures |= _grid(comparisons, options)
        tables = _what_ifs(figures, networks, regions, points, options, bar) if options.whatif else {}
        written = output.write(figures, options, bar)
    finally:
        bar.close()
    if options.json:
        told = [
            told_of(comparison) | ({"what_ifs": list(map(what_ifs.told_of, tables[place]))} if options.whatif else {})
            for place, comparison in enumerate(comparisons)
        ]
        print_json({"out": str(written), "comparisons": told})
        return
    for place, comparison in enumerate(comparisons):
        print(comparison.title)
        print_table([row for panel in comparison.panels for row in _rows(panel)])
        for table in tables.get(place, ()):
            print(in_words(table.finding or f"{table.title}: {table.target_name}"))
        print()
    print(written)


def _grid(comparisons: Sequence[Comparison], options: argparse.Namespace) -> dict[str, FigureSource]:
    """All pictures in one figure, where there are several and not too many."""
    if not 2 <= len(comparisons) <= MOST_ROWS:
        return {}
    look = {"size": SIZES[options.size], "theme": options.theme, "transparent": options.transparent}
    return {GRID: ComparisonGrid(comparisons=tuple(comparisons), heading=options.heading, **look)}


def _what_ifs(
    figures: dict[str, FigureSource],
    networks: Sequence[Loaded],
    regions: Sequence[Sequence[Region]],
    points: Sequence[tuple[float, float] | None],
    options: argparse.Namespace,
    bar: Bar,
) -> dict[int, list[WhatIf]]:
    """The tables of each comparison, by its place; their figures are added to those of the comparisons."""
    made: dict[int, list[WhatIf]] = {}
    compared = [(name, one.picture) for name, one in figures.items() if isinstance(one, Comparison)]
    count = 2 * len(compared) * len(networks)
    for place, ((name, picture), drawn, point) in enumerate(zip(compared, regions, points, strict=True)):
        made[place] = []
        for number, loaded in enumerate(networks):
            step = len(compared) * len(networks) + place * len(networks) + number
            steps = bar.within(step, count, f"{picture.name}: what if, {loaded.card.title}")
            choice = asked.choice_of(options, loaded, point)
            made[place].append(what_ifs.table_of(options, loaded, picture, drawn, choice, steps))
        start = name.removesuffix(" attention")
        figures.update(what_ifs.figures_of(options, picture, networks, made[place], start))
    return made


def _one(
    picture: Picture,
    networks: Sequence[Loaded],
    regions: Sequence[Region],
    point: tuple[float, float] | None,
    options: argparse.Namespace,
    bar: Bar,
    start: float,
    count: int,
) -> Comparison:
    return comparing.compare(
        picture,
        networks,
        map=options.map,
        target=options.target,
        regions=regions,
        point=point,
        layer=options.layer,
        scale=options.scale,
        style=options.style,
        interpolation=options.grid,
        opacity=options.opacity,
        heading=options.heading,
        size=options.size,
        theme=options.theme,
        transparent=options.transparent,
        progress=lambda share, title: bar(start + share / count, f"{picture.name}: {title}" if share < 1 else ""),
    )


def named(comparisons: Sequence[Comparison]) -> dict[str, FigureSource]:
    """The comparisons under the names that the dashboard gives their files."""
    figures: dict[str, FigureSource] = {}
    for comparison in comparisons:
        name = f"{asked.stem_of(comparison.picture)} attention"
        number = 2
        while name in figures:
            name = f"{name.removesuffix(f' {number - 1}')} {number}"
            number += 1
        figures[name] = comparison
    return figures


def told_of(comparison: Comparison) -> dict[str, object]:
    """A comparison's results as plain values."""
    return {
        "picture": {"name": comparison.picture.name, "sha256": comparison.picture.sha256},
        "finding": comparison.heading,
        "networks": [
            {
                "network": panel.title,
                "weights": panel.weights,
                "untrained": panel.untrained,
                "predictions": [[name, probability] for name, probability in panel.predictions],
                "method": panel.attention_map.method,
                "unit": panel.attention_map.unit,
                "range": list(panel.attention_map.value_range),
                "grid": list(panel.attention_map.grid_hw),
                "target": panel.attention_map.target,
                "proof": panel.attention_map.proof,
                "scores": [
                    {
                        "region": score.region,
                        "share": score.value,
                        "area": score.area,
                        "lift": score.lift,
                        "centred_gaussian": score.baselines[CENTRED_GAUSSIAN],
                        "hit": score.hit,
                    }
                    for score in (panel.focus, *panel.others)
                    if score is not None
                ],
            }
            for panel in comparison.panels
        ],
        "note": comparison.provenance()["note"],
    }


def _rows(panel: Panel) -> list[dict[str, str]]:
    """A line for each region; one without numbers where there is none."""
    first = {"network": panel.title, "answer": panel.prediction_line.replace("\N{NO-BREAK SPACE}", " ")}
    if panel.warnings:
        first["warning"] = ", ".join(panel.warnings).upper()
    scores = [score for score in (panel.focus, *panel.others) if score is not None]
    if not scores:
        return [first]
    return [
        first
        | {
            "region": score.region,
            "share": f"{score.value:.3f}",
            "area": f"{score.area:.3f}",
            "lift": f"{score.lift:.2f}",
            "centred blob": f"{score.baselines[CENTRED_GAUSSIAN]:.3f}",
        }
        for score in scores
    ]

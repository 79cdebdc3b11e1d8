"""`study`: a folder of pictures asked of several networks, with means and intervals."""

import argparse
from pathlib import Path

from attnviz import study
from attnviz.cli import asked
from attnviz.cli.failing import CheckFailedError
from attnviz.cli.subparsers import Commands
from attnviz.cli.telling import Bar, print_json
from attnviz.errors import ValueRangeError
from attnviz.export import figure_pdf, figure_png, figure_svg, unique_slugs
from attnviz.regions import told_numbers
from attnviz.render import NOT_EXPLANATION, SIZES
from attnviz.study.kept import write

MOST_NAMED = 20
"""Failures that are told one by one; the file has all of them."""

MOST_ROWS = 15
"""Bars whose names can be read on a slide."""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "study",
        help="a folder of pictures: mean focus of each network, with intervals",
        description="Score every network's map on every picture of a folder, and print the means with 95 %% bootstrap "
        "intervals and the differences between networks. Regions are mask files beside the pictures, rex.dog.png for "
        "the dog of rex.jpg (rex.mask.png is the region 'object'), or the boxes of one table. The same command goes on "
        "where a stopped study was.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of the pictures")
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help="a CSV file with the columns picture,region,x,y,w,h; in pixels, or with %% as shares of the picture",
    )
    asked.add_models(parser)
    asked.add_map(parser, with_point=False)
    parser.add_argument(
        "--point",
        metavar="x%,y%",
        help="place that self-attention looks from, the same share of every picture, as in 50%%,40%%; 'region' is the "
        "middle of each picture's first region",
    )
    asked.add_page(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder for all files, or one of a stopped study"
    )
    parser.add_argument(
        "--format", default="png,svg,pdf", metavar="LIST", help="of the figures: any of png,svg,pdf (default: all)"
    )
    parser.add_argument("--dpi", type=int, default=300, help="of the PNG files, 50 to 600 (default: 300)")
    asked.add_telling(parser)
    parser.set_defaults(command=_study, when_stopped="stopped; the same command goes on from here")


def _study(options: argparse.Namespace) -> None:
    formats = asked.formats_of(options.format)
    if not 50 <= options.dpi <= 600:
        raise ValueRangeError(f"--dpi must be in 50..600; got {options.dpi}. A slide needs 150 to 300.")
    point = _point(options.point)
    bar = Bar(quiet=options.quiet)
    try:
        found = study.run(
            options.folder,
            options.out,
            asked.models_of(options.models),
            boxes=options.boxes,
            map=options.map,
            target=options.target,
            point=point,
            layer=options.layer,
            progress=lambda share, name: bar(share, name if share < 1 else ""),
        )
        bar(1.0, "drawing the figures")
        if found.pictures:
            _draw(found, formats, options)
    finally:
        bar.close()
    if options.json:
        print_json(found.to_dict())
    else:
        _print(found)
    if found.failed:
        raise CheckFailedError(_failures(found))


def _point(told: str | None) -> study.StudyPoint | None:
    """The point of `x%,y%` as shares (down, across), or "region".

    Raises:
        ValueRangeError: it is told in another form, such as in pixels, or lies outside the pictures.
    """
    if told is None or told == "region":
        return None if told is None else "region"
    parts = told.split(",")
    across, down = told_numbers(parts, (1, 1), f"--point {told}")
    if not all(part.strip().endswith("%") for part in parts) or not (0 <= across < 1 and 0 <= down < 1):
        raise ValueRangeError(
            f"--point must be a share of every picture, below 100%, as in 50%,40%, or region; got {told!r}. Pictures "
            "differ in their pixels."
        )
    return down, across


def _draw(found: study.Study, formats: tuple[str, ...], options: argparse.Namespace) -> None:
    """Shares and lifts as figures, over those of an earlier start; one for each region where there are many rows."""
    regions = list(dict.fromkeys(one.region for one in found.means))
    rows = sum(not one.is_baseline for one in found.means)
    parts: dict[str, list[str]] = {"": regions}
    if rows > MOST_ROWS:
        parts = {f"-{stem}": [name] for stem, name in zip(unique_slugs(regions), regions, strict=True)}
    for name, lift in (("shares", False), ("lifts", True)):
        for part, drawn in parts.items():
            figure = found.figure(
                lift=lift,
                regions=drawn,
                size=SIZES[options.size],
                theme=options.theme,
                transparent=options.transparent,
            )
            for kind in formats:
                if kind == "png":
                    contents = figure_png(figure, options.dpi)
                else:
                    contents = figure_svg(figure) if kind == "svg" else figure_pdf(figure)
                write(found.out / f"{name}{part}.{kind}", contents)


def _print(found: study.Study) -> None:
    if found.pictures:
        print(f"{found.map_title}: mean over pictures [95 % interval]\n")
        print(found.markdown)
        print()
    if found.left_out:
        count = len(found.left_out)
        print(f"Not in the table of boxes, and left out: {count} picture{'s' if count > 1 else ''}.")
    print(NOT_EXPLANATION)
    print(found.out)


def _failures(found: study.Study) -> str:
    told = [one.sentence for one in found.failed[:MOST_NAMED]]
    more = len(found.failed) - len(told)
    if more:
        told.append(f"and {more} more, in {found.out / study.FAILED}")
    pictures = len({one.picture for one in found.failed})
    head = f"{pictures} picture{'s' if pictures > 1 else ''} could not be measured, or not by all networks:"
    return "\n".join([head, *told])

"""`focus` and `whatif`: how much of each map lies in a region, and whether what is changed matters."""

import argparse

from attnviz import comparing
from attnviz.cli import asked, output, what_ifs
from attnviz.cli.subparsers import Commands
from attnviz.cli.telling import Bar, in_words, print_json, print_table
from attnviz.errors import ValueRangeError
from attnviz.export import FocusBars
from attnviz.faithfulness import WhatIf
from attnviz.focus import SCORES, FocusScore
from attnviz.render import NOT_EXPLANATION, SIZES
from attnviz.render.whatif_words import what_if_rows

USUAL_NETWORK = "cbam_resnet"


def add_to(commands: Commands) -> None:
    """Add the commands."""
    focus = commands.add_parser(
        "focus",
        help="how much of each network's map lies in the regions",
        description="Score each network's map in each region, beside maps that know nothing.",
    )
    asked.add_pictures(focus)
    asked.add_models(focus)
    asked.add_map(focus)
    asked.add_regions(focus)
    focus.add_argument("--score", choices=tuple(SCORES), default="share", help="what is measured (default: share)")
    asked.add_page(focus)
    asked.add_output(focus, required=False)
    asked.add_telling(focus)
    focus.set_defaults(command=_focus)

    whatif = commands.add_parser(
        "whatif",
        help="does it matter? gates and heads off, regions hidden, blurred and filled",
        description="Change one thing after the other, and see what becomes of a class probability. Every row about a "
        "region has its control: the same done to random regions of the same size and shape.",
    )
    asked.add_pictures(whatif)
    asked.add_models(whatif, usual=USUAL_NETWORK)
    asked.add_map(whatif)
    asked.add_regions(whatif)
    what_ifs.add_controls(whatif)
    asked.add_page(whatif)
    asked.add_output(whatif, required=False)
    asked.add_telling(whatif)
    whatif.set_defaults(command=_whatif)


def _focus(options: argparse.Namespace) -> None:
    output.check_output(options)
    picture = asked.picture_of(options.picture)
    regions = asked.regions_of(options, options.picture, picture)
    if not regions:
        raise ValueRangeError(f"--region must be given to score maps in; got none. Add --region {asked.REGION_FORM}.")
    point = asked.point_of(options.point, picture, regions)
    written = None
    bar = Bar(quiet=options.quiet)
    try:
        networks = comparing.loaded_networks(asked.models_of(options.models))
        choices = [asked.choice_of(options, one, point) for one in networks]
        readings = []
        for number, (loaded, choice) in enumerate(zip(networks, choices, strict=True)):
            steps = bar.within(number, len(networks), f"{picture.name}: {loaded.card.title}")
            readings.append(comparing.read(loaded, picture, choice, progress=steps))
        scores, reasons = comparing.scored(readings, regions, options.score, picture)
        titles = [reading.title for reading in readings if reading.is_attention]
        finding = comparing.finding(scores, titles) if options.score == "share" else ""
        if options.out is not None:
            figure = FocusBars(
                picture=picture,
                by_region=scores,
                maps={reading.title: reading.attention_map for reading in readings},
                weights={loaded.card.title: loaded.card.sha256 for loaded in networks},
                score=options.score,
                theme=options.theme,
                transparent=options.transparent,
                size=SIZES[options.size],
            )
            written = output.write({f"{asked.stem_of(picture)} focus": figure}, options, bar)
    finally:
        bar.close()
    if options.json:
        told = {region: {title: one.to_dict() for title, one in rows.items()} for region, rows in scores.items()}
        where = None if written is None else str(written)
        print_json({"out": where, "finding": finding, "scores": told, "unscored": reasons, "note": NOT_EXPLANATION})
        return
    if finding:
        print(in_words(finding))
    print_table([_row(region, title, one) for region, rows in scores.items() for title, one in rows.items()])
    for title, reason in reasons.items():
        print(f"{title}: no score. {reason}")
    print(NOT_EXPLANATION)
    if written is not None:
        print(written)


def _row(region: str, title: str, score: FocusScore) -> dict[str, str]:
    return {
        "region": region,
        "map": title,
        "score": in_words(float(score.value)),
        "area": in_words(float(score.area)),
        "lift": in_words(float(score.lift)),
        "highest cell inside": in_words(float(score.hit)),
    }


def _whatif(options: argparse.Namespace) -> None:
    output.check_output(options)
    what_ifs.check(options)
    picture = asked.picture_of(options.picture)
    regions = asked.regions_of(options, options.picture, picture)
    point = asked.point_of(options.point, picture, regions)
    names = options.models or [USUAL_NETWORK]
    written = None
    bar = Bar(quiet=options.quiet)
    tables: list[WhatIf] = []
    try:
        networks = comparing.loaded_networks(names)
        choices = [asked.choice_of(options, one, point, strictly=False) for one in networks]
        for number, (loaded, choice) in enumerate(zip(networks, choices, strict=True)):
            steps = bar.within(number, len(networks), f"{picture.name}: {loaded.card.title}")
            tables.append(what_ifs.table_of(options, loaded, picture, regions, choice, steps))
        if options.out is not None:
            figures = what_ifs.figures_of(options, picture, networks, tables, asked.stem_of(picture))
            written = output.write(figures, options, bar)
    finally:
        bar.close()
    if options.json:
        told = [what_ifs.told_of(table) for table in tables]
        print_json({"out": None if written is None else str(written), "networks": told, "note": NOT_EXPLANATION})
        return
    for table in tables:
        print(in_words(table.finding or f"{table.title}: {table.target_name}"))
        print_table([{key: in_words(cell) for key, cell in row.items()} for row in what_if_rows(table)])
        for what, why in table.left_out.items():
            print(f"Left out: {what}. {why}")
        print()
    print(NOT_EXPLANATION)
    if written is not None:
        print(written)

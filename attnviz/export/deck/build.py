"""A whole talk or a row of slides, put together. Importing this needs python-pptx; `attnviz.export.slides` does it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Literal, cast

from attnviz._version import __version__
from attnviz.export.comparison import Comparison
from attnviz.export.deck import Template, appendix, comparison_slides, score_slides, words
from attnviz.export.deck.drawn import Pictures
from attnviz.export.deck.measure import Box, Text
from attnviz.export.deck.page import Talk
from attnviz.export.deck.template import layouts_of, own_layouts
from attnviz.export.deck.untitled import HEADING_IN, is_titled, picture_of
from attnviz.export.deck.what_if_slides import what_if
from attnviz.export.drawn import map_notes, mark_of
from attnviz.export.evidence_figures import WhatIfFigure
from attnviz.export.figure_files import PNG_DPI
from attnviz.export.figure_source import FigureSource, HasRows, restyled
from attnviz.export.focus_bars import SHARE, FocusBars
from attnviz.faithfulness.what_if_table import WhatIf
from attnviz.focus import BASELINES, SCORES
from attnviz.render import NOT_EXPLANATION
from attnviz.render.columns import area_words


def slides_file(
    figures: Mapping[str, FigureSource],
    template: Template | None,
    title: str | None,
    size: str,
    theme: Literal["light", "dark"],
    progress: Callable[[int, int], object] | None = None,
) -> bytes:
    """Contents of the file that `attnviz.export.slides` writes."""
    talk = _talk(template, size, theme)
    if title is not None:
        talk.opening(title, [*figures][:8], f"{title}\n\nMade with attnviz {__version__}.")
    for number, source in enumerate(figures.values()):
        if progress is not None:
            progress(number, len(figures))
        _add(talk, source, theme)
    for source in figures.values():
        _add_numbers(talk, source)
    return talk.saved(title or next(iter(figures.values())).title)


def talk_file(
    comparison: Comparison,
    what_ifs: Sequence[WhatIf],
    figures: Iterable[FigureSource],
    template: Template | None,
    title: str | None,
    size: str,
    theme: Literal["light", "dark"],
) -> bytes:
    """Contents of the file that `attnviz.export.talk` writes."""
    talk = _talk(template, size, theme)
    pictures = Pictures(comparison)
    _opening(talk, comparison, title or comparison.title, pictures)
    _method(talk, comparison)
    comparison_slides.side_by_side(talk, comparison, pictures)
    for place in range(len(comparison.panels)):
        comparison_slides.one_network(talk, comparison, pictures, place)
    comparison_slides.focus(talk, comparison)
    for table in what_ifs:
        what_if(talk, table, comparison.picture.name)
    further = list(figures)
    for source in further:
        _add(talk, source, theme)
    appendix.numbers(talk, comparison)
    for table in what_ifs:
        appendix.what_if_numbers(talk, table, comparison.picture.name)
    for source in further:
        _add_numbers(talk, source)
    return talk.saved(title or comparison.title)


def _talk(template: Template | None, size: str, theme: Literal["light", "dark"]) -> Talk:
    return Talk(own_layouts(size, theme) if template is None else layouts_of(template))


def _opening(talk: Talk, comparison: Comparison, title: str, pictures: Pictures) -> None:
    networks = ", ".join(panel.title for panel in comparison.panels)
    page = talk.opening(
        title,
        [comparison.picture.name, networks],
        words.notes_of(comparison, "What is compared, and on which picture."),
    )
    if page.box.width > 0:
        page.picture(page.box.centred(pictures.aspect), pictures.source, comparison_slides.source_alt(comparison))


def _method(talk: Talk, comparison: Comparison) -> None:
    """What was done, in sentences that can be read out."""
    methods = dict.fromkeys(map(words.method_of, comparison.panels))
    meanings = dict.fromkeys(panel.attention_map.meaning for panel in comparison.panels if panel.attention_map.meaning)
    lines = [
        f"{len(comparison.panels)} network{'s' if len(comparison.panels) > 1 else ''} saw the same picture, "
        f"{comparison.picture.name}: {', '.join(panel.title for panel in comparison.panels)}.",
        f"Map: {', '.join(methods)}. It shows {'; or '.join(meanings)}." if meanings else f"Map: {', '.join(methods)}.",
        words.scale_note(comparison),
    ]
    regions = [one for one in (comparison.region, *comparison.others) if one is not None]
    if regions:
        lines.append(f"{'. '.join(map(area_words, regions))}.")
        lines.append(
            "Share: the part of a map's total that lies in the region. 1× chance is what a flat map would score."
        )
    foot = [sentence for panel in comparison.panels for sentence in words.marks(panel)]
    talk.text_page(
        "How it was measured",
        [Text(line, 20, space_pt=8) for line in [*lines, NOT_EXPLANATION]],
        words.notes_of(comparison),
        foot,
    )


def _add(talk: Talk, source: FigureSource, theme: Literal["light", "dark"]) -> None:
    """The slides of one figure, as native as its kind allows."""
    if isinstance(source, Comparison):
        comparison_slides.side_by_side(talk, source, Pictures(source))
        comparison_slides.focus(talk, source)
        return
    if isinstance(source, FocusBars) and _focus(talk, source):
        return
    if isinstance(source, WhatIfFigure):
        what_if(talk, source.table, source.picture.name)
        return
    page = talk.page(source.title, words.notes_of(source))
    drawn, aspect = picture_of(_for_slide(source, page.box, theme), PNG_DPI)
    page.picture(page.box.centred(aspect), drawn, source.alt)


def _focus(talk: Talk, source: FocusBars) -> bool:
    """Native charts of focus bars. False where not every network has a score in every region."""
    marks = {title: mark_of(one) for title, one in source.maps.items()}
    networks = {
        name: {
            f"{title} ({marks[title]})" if marks.get(title) else title: score
            for title, score in scores.items()
            if title not in BASELINES
        }
        for name, scores in source.by_region.items()
    }
    titles = [list(scores) for scores in networks.values()]
    if not titles or not titles[0] or any(one != titles[0] for one in titles):
        return False
    foot = [words.picture_line(source.picture.name), *map_notes(source.maps)]
    notes = words.notes_of(source)
    first = next(iter(networks))
    if source.score != SHARE:
        score = SCORES[source.score]
        for name in networks if score.of_region is not None else [first]:
            score_slides.bars(talk, networks[name], score, foot, notes)
        return True
    comparison_slides.shares(talk, first, networks[first], foot, notes)
    if len(networks) > 1:
        comparison_slides.lifts(talk, networks, foot, notes, source.numbers)
    return True


def _add_numbers(talk: Talk, source: FigureSource) -> None:
    if isinstance(source, Comparison):
        appendix.numbers(talk, source)
        return
    if isinstance(source, WhatIfFigure):
        appendix.what_if_numbers(talk, source.table, source.picture.name)
    elif isinstance(source, HasRows):
        appendix.figure_numbers(talk, source.title, source.rows(), words.notes_of(source))


def _for_slide(source: FigureSource, box: Box, theme: Literal["light", "dark"]) -> FigureSource:
    """The figure at the size it has on the slide, without the heading that the slide's title says already.

    A figure that draws its finding as a heading gets room for it too: the heading is left out afterwards.
    """
    tall = _without_heading(restyled(source, (box.width, box.height + HEADING_IN), theme, transparent=True))
    if is_titled(tall):
        return tall
    return _without_heading(restyled(source, (box.width, box.height), theme, transparent=True))


def _without_heading(source: FigureSource) -> FigureSource:
    given: object = source  # a type checker takes no dataclass for a figure
    if is_dataclass(given) and not isinstance(given, type) and any(one.name == "heading" for one in fields(given)):
        return cast(FigureSource, replace(given, heading=""))
    return source

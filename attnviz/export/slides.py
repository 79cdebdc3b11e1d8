"""PowerPoint files: native titles, text, tables and charts, pictures with alt text, notes for the speaker."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Literal, cast

from attnviz._version import __version__
from attnviz.errors import ValueRangeError
from attnviz.export.comparison import Comparison
from attnviz.export.deck import appendix, comparison_slides, words
from attnviz.export.deck.drawn import Pictures
from attnviz.export.deck.measure import Text
from attnviz.export.deck.page import Talk
from attnviz.export.deck.template import Template, layouts_of, own_layouts
from attnviz.export.deck.what_if_slides import what_if
from attnviz.export.figure_files import PNG_DPI, figure_png
from attnviz.export.figure_source import FigureSource, HasRows, restyled
from attnviz.export.whole import whole_file
from attnviz.faithfulness.what_if_table import WhatIf
from attnviz.render import NOT_EXPLANATION
from attnviz.render.columns import area_words

SlideSize = Literal["16:9", "4:3"]


def slides(
    figures: Mapping[str, FigureSource],
    path: str | os.PathLike[str],
    *,
    template: Template | None = None,
    title: str | None = None,
    size: SlideSize = "16:9",
    theme: Literal["light", "dark"] = "light",
    overwrite: bool = False,
) -> Path:
    """Write figures as slides, one after the other.

    A comparison becomes a slide of pictures with native captions, and where it has scores, a slide with a native chart
    and table. What-if tables become native charts too. Any other figure is a picture at full resolution under a native
    title. Each slide has alt texts, speaker notes with method, caution and the command that makes it again, and the
    marks of untrained, unproven or changed networks. The same figures give the same bytes.

    Args:
        figures: figures by name, in the order of the slides.
        path: a new file; its name ends in ".pptx". It is there whole or not at all.
        template: a .pptx or .potx file whose layouts, fonts and sizes are used; its own slides are left out. Titles
            that do not fit are written smaller. What it has no placeholder for goes into text boxes.
        title: of a first slide; None for no such slide.
        size: of the slides, "16:9" or "4:3", where no template is given.
        theme: "light" or "dark", likewise; also of the pictures of figures.
        overwrite: replace a file of that name.

    Returns:
        The path.

    Raises:
        ValueRangeError: no figure, the file exists, its folder does not, its name does not end in .pptx, or the
            template cannot be used.
        AssetError: the disk is full, or the file cannot be written.
    """
    return _written(
        path, overwrite, lambda: slides_pptx(figures, template=template, title=title, size=size, theme=theme)
    )


def slides_pptx(
    figures: Mapping[str, FigureSource],
    *,
    template: Template | None = None,
    title: str | None = None,
    size: SlideSize = "16:9",
    theme: Literal["light", "dark"] = "light",
) -> bytes:
    """The file that `slides` writes, as bytes, for a download."""
    if not figures:
        raise ValueRangeError("figures must hold at least one figure; got none. Add one.")
    talk_ = _talk(template, size, theme)
    if title is not None:
        talk_.opening(title, [*figures][:8], f"{title}\n\nMade with attnviz {__version__}.")
    for source in figures.values():
        _add(talk_, source, theme)
    for source in figures.values():
        _add_numbers(talk_, source)
    return talk_.saved(title or next(iter(figures.values())).title)


def talk(
    comparison: Comparison,
    path: str | os.PathLike[str],
    *,
    what_ifs: Sequence[WhatIf] = (),
    figures: Iterable[FigureSource] = (),
    template: Template | None = None,
    title: str | None = None,
    size: SlideSize = "16:9",
    theme: Literal["light", "dark"] = "light",
    overwrite: bool = False,
) -> Path:
    """Write a whole talk of a comparison.

    A title with the picture, the method, all networks side by side, one slide for each network, how much of each map
    lies in the regions (a native chart and table), what-if tables, further figures, and an appendix with the numbers.

    Args:
        comparison: of one to six networks.
        path: a new file; its name ends in ".pptx". It is there whole or not at all.
        what_ifs: tables of `attnviz.faithfulness.what_if`, each of which becomes a slide with a native chart.
        figures: further figures, a slide each, before the appendix.
        template: see `slides`.
        title: of the talk; None takes the comparison's finding.
        size: see `slides`.
        theme: see `slides`.
        overwrite: replace a file of that name.

    Returns:
        The path.

    Raises:
        ValueRangeError: the file exists, its folder does not, its name does not end in .pptx, or the template cannot be
            used.
        AssetError: the disk is full, or the file cannot be written.
    """
    return _written(
        path,
        overwrite,
        lambda: talk_pptx(
            comparison, what_ifs=what_ifs, figures=figures, template=template, title=title, size=size, theme=theme
        ),
    )


def talk_pptx(
    comparison: Comparison,
    *,
    what_ifs: Sequence[WhatIf] = (),
    figures: Iterable[FigureSource] = (),
    template: Template | None = None,
    title: str | None = None,
    size: SlideSize = "16:9",
    theme: Literal["light", "dark"] = "light",
) -> bytes:
    """The file that `talk` writes, as bytes, for a download."""
    talk_ = _talk(template, size, theme)
    pictures = Pictures(comparison)
    _opening(talk_, comparison, title or comparison.title, pictures)
    _method(talk_, comparison)
    comparison_slides.side_by_side(talk_, comparison, pictures)
    for place in range(len(comparison.panels)):
        comparison_slides.one_network(talk_, comparison, pictures, place)
    comparison_slides.focus(talk_, comparison)
    comparison_slides.several_regions(talk_, comparison)
    for table in what_ifs:
        what_if(talk_, table)
    further = list(figures)
    for source in further:
        _add(talk_, source, theme)
    appendix.numbers(talk_, comparison)
    for table in what_ifs:
        appendix.what_if_numbers(talk_, table)
    for source in further:
        _add_numbers(talk_, source)
    return talk_.saved(title or comparison.title)


def talk_of(figures: Mapping[str, FigureSource]) -> bytes:
    """A talk of the first comparison among some figures and of the others; slides where there is no comparison."""
    first = next((source for source in figures.values() if isinstance(source, Comparison)), None)
    if first is None:
        return slides_pptx(figures)
    return talk_pptx(first, figures=[source for source in figures.values() if source is not first])


def _talk(template: Template | None, size: str, theme: Literal["light", "dark"]) -> Talk:
    return Talk(own_layouts(size, theme) if template is None else layouts_of(template))


def _opening(talk_: Talk, comparison: Comparison, title: str, pictures: Pictures) -> None:
    networks = ", ".join(panel.title for panel in comparison.panels)
    page = talk_.opening(
        title,
        [comparison.picture.name, networks],
        words.notes_of(comparison, "What is compared, and on which picture."),
    )
    if page.box.width > 0:
        page.picture(page.box.centred(pictures.aspect), pictures.source, comparison_slides.source_alt(comparison))


def _method(talk_: Talk, comparison: Comparison) -> None:
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
    talk_.text_page(
        "How it was measured",
        [Text(line, 20, space_pt=8) for line in [*lines, NOT_EXPLANATION]],
        words.notes_of(comparison),
        foot,
    )


def _add(talk_: Talk, source: FigureSource, theme: Literal["light", "dark"]) -> None:
    """The slides of one figure, as native as its kind allows."""
    if isinstance(source, Comparison):
        comparison_slides.side_by_side(talk_, source, Pictures(source))
        comparison_slides.focus(talk_, source)
        comparison_slides.several_regions(talk_, source)
        return
    table = getattr(source, "table", None)
    if isinstance(table, WhatIf):
        what_if(talk_, table)
        return
    page = talk_.page(source.title, words.notes_of(source))
    drawn = _for_slide(source, (page.box.width, page.box.height), theme)
    made = drawn.figure().get_size_inches()
    page.picture(page.box.centred(float(made[0] / made[1])), figure_png(drawn, PNG_DPI), source.alt)


def _add_numbers(talk_: Talk, source: FigureSource) -> None:
    if isinstance(source, Comparison):
        appendix.numbers(talk_, source)
        return
    table = getattr(source, "table", None)
    if isinstance(table, WhatIf):
        appendix.what_if_numbers(talk_, table)
    elif isinstance(source, HasRows):
        appendix.figure_numbers(talk_, source.title, source.rows(), words.notes_of(source))


def _for_slide(source: FigureSource, size: tuple[float, float], theme: Literal["light", "dark"]) -> FigureSource:
    """The figure at the size it has on the slide, without the heading that the slide's title says already."""
    made = restyled(source, size, theme, transparent=True)
    given: object = made  # a type checker takes no dataclass for a figure
    if is_dataclass(given) and not isinstance(given, type) and any(one.name == "heading" for one in fields(given)):
        return cast(FigureSource, replace(given, heading=""))
    return made


def _written(path: str | os.PathLike[str], overwrite: bool, make: Callable[[], bytes]) -> Path:
    target = Path(path)
    if target.suffix.lower() != ".pptx":
        raise ValueRangeError(f"the file's name must end in .pptx; got {target.name}. Choose such a name.")
    with whole_file(target, overwrite) as hidden:
        hidden.write_bytes(make())
    return target

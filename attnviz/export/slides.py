"""PowerPoint files: native titles, text, tables and charts, pictures with alt text, notes for the speaker."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal

from attnviz.errors import AssetError, ValueRangeError
from attnviz.export.comparison import Comparison
from attnviz.export.deck import Template
from attnviz.export.figure_source import FigureSource
from attnviz.export.whole import whole_file
from attnviz.faithfulness.what_if_table import WhatIf
from attnviz.render.sizes import SIZES

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
    progress: Callable[[int, int], object] | None = None,
) -> bytes:
    """The file that `slides` writes, as bytes, for a download.

    `progress` is told how many figures are drawn, and how many there are; what it raises ends the work.
    """
    if not figures:
        raise ValueRangeError("figures must hold at least one figure; got none. Add one.")
    made: bytes = _build().slides_file(figures, template, title, size, theme, progress)
    return made


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
    made: bytes = _build().talk_file(comparison, what_ifs, figures, template, title, size, theme)
    return made


def talk_of(figures: Mapping[str, FigureSource], template: Template | None = None) -> bytes:
    """A talk of the first comparison among some figures and of the others; slides where there is no comparison.

    Slides are 4:3, or dark, where the first of the figures is, unless there is a template.
    """
    shown = next(iter(figures.values()), None)
    size: SlideSize = "4:3" if getattr(shown, "size", None) == SIZES["4:3"] else "16:9"
    theme: Literal["light", "dark"] = "dark" if getattr(shown, "theme", None) == "dark" else "light"
    first = next((source for source in figures.values() if isinstance(source, Comparison)), None)
    if first is None:
        return slides_pptx(figures, template=template, size=size, theme=theme)
    others = [source for source in figures.values() if source is not first]
    return talk_pptx(first, figures=others, template=template, size=size, theme=theme)


def check_template(template: Template) -> None:
    """Refuse a template that slides cannot be made with, before anything is made for them.

    Raises:
        ValueRangeError: it is no PowerPoint file, is damaged, or has no layout.
        AssetError: python-pptx is not installed.
    """
    _build().layouts_of(template)


def _written(path: str | os.PathLike[str], overwrite: bool, make: Callable[[], bytes]) -> Path:
    target = Path(path)
    if target.suffix.lower() != ".pptx":
        raise ValueRangeError(f"the file's name must end in .pptx; got {target.name}. Choose such a name.")
    with whole_file(target, overwrite) as hidden:
        hidden.write_bytes(make())
    return target


def _build() -> ModuleType:
    """What needs python-pptx, which only slides need: loaded when the first one is made.

    Raises:
        AssetError: it is not installed.
    """
    try:
        from attnviz.export.deck import build
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "pptx":
            raise
        raise AssetError("python-pptx must be installed for slides; it is not. Run pip install python-pptx.") from error
    return build

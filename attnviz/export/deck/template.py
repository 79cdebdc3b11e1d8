"""Layouts: those of the user's own template, or plain ones of ours."""

import io
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.presentation import Presentation as Deck
from pptx.slide import SlideLayout, SlideMaster
from pptx.util import Inches, Pt

from attnviz.errors import AttnvizError, PictureError, ValueRangeError
from attnviz.export.deck import Template
from attnviz.pictures.reading import read_file
from attnviz.render.sizes import SIZES

MOST_MB = 200
_TITLES = (PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE)
_AT_THE_FOOT = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER)
_TEXTS = (PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT)
_TYPES = "[Content_Types].xml"
_OF_TEMPLATES, _OF_DECKS = (f"presentationml.{kind}.main+xml".encode() for kind in ("template", "presentation"))
_KEPT = ("Title Slide", "Title and Content", "Title Only")
_LARGEST_PT, _OPENING_PT, _MARGIN_IN = 28, 36, 0.5


@dataclass(frozen=True, eq=False)
class Layouts:
    """The layouts that a talk is made of.

    Attributes:
        deck: the presentation, without slides.
        opening: of the first slide.
        text: a title and one text; None where the template has none.
        plain: a title and nothing else, as far as the template has such a layout.
    """

    deck: Deck
    opening: SlideLayout
    text: SlideLayout | None
    plain: SlideLayout

    @property
    def size_in(self) -> tuple[float, float]:
        """Width and height of a slide in inches."""
        return float(self.deck.slide_width / Inches(1)), float(self.deck.slide_height / Inches(1))


def layouts_of(template: Template) -> Layouts:
    """The layouts of a template; the slides in it are left out.

    Raises:
        ValueRangeError: the file is no PowerPoint file, is damaged, or has no layout.
    """
    name = template if isinstance(template, str | os.PathLike) else "the template"
    try:
        contents, _ = read_file(template, MOST_MB * 2**20)
    except PictureError as error:
        raise ValueRangeError(
            f"the template must be a PowerPoint file that can be read; got {name}. Check the path."
        ) from error
    try:
        deck = Presentation(io.BytesIO(_as_presentation(contents)))
        layouts = [layout for master in deck.slide_masters for layout in master.slide_layouts]
        _drop_slides(deck)
        if not layouts:
            raise ValueRangeError(f"the template must have at least one layout; got none in {name}. Save it again.")
        return Layouts(deck, _opening(layouts), _text_layout(layouts), _plain(layouts))
    except AttnvizError:
        raise
    except Exception as error:  # a damaged file fails wherever it is damaged: zip, XML, or a part that is missing
        raise ValueRangeError(
            f"the template must be a .pptx or .potx file that PowerPoint opens; got {name} ({type(error).__name__}). "
            "Open it in PowerPoint and save it again."
        ) from error


def own_layouts(size: str = "16:9", theme: Literal["light", "dark"] = "light") -> Layouts:
    """Plain layouts with the title at the upper left, black on white or white on black.

    Raises:
        ValueRangeError: an unknown size or theme.
    """
    if size not in ("16:9", "4:3"):
        raise ValueRangeError(f"size must be 16:9 or 4:3; got {size!r}. Or give a template.")
    if theme not in ("light", "dark"):
        raise ValueRangeError(f"theme must be light or dark; got {theme!r}.")
    deck = Presentation()
    width, height = SIZES[size]
    deck.slide_width, deck.slide_height = Inches(width), Inches(height)
    master = deck.slide_masters[0]
    for layout in list(master.slide_layouts):
        if layout.name not in _KEPT:
            master.slide_layouts.remove(layout)
    for surface in (master, *master.slide_layouts):
        _arrange(surface, width, height)
    style = master.element.find(f".//{qn('p:titleStyle')}/{qn('a:lvl1pPr')}")
    style.set("algn", "l")
    style.find(qn("a:defRPr")).set("sz", str(100 * _LARGEST_PT))
    style.find(qn("a:defRPr")).set("b", "1")
    if theme == "dark":
        colours = master.element.find(qn("p:clrMap"))
        colours.set("bg1", "dk1")
        colours.set("tx1", "lt1")
        master.background.fill.solid()
        master.background.fill.fore_color.rgb = RGBColor(0x0E, 0x11, 0x17)
    opening, text, plain = (next(one for one in master.slide_layouts if one.name == name) for name in _KEPT)
    return Layouts(deck, opening, text, plain)


def title_size(layout: SlideLayout) -> float:
    """Size in points that the title of a slide of this layout has by itself."""
    placeholder = next((one for one in layout.placeholders if one.placeholder_format.type in _TITLES), None)
    master = layout.slide_master.element
    found = placeholder.element.findall(f".//{qn('a:lvl1pPr')}/{qn('a:defRPr')}") if placeholder is not None else []
    for held in layout.slide_master.placeholders:
        if held.placeholder_format.type in _TITLES:
            found += held.element.findall(f".//{qn('a:lvl1pPr')}/{qn('a:defRPr')}")
    found += master.findall(f".//{qn('p:titleStyle')}/{qn('a:lvl1pPr')}/{qn('a:defRPr')}")
    sizes = [int(one.get("sz")) / 100 for one in found if one.get("sz")]
    return sizes[0] if sizes else 40.0


def _arrange(surface: SlideMaster | SlideLayout, width: float, height: float) -> None:
    """Put the placeholders of one master or layout in their places."""
    inner = width - 2 * _MARGIN_IN
    opening = surface.name == "Title Slide"
    places = {
        PP_PLACEHOLDER.TITLE: (_MARGIN_IN, 0.3, inner, 1.0),
        PP_PLACEHOLDER.CENTER_TITLE: (_MARGIN_IN, 0.9, inner * 0.48, 2.6),
        PP_PLACEHOLDER.SUBTITLE: (_MARGIN_IN, 3.7, inner * 0.48, 2.7),
        PP_PLACEHOLDER.BODY: (_MARGIN_IN, 1.5, inner, height - 2.1),
        PP_PLACEHOLDER.OBJECT: (_MARGIN_IN, 1.5, inner, height - 2.1),
        PP_PLACEHOLDER.DATE: (_MARGIN_IN, height - 0.42, 2.0, 0.32),
        PP_PLACEHOLDER.FOOTER: (width / 2 - 2, height - 0.42, 4.0, 0.32),
        PP_PLACEHOLDER.SLIDE_NUMBER: (width - _MARGIN_IN - 1.0, height - 0.42, 1.0, 0.32),
    }
    for one in surface.placeholders:
        place = places.get(one.placeholder_format.type)
        if place is None:
            continue
        one.left, one.top, one.width, one.height = (Inches(edge) for edge in place)
        frame = one.text_frame
        if one.placeholder_format.type in (*_TITLES, PP_PLACEHOLDER.SUBTITLE, PP_PLACEHOLDER.SLIDE_NUMBER):
            frame.margin_left = frame.margin_right = 0  # texts begin where pictures do
        if one.placeholder_format.type in (*_TITLES, PP_PLACEHOLDER.SUBTITLE):
            frame._txBody.bodyPr.set("anchor", "b" if opening and one.placeholder_format.type in _TITLES else "t")
        if opening and one.placeholder_format.type in _TITLES:
            frame._txBody.find(qn("a:lstStyle")).append(
                parse_xml(f'<a:lvl1pPr {nsdecls("a")}><a:defRPr sz="{100 * _OPENING_PT}"/></a:lvl1pPr>')
            )
        if opening and one.placeholder_format.type == PP_PLACEHOLDER.SUBTITLE:
            for level in frame._txBody.findall(f".//{qn('a:lvl1pPr')}"):
                level.set("algn", "l")
                level.find(qn("a:defRPr")).set("sz", str(int(Pt(20).centipoints)))
                for fill in level.find(qn("a:defRPr")).findall(qn("a:solidFill")):
                    level.find(qn("a:defRPr")).remove(fill)


def _opening(layouts: Iterable[SlideLayout]) -> SlideLayout:
    ordered = list(layouts)
    for wanted in (PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.SUBTITLE):
        for layout in ordered:
            if wanted in _kinds(layout):
                return layout
    return _plain(ordered)


def _text_layout(layouts: Iterable[SlideLayout]) -> SlideLayout | None:
    for layout in layouts:
        inside = [kind for kind in _kinds(layout) if kind not in _AT_THE_FOOT]
        if len(inside) == 2 and inside[0] in _TITLES[:1] and inside[1] in _TEXTS:
            return layout
    return None


def _plain(layouts: Iterable[SlideLayout]) -> SlideLayout:
    """The layout with a title and the fewest other things; where none has a title, the one with the fewest."""

    def things(layout: SlideLayout) -> tuple[bool, bool, int]:
        kinds = [kind for kind in _kinds(layout) if kind not in _AT_THE_FOOT]
        others = [kind for kind in kinds if kind not in _TITLES]
        return PP_PLACEHOLDER.TITLE not in kinds, not set(kinds) & set(_TITLES), len(others)

    return min(layouts, key=things)


def _kinds(layout: SlideLayout) -> list[PP_PLACEHOLDER]:
    return [one.placeholder_format.type for one in layout.placeholders]


def _drop_slides(deck: Deck) -> None:
    listed = deck.slides._sldIdLst
    for slide in list(listed):
        deck.part.drop_rel(slide.rId)
        listed.remove(slide)


def _as_presentation(contents: bytes) -> bytes:
    """A .potx file as the .pptx that it would be saved as; a .pptx file as it is."""
    with zipfile.ZipFile(io.BytesIO(contents)) as read:
        types = read.read(_TYPES)
        if b"macroEnabled" in types:
            raise ValueRangeError(
                "the template must be a .pptx or .potx file; got one with macros. Save it without them."
            )
        if _OF_TEMPLATES not in types:
            return contents
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
            for name in read.namelist():
                part = types.replace(_OF_TEMPLATES, _OF_DECKS) if name == _TYPES else read.read(name)
                written.writestr(name, part)
    return file.getvalue()

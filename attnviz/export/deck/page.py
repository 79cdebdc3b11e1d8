"""Slides one by one: native titles, text, tables and notes, pictures with alt text, nothing over anything else."""

import io
from collections.abc import Sequence
from typing import Literal

from pptx.chart.chart import Chart
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_SHAPE, PP_PLACEHOLDER
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.shapes.base import BaseShape
from pptx.slide import Slide, SlideLayout
from pptx.text.text import TextFrame
from pptx.util import Emu, Inches, Pt

from attnviz.export.deck.measure import NOTE_PT, READ_PT, Box, Text, fitted, height_of
from attnviz.export.deck.package import timeless
from attnviz.export.deck.template import Layouts, title_size
from attnviz.render.text import width_in

Align = Literal["left", "centre", "right"]

BADGE_COLOUR = "#B00020"
_ALIGNED = {"left": PP_ALIGN.LEFT, "centre": PP_ALIGN.CENTER, "right": PP_ALIGN.RIGHT}
_TITLES = (PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE)
_AT_THE_FOOT = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER)
_MARGIN_IN, _FOOT_IN, _GAP_IN = 0.5, 0.42, 0.15
_CELL_IN = 0.07
"""Room beside the text of a table's cell."""


class Page:
    """One slide, and the room on it.

    Attributes:
        box: the room between title and foot, less what was used.
    """

    def __init__(self, slide: Slide, box: Box) -> None:
        self.slide = slide
        self.box = box

    def text(self, box: Box, paragraphs: Sequence[Text], *, align: Align = "left") -> float:
        """Write paragraphs into a box, smaller if they would not fit. Returns the height that they take."""
        shown = fitted([one for one in paragraphs if one.words], box.width, box.height)
        height = height_of(shown, box.width)
        _fill(self.slide.shapes.add_textbox(*_emu(box.above(height))).text_frame, shown, align)
        return height

    def badge(self, box: Box, words: str) -> None:
        """A warning in white on red, over the upper left corner of a picture."""
        lines = words.split("\n")
        (first, *_) = fitted([Text(max(lines, key=len), 14, bold=True)], box.width - 0.2, 0.3)
        made = [Text(line, first.size_pt, bold=True, colour="#FFFFFF", space_pt=0) for line in lines]
        height = height_of(made, 100.0) + 0.1
        widest = min(box.width, 0.25 + 0.0105 * first.size_pt * max(map(len, lines)))
        shape = self.slide.shapes.add_shape(
            MSO_SHAPE.RECTANGLE, *_emu(Box(box.left + 0.06, box.top + 0.06, widest, height))
        )
        shape.fill.solid()
        shape.fill.fore_color.rgb = _rgb(BADGE_COLOUR)
        shape.line.color.rgb = _rgb("#FFFFFF")
        shape.shadow.inherit = False
        _fill(shape.text_frame, made, "centre")
        shape.text_frame.vertical_anchor = MSO_ANCHOR.MIDDLE

    def mark(self, box: Box, colour: str) -> None:
        """A small square of a region's colour."""
        shape = self.slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *_emu(box))
        shape.fill.solid()
        shape.fill.fore_color.rgb = _rgb(colour)
        shape.line.color.rgb = _rgb("#000000")
        shape.shadow.inherit = False
        _describe(shape, "")

    def picture(self, box: Box, png: bytes, alt: str) -> None:
        """A picture that fills a box, with its words for people who cannot see it."""
        _describe(self.slide.shapes.add_picture(io.BytesIO(png), *_emu(box)), alt)

    def chart(self, shape: BaseShape, alt: str) -> Chart:
        """A chart that was added, with its words."""
        _describe(shape, alt)
        chart: Chart = shape.chart
        return chart

    def readable_table(self, box: Box, rows: Sequence[Sequence[str]], alt: str, largest: float = READ_PT) -> float:
        """A table at the largest text, down to 12 points, at which it fits into a box and no word is broken."""
        for size in (one for one in (READ_PT, 17.0, 16.0, 15.0, 14.0, 13.0, NOTE_PT) if one <= largest):
            high = sum(row_heights(rows, column_widths(rows, box.width, size), size))
            if high <= box.height and sum(_longest_words(rows, size)) <= box.width:
                break
        return self.table(box, rows, alt, size_pt=size)

    def table(self, box: Box, rows: Sequence[Sequence[str]], alt: str, *, size_pt: float) -> float:
        """A native table, its head the first row. Returns its height.

        Args:
            box: where it goes; its rows are as high as their text, so it may end earlier.
            rows: of equally many cells.
            alt: the table in words.
            size_pt: of the text.
        """
        widths = column_widths(rows, box.width, size_pt)
        heights = row_heights(rows, widths, size_pt)
        shape = self.slide.shapes.add_table(
            len(rows), len(rows[0]), *_emu(Box(box.left, box.top, box.width, sum(heights)))
        )
        _describe(shape, alt)
        for column, width in zip(shape.table.columns, widths, strict=True):
            column.width = Inches(width)
        for number, (row, height) in enumerate(zip(rows, heights, strict=True)):
            shape.table.rows[number].height = Inches(height)
            for place, words in enumerate(row):
                cell = shape.table.cell(number, place)
                cell.margin_left = cell.margin_right = Inches(_CELL_IN)
                cell.margin_top = cell.margin_bottom = Inches(_CELL_IN / 2)
                cell.vertical_anchor = MSO_ANCHOR.MIDDLE
                _write(cell.text_frame, [Text(words, size_pt, bold=number == 0)], "left")
        return sum(heights)

    def notes(self, words: str) -> None:
        """What the speaker sees."""
        self.slide.notes_slide.notes_text_frame.text = words


class Talk:
    """A presentation that grows slide by slide."""

    def __init__(self, layouts: Layouts) -> None:
        self.layouts = layouts
        self.width, self.height = layouts.size_in

    def opening(self, title: str, lines: Sequence[str], notes: str) -> Page:
        """The first slide, its text on the left half; the right half is free for a picture."""
        layout = self.layouts.opening
        slide = self.layouts.deck.slides.add_slide(layout)
        half = Box(_MARGIN_IN, 0.7, (self.width - 2 * _MARGIN_IN) * 0.48, self.height - 1.5)
        _titled(slide, title, layout, half.above(2.8))
        second = next(
            (one for one in slide.placeholders if one.placeholder_format.type == PP_PLACEHOLDER.SUBTITLE), None
        )
        own = slide.shapes.title is not None and Emu(slide.shapes.title.width).inches < 0.55 * self.width
        free = Box(half.right + 0.4, 0.9, self.width - half.right - 0.4 - _MARGIN_IN, self.height - 1.9)
        page = Page(slide, free if own or slide.shapes.title is None else Box(0, 0, 0, 0))
        if second is not None:
            _fill(second.text_frame, fitted([Text(line, 20) for line in lines], *_inner(second)), None)
        else:
            page.text(half.below(3.0), [Text(line, 20) for line in lines])
        _finish(slide, layout, keep=(second,))
        page.notes(notes)
        return page

    def page(self, title: str, notes: str, foot: Sequence[str] = ()) -> Page:
        """A slide with a title, footnotes at its foot, and room between them."""
        layout = self.layouts.plain
        slide = self.layouts.deck.slides.add_slide(layout)
        box = self._room(slide)
        _titled(slide, title, layout, Box(_MARGIN_IN, 0.3, self.width - 2 * _MARGIN_IN, 1.0))
        _finish(slide, layout)
        page = Page(slide, box)
        if foot:
            lines = [Text(one, NOTE_PT, space_pt=0) for one in foot]
            height = min(height_of(lines, box.width), 0.3 * box.height)
            page.text(Box(box.left, box.bottom - height, box.width, height), lines)
            page.box = box.above(box.height - height - _GAP_IN)
        page.notes(notes)
        return page

    def text_page(self, title: str, paragraphs: Sequence[Text], notes: str, foot: Sequence[str] = ()) -> Page:
        """A slide of text, in the template's own text placeholder where it has one."""
        layout = self.layouts.text
        if layout is None:
            page = self.page(title, notes, foot)
            page.text(page.box, paragraphs)
            return page
        slide = self.layouts.deck.slides.add_slide(layout)
        _titled(slide, title, layout, Box(_MARGIN_IN, 0.3, self.width - 2 * _MARGIN_IN, 1.0))
        body = next(one for one in slide.placeholders if one.placeholder_format.type not in (*_TITLES, *_AT_THE_FOOT))
        width, height = _inner(body)
        lines = [Text(one, NOTE_PT, space_pt=0) for one in foot]
        foot_in = height_of(lines, width) if lines else 0.0
        _fill(body.text_frame, fitted(paragraphs, width - 0.4, height - foot_in), None)
        _finish(slide, layout, keep=(body,))
        place = Box(*(Emu(edge).inches for edge in (body.left, body.top, body.width, body.height)))
        page = Page(slide, place)
        if lines:
            body.left, body.top, body.width, body.height = (Inches(edge) for edge in (
                place.left, place.top, place.width, place.height - foot_in
            ))  # fmt: skip
            page.text(Box(place.left, place.bottom - foot_in, place.width, foot_in), lines)
        page.notes(notes)
        return page

    def saved(self, title: str) -> bytes:
        """The file. Equal talks give equal bytes."""
        told = self.layouts.deck.core_properties
        told.title, told.author, told.last_modified_by, told.revision = title[:255], "", "", 1
        told.subject = told.keywords = told.comments = ""
        file = io.BytesIO()
        self.layouts.deck.save(file)
        return timeless(file.getvalue())

    def _room(self, slide: Slide) -> Box:
        """Between the title and what the template has at the foot."""
        whole = Box(_MARGIN_IN, _MARGIN_IN, self.width - 2 * _MARGIN_IN, self.height - _MARGIN_IN - _FOOT_IN)
        foot = [
            Emu(one.top).inches
            for one in slide.slide_layout.placeholders
            if one.placeholder_format.type in _AT_THE_FOOT and Emu(one.top).inches > 0.6 * self.height
        ]
        bottom = min([whole.bottom, *(top - 0.05 for top in foot)])
        title = slide.shapes.title
        top = 1.4 if title is None else Emu(title.top + title.height).inches + _GAP_IN
        if title is not None and Emu(title.top).inches > self.height / 2:  # a title under its picture
            top, bottom = whole.top, Emu(title.top).inches - _GAP_IN
        if bottom - top < 0.4 * self.height:  # a layout made for something else: keep the upper third for the title
            top, bottom = self.height / 3, whole.bottom
        return Box(whole.left, top, whole.width, bottom - top)


def column_widths(rows: Sequence[Sequence[str]], width: float, size_pt: float) -> list[float]:
    """Widths of a table's columns, by the longest text in each, which may break at half of it."""
    longest = [
        max(width_in(words, size_pt, bold=number == 0) for number, words in enumerate(column)) + 2 * _CELL_IN + 0.03
        for column in zip(*rows, strict=True)
    ]
    total = sum(longest)
    if total <= width:
        extra = (width - total) / len(longest)
        return [one + extra for one in longest]
    # a column is never narrower than its longest word, as far as the table has the room
    least = [min(word, width / len(longest)) for word in _longest_words(rows, size_pt)]
    if sum(_longest_words(rows, size_pt)) <= width:
        least = _longest_words(rows, size_pt)
    spare = max(0.0, width - sum(least))
    wish = [max(0.0, one - low) for one, low in zip(longest, least, strict=True)]
    scale = spare / sum(wish) if sum(wish) else 0.0
    made = [low + scale * more for low, more in zip(least, wish, strict=True)]
    return [one * width / sum(made) for one in made]


def _longest_words(rows: Sequence[Sequence[str]], size_pt: float) -> list[float]:
    """Width of each column that its longest word needs."""
    return [
        max(width_in(word, size_pt, bold=number == 0) for number, cell in enumerate(column) for word in cell.split(" "))
        + 2 * _CELL_IN
        + 0.03
        for column in zip(*rows, strict=True)
    ]


def row_heights(rows: Sequence[Sequence[str]], widths: Sequence[float], size_pt: float) -> list[float]:
    """Heights of a table's rows, by the cell with the most lines in each."""
    return [
        max(
            height_of([Text(words, size_pt, bold=number == 0)], width - 2 * _CELL_IN)
            for words, width in zip(row, widths, strict=True)
        )
        + _CELL_IN
        + 0.02
        for number, row in enumerate(rows)
    ]


def _titled(slide: Slide, title: str, layout: SlideLayout, elsewhere: Box) -> None:
    """The title in its placeholder, smaller if it would not fit; in a text box where the template has none."""
    held = slide.shapes.title
    if held is None:
        Page(slide, elsewhere).text(elsewhere, [Text(title, 28, bold=True)])
        return
    size = title_size(layout)
    width, height = _inner(held)
    (shown,) = fitted([Text(title, size, bold=True)], width, height)
    held.text_frame.text = shown.words
    if shown.size_pt < size:
        for run in held.text_frame.paragraphs[0].runs:
            run.font.size = Pt(shown.size_pt)


def _finish(slide: Slide, layout: SlideLayout, keep: Sequence[BaseShape | None] = ()) -> None:
    """Take away placeholders that stay empty, and number the slide where the template does."""
    kept = {one.shape_id for one in keep if one is not None}
    for one in list(slide.placeholders):
        if one.placeholder_format.type not in _TITLES and one.shape_id not in kept:
            one.element.getparent().remove(one.element)
    number = next(
        (one for one in layout.placeholders if one.placeholder_format.type == PP_PLACEHOLDER.SLIDE_NUMBER), None
    )
    if number is not None:
        frame = slide.shapes.add_textbox(number.left, number.top, number.width, number.height).text_frame
        field = frame.paragraphs[0]._p.makeelement(qn("a:fld"), {"id": _FIELD, "type": "slidenum"})
        text = field.makeelement(qn("a:t"), {})
        text.text = str(slide.part.package.presentation_part.presentation.slides.index(slide) + 1)
        properties = field.makeelement(qn("a:rPr"), {"lang": "en-GB", "sz": str(int(100 * NOTE_PT))})
        field.append(properties)
        field.append(text)
        frame.paragraphs[0]._p.insert(0, field)
        frame.paragraphs[0].alignment = PP_ALIGN.RIGHT


_FIELD = "{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}"  # any number of this form does; a fixed one makes the same bytes


def _inner(shape: BaseShape) -> tuple[float, float]:
    """Width and height that text has in a shape, in inches."""
    return Emu(shape.width).inches - 0.2, Emu(shape.height).inches - 0.1


def _fill(frame: TextFrame, paragraphs: Sequence[Text], align: Align | None) -> None:
    """Text without margins, in lines that break where it was measured."""
    if align is not None:
        frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    frame.word_wrap = True
    frame.auto_size = MSO_AUTO_SIZE.NONE
    _write(frame, paragraphs, align)


def _write(frame: TextFrame, paragraphs: Sequence[Text], align: Align | None) -> None:
    for number, one in enumerate(paragraphs):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        if align is not None:
            paragraph.alignment = _ALIGNED[align]
        paragraph.space_before = Pt(one.space_pt if number else 0)
        run = paragraph.add_run()
        run.text = _clean(one.words)
        run.font.size = Pt(one.size_pt)
        if one.bold:
            run.font.bold = True
        if one.colour:
            run.font.color.rgb = _rgb(one.colour)


def _clean(words: str) -> str:
    """XML knows no control characters."""
    return "".join(sign for sign in words if sign >= " " or sign == "\t")


def _describe(shape: BaseShape, alt: str) -> None:
    shape._element.xpath(".//p:cNvPr")[0].set("descr", _clean(alt))


def _emu(box: Box) -> tuple[Emu, Emu, Emu, Emu]:
    return Inches(box.left), Inches(box.top), Inches(box.width), Inches(box.height)


def _rgb(colour: str) -> RGBColor:
    return RGBColor.from_string(colour.removeprefix("#").upper())

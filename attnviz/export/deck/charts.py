"""Native charts: bars that PowerPoint draws, with the numbers behind them."""

from collections.abc import Mapping, Sequence

from pptx.chart.chart import Chart
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION, XL_LEGEND_POSITION
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Inches, Pt

from attnviz.export.deck.measure import Box
from attnviz.export.deck.page import Page

SHARE, AREA, BLOB = "#4C78A8", "#8A9099", "#FFB000"
"""Colours of a network's share, of what a flat map scores, and of what a blob in the middle scores."""

_LABEL_PT, _SMALL_PT, _LEGEND_IN = 18, 14, 0.5
_NARROW_IN = 6.0
"""In a narrower chart the legend takes two lines."""

_ONE_LINE = 14
"""Letters of a name that are written in one line."""


def bar_chart(
    page: Page,
    box: Box,
    rows: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    colours: Sequence[str],
    alt: str,
    *,
    number_format: str,
    longest: float,
    spread: Sequence[tuple[float, float] | None] = (),
) -> Chart:
    """A chart of horizontal bars, a group for each row, with their numbers at their ends.

    Args:
        page: to draw on.
        box: where.
        rows: names, the first on top.
        series: values by what they are; None leaves a bar out. The first series is the one that matters.
        colours: of the series.
        alt: the chart in words.
        number_format: of the numbers, as a spreadsheet writes it, such as "0%".
        longest: end of the scale.
        spread: of the last series, how far each value reaches down and up; drawn as error bars.
    """
    data = CategoryChartData(number_format=number_format)
    data.categories = list(rows)
    for name, values in series.items():
        data.add_series(name, list(values))
    shape = page.slide.shapes.add_chart(
        XL_CHART_TYPE.BAR_CLUSTERED, *(Inches(edge) for edge in (box.left, box.top, box.width, box.height)), data
    )
    chart = page.chart(shape, alt)
    chart.font.size = Pt(_LABEL_PT)
    chart.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    chart.has_title = False
    chart.has_legend = True
    chart.legend.position = XL_LEGEND_POSITION.BOTTOM
    chart.legend.include_in_layout = False
    chart.legend.font.size = Pt(_LABEL_PT - 2)
    chart.category_axis.reverse_order = True  # the first row on top
    chart.category_axis.has_major_gridlines = False
    chart.category_axis.format.line.fill.background()
    # every row has its name: in two lines if it is long, and as large as the row is high
    row_pt = 72 * (box.height - _LEGEND_IN * (2 if box.width < _NARROW_IN else 1)) / len(rows)
    lines = 2 if max(map(len, rows)) > _ONE_LINE else 1
    chart.category_axis.tick_labels.font.size = Pt(max(10.0, min(_LABEL_PT, row_pt / (1.45 * lines))))
    skip = parse_xml(f'<c:tickLblSkip {nsdecls("c")} val="1"/>')
    chart.category_axis._element.find(qn("c:noMultiLvlLbl")).addprevious(skip)
    chart.value_axis.visible = False  # each bar carries its number
    chart.value_axis.has_major_gridlines = False
    chart.value_axis.minimum_scale, chart.value_axis.maximum_scale = 0.0, longest
    plot = chart.plots[0]
    plot.gap_width, plot.overlap = 45, 0
    plot.vary_by_categories = False
    # numbers of neighbouring bars must not run into each other
    bar_pt = row_pt / (len(series) + plot.gap_width / 100)
    for number, (one, colour) in enumerate(zip(plot.series, colours, strict=True)):
        one.format.fill.solid()
        one.format.fill.fore_color.rgb = RGBColor.from_string(colour[1:])
        one.format.line.color.rgb = RGBColor(0x80, 0x80, 0x80)  # a white bar is seen on white too
        one.format.line.width = Pt(0.5)
        one.invert_if_negative = False
        if any(spread) and number == len(series) - 1:
            continue  # the numbers would stand on the error bars
        labels = one.data_labels
        labels.show_value = True
        labels.number_format, labels.number_format_is_linked = number_format, False
        labels.position = XL_LABEL_POSITION.OUTSIDE_END
        labels.font.size = Pt(min(_LABEL_PT, 1.05 * bar_pt) if number == 0 else min(_SMALL_PT, 0.85 * bar_pt))
        labels.font.bold = number == 0
        labels.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    if any(spread):
        _add_spread(chart, spread)
    return chart


def _add_spread(chart: Chart, spread: Sequence[tuple[float, float] | None]) -> None:
    """Error bars on the last series, which python-pptx cannot add by itself."""
    points = {
        name: "".join(
            f'<c:pt idx="{place}"><c:v>{0.0 if one is None else one[side]!r}</c:v></c:pt>'
            for place, one in enumerate(spread)
        )
        for side, name in enumerate(("minus", "plus"))
    }
    ends = "".join(
        f'<c:{name}><c:numLit><c:ptCount val="{len(spread)}"/>{points[name]}</c:numLit></c:{name}>'
        for name in ("plus", "minus")
    )
    bars = parse_xml(
        f'<c:errBars {nsdecls("c", "a")}><c:errBarType val="both"/><c:errValType val="cust"/><c:noEndCap val="0"/>'
        f'{ends}<c:spPr><a:ln w="19050"><a:solidFill><a:schemeClr val="tx1"/></a:solidFill></a:ln></c:spPr></c:errBars>'
    )
    last = chart._chartSpace.findall(f".//{qn('c:ser')}")[-1]
    last.find(qn("c:cat")).addprevious(bars)

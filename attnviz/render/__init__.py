"""From maps to pictures: overlays, figures for slides, charts for pages. Nothing here changes a value."""

from attnviz.render.charts import channel_chart, channel_chart_alt, focus_chart, focus_chart_alt
from attnviz.render.comparison import MOST_PANELS, comparison_alt, comparison_figure
from attnviz.render.health_chart import excitation_alt, excitation_figure, health_alt, health_figure
from attnviz.render.interactive import comparison_chart
from attnviz.render.overlay import STYLES, Style, legend_strip, overlay
from attnviz.render.panel import MEANINGLESS, NOT_EXPLANATION, UNPROVEN, Panel, focus_line, number, the
from attnviz.render.scale import SCALES, Scale, ScaledMap, scale_maps, scale_sentences
from attnviz.render.sizes import SIZES, SLIDE_IN

__all__ = [
    "MEANINGLESS",
    "MOST_PANELS",
    "NOT_EXPLANATION",
    "SCALES",
    "SIZES",
    "SLIDE_IN",
    "STYLES",
    "UNPROVEN",
    "Panel",
    "Scale",
    "ScaledMap",
    "Style",
    "channel_chart",
    "channel_chart_alt",
    "comparison_alt",
    "comparison_chart",
    "comparison_figure",
    "excitation_alt",
    "excitation_figure",
    "focus_chart",
    "focus_chart_alt",
    "focus_line",
    "health_alt",
    "health_figure",
    "legend_strip",
    "number",
    "overlay",
    "scale_maps",
    "scale_sentences",
    "the",
]

"""From figures to files: PNG, SVG, PDF, the numbers, and a folder with all of it."""

from attnviz.export.bundle import SCHEMA_VERSION, bundle, bundle_files, bundle_zip
from attnviz.export.comparison import Comparison
from attnviz.export.comparison_grid import ComparisonGrid
from attnviz.export.evidence_figures import TrustFigure, WhatIfFigure
from attnviz.export.figure_files import (
    comparison_pdf,
    comparison_png,
    comparison_svg,
    figure_pdf,
    figure_png,
    figure_svg,
)
from attnviz.export.figure_source import FigureSource, HasArrays, HasRows, Json, Row, restyled
from attnviz.export.focus_bars import FocusBars
from attnviz.export.focus_over_pictures import FocusOverPictures
from attnviz.export.gate_figures import ChannelGateFigure, ChannelPreference, GateEffectFigure, GateHealthFigure
from attnviz.export.head_grid import HeadGrid
from attnviz.export.layer_walk import LayerWalkFigure
from attnviz.export.matrix_sheet import MatrixSheet
from attnviz.export.names import slug, unique_slugs
from attnviz.export.query_panel import QueryPanel
from attnviz.export.score_rows import COLUMNS
from attnviz.export.slides import slides, slides_pptx, talk, talk_pptx
from attnviz.export.tables import maps_npz, scores_csv

__all__ = [
    "COLUMNS",
    "SCHEMA_VERSION",
    "ChannelGateFigure",
    "ChannelPreference",
    "Comparison",
    "ComparisonGrid",
    "FigureSource",
    "FocusBars",
    "FocusOverPictures",
    "GateEffectFigure",
    "GateHealthFigure",
    "HasArrays",
    "HasRows",
    "HeadGrid",
    "Json",
    "LayerWalkFigure",
    "MatrixSheet",
    "QueryPanel",
    "Row",
    "TrustFigure",
    "WhatIfFigure",
    "bundle",
    "bundle_files",
    "bundle_zip",
    "comparison_pdf",
    "comparison_png",
    "comparison_svg",
    "figure_pdf",
    "figure_png",
    "figure_svg",
    "maps_npz",
    "restyled",
    "scores_csv",
    "slides",
    "slides_pptx",
    "slug",
    "talk",
    "talk_pptx",
    "unique_slugs",
]

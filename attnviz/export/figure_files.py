"""A figure as a file: PNG for slides, SVG and PDF with text that stays text."""

import io
import json
import threading

import matplotlib

from attnviz.errors import ValueRangeError
from attnviz.export.comparison import Comparison
from attnviz.export.figure_source import FigureSource
from attnviz.render.text import FAMILY

PNG_DPI = 300
VECTOR_DPI = 200
"""Resolution of the photographs inside SVG and PDF files."""

_SAVING = threading.Lock()
"""matplotlib's settings are global: only one thread at a time may change them and save."""


def figure_png(source: FigureSource, dpi: int = PNG_DPI) -> bytes:
    """A figure as a PNG, by default 4000 x 2250 pixels for a slide. Equal figures give equal bytes.

    Args:
        source: what to draw.
        dpi: pixels per inch, 50 to 600.

    Returns:
        The file's bytes. The text chunk "Description" holds the provenance as JSON; there is no EXIF.

    Raises:
        ValueRangeError: the resolution is out of range.
    """
    if not 50 <= dpi <= 600:
        raise ValueRangeError(f"dpi must be in 50..600; got {dpi}. A slide needs 150 to 300.")
    return _saved(
        source, "png", dpi, {"Title": source.title, "Description": _provenance(source), "Software": "attnviz"}
    )


def figure_svg(source: FigureSource) -> bytes:
    """A figure as an SVG: text can be selected and edited. Equal figures give equal bytes."""
    return _saved(
        source,
        "svg",
        VECTOR_DPI,
        {"Title": source.title, "Description": _provenance(source), "Date": None, "Creator": "attnviz"},
    )


def figure_pdf(source: FigureSource) -> bytes:
    """A figure as a PDF with TrueType text. Equal figures give equal bytes."""
    return _saved(
        source,
        "pdf",
        VECTOR_DPI,
        {"Title": source.title, "Subject": _provenance(source), "CreationDate": None, "Creator": "attnviz"},
    )


def comparison_png(comparison: Comparison, dpi: int = PNG_DPI) -> bytes:
    """A comparison as a PNG, as `figure_png` writes it."""
    return figure_png(comparison, dpi)


def comparison_svg(comparison: Comparison) -> bytes:
    """A comparison as an SVG, as `figure_svg` writes it."""
    return figure_svg(comparison)


def comparison_pdf(comparison: Comparison) -> bytes:
    """A comparison as a PDF, as `figure_pdf` writes it."""
    return figure_pdf(comparison)


def _saved(source: FigureSource, kind: str, dpi: int, metadata: dict[str, str | None]) -> bytes:
    file = io.BytesIO()
    settings = matplotlib.rc_context(
        {"svg.fonttype": "none", "pdf.fonttype": 42, "font.family": [FAMILY], "svg.hashsalt": "attnviz"}
    )
    with _SAVING, settings:
        source.figure().savefig(file, format=kind, dpi=dpi, metadata=metadata)
    return file.getvalue()


def _provenance(source: FigureSource) -> str:
    return json.dumps(source.provenance(), allow_nan=False)

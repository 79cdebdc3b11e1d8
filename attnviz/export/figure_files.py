"""A comparison as a file: PNG for slides, SVG and PDF with text that stays text."""

import io
import json
import threading

import matplotlib

from attnviz.errors import ValueRangeError
from attnviz.export.comparison import Comparison
from attnviz.render.text import FAMILY

PNG_DPI = 300
VECTOR_DPI = 200
"""Resolution of the photographs inside SVG and PDF files."""

_SAVING = threading.Lock()
"""matplotlib's settings are global: only one thread at a time may change them and save."""


def comparison_png(comparison: Comparison, dpi: int = PNG_DPI) -> bytes:
    """The comparison as a PNG, by default 4000 x 2250 pixels.

    Args:
        comparison: what to draw.
        dpi: pixels per inch, 50 to 600.

    Returns:
        The file's bytes. The text chunk "Description" holds the provenance as JSON; there is no EXIF.
    """
    if not 50 <= dpi <= 600:
        raise ValueRangeError(f"dpi must be in 50..600; got {dpi}. A slide needs 150 to 300.")
    return _saved(
        comparison,
        "png",
        dpi,
        {"Title": _title(comparison), "Description": _provenance(comparison), "Software": "attnviz"},
    )


def comparison_svg(comparison: Comparison) -> bytes:
    """The comparison as an SVG: text can be selected and edited. Equal comparisons give equal bytes."""
    return _saved(
        comparison,
        "svg",
        VECTOR_DPI,
        {"Title": _title(comparison), "Description": _provenance(comparison), "Date": None, "Creator": "attnviz"},
    )


def comparison_pdf(comparison: Comparison) -> bytes:
    """The comparison as a PDF with TrueType text. Equal comparisons give equal bytes."""
    return _saved(
        comparison,
        "pdf",
        VECTOR_DPI,
        {"Title": _title(comparison), "Subject": _provenance(comparison), "CreationDate": None, "Creator": "attnviz"},
    )


def _saved(comparison: Comparison, kind: str, dpi: int, metadata: dict[str, str | None]) -> bytes:
    file = io.BytesIO()
    settings = matplotlib.rc_context(
        {"svg.fonttype": "none", "pdf.fonttype": 42, "font.family": [FAMILY], "svg.hashsalt": "attnviz"}
    )
    with _SAVING, settings:
        comparison.figure().savefig(file, format=kind, dpi=dpi, metadata=metadata)
    return file.getvalue()


def _title(comparison: Comparison) -> str:
    return comparison.heading or f"attention of {len(comparison.panels)} networks in {comparison.picture.name}"


def _provenance(comparison: Comparison) -> str:
    return json.dumps(comparison.provenance(), allow_nan=False)

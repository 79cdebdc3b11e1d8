"""The published tables of parameters and costs, counted again."""

from attnviz.tables.published import rows
from attnviz.tables.rows import Computed, Figure, Row
from attnviz.tables.text import in_short, markdown, wrong

__all__ = ["Computed", "Figure", "Row", "in_short", "markdown", "rows", "wrong"]

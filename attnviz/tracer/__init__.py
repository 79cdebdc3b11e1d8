"""Tracing: what the attention layers of a network did with one picture."""

from attnviz.records.seen_picture import SeenPicture
from attnviz.tracer.tracing import trace

__all__ = ["SeenPicture", "trace"]

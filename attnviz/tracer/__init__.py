"""Tracing: what the attention layers of a network did with one picture."""

from attnviz.tracer.tracing import SeenPicture, trace

__all__ = ["SeenPicture", "trace"]

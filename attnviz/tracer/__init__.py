"""Tracing: what the attention layers of a network did with one picture, and what the network does without them."""

from attnviz.records.seen_picture import SeenPicture
from attnviz.tracer.intervening import intervene
from attnviz.tracer.tracing import trace, trace_each

__all__ = ["SeenPicture", "intervene", "trace", "trace_each"]

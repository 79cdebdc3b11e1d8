"""Networks whose attention is changed for now, so that what is made from them meanwhile can say so."""

from contextvars import ContextVar

from torch import nn

CHANGED: ContextVar[tuple[tuple[nn.Module, str], ...]] = ContextVar("attnviz_changed", default=())
"""For each intervention that this thread is in: the network, and what is changed, in words."""


def changes_of(model: nn.Module) -> str:
    """What this thread's interventions change in a network or a part of it, in words; empty for nothing."""
    if not CHANGED.get():
        return ""
    parts = set(model.modules())
    return ", ".join(words for changed, words in CHANGED.get() if changed in parts)

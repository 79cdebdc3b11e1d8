"""Networks whose attention is changed for now, so that what is made from them meanwhile can say so."""

from contextvars import ContextVar

from torch import nn

CHANGED: ContextVar[tuple[tuple[nn.Module, str], ...]] = ContextVar("attnviz_changed", default=())
"""For each intervention that this thread is in: the network, and what is changed, in words."""


def changes_of(model: nn.Module) -> str:
    """What this thread's interventions change in a network, in words; empty where they change nothing."""
    return ", ".join(words for changed, words in CHANGED.get() if changed is model)

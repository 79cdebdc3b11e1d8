"""What a trace holds: one record for each run of an attention layer."""

from attnviz.records.deferred import Deferred, Part, kept, owned, writes_to
from attnviz.records.kinds import PROVEN_BELOW, ChannelWeights, FeatureMask, Record, SelfAttention, Site, SpatialMask
from attnviz.records.tokens import TokenGrid
from attnviz.records.trace import Trace
from attnviz.records.untrained import mark_untrained, untrained_of

__all__ = [
    "PROVEN_BELOW",
    "ChannelWeights",
    "Deferred",
    "FeatureMask",
    "Part",
    "Record",
    "SelfAttention",
    "Site",
    "SpatialMask",
    "TokenGrid",
    "Trace",
    "kept",
    "mark_untrained",
    "owned",
    "untrained_of",
    "writes_to",
]

"""The map that shows a network's own attention: the numbers that its layers themselves multiplied."""

from attnviz.errors import NothingTracedError
from attnviz.maps.attention_from import AttentionFrom
from attnviz.maps.base import MapMethod
from attnviz.maps.feature_mask import FeatureMaskMap
from attnviz.maps.gated_activation import GatedActivation
from attnviz.maps.received import Received
from attnviz.maps.rollout import Rollout
from attnviz.maps.spatial_gate import SpatialGateMap
from attnviz.records import ChannelWeights, FeatureMask, SelfAttention, SpatialMask, Trace


def native(trace: Trace, query_cell: tuple[int, int] | None = None) -> MapMethod:
    """The method that comes nearest to "where does this network's attention look?".

    A spatial gate is itself a map, and a mask over all features is one once averaged over the channels. A transformer
    with a class token is shown by rollout to that token. Self-attention without a class token is shown from one place,
    or as what all places receive; where other tokens look than are looked at, as what they all look at. A channel gate
    has no place, so the activation that it weighted is shown.

    Args:
        trace: of any network with attention.
        query_cell: (row, column) of the place that looks, for self-attention without a class token; None for all.

    Returns:
        The method, to be called on the trace.

    Raises:
        NothingTracedError: the trace holds no attention.
    """
    kinds = {type(record) for record in trace.records}
    if SpatialMask in kinds:
        return SpatialGateMap()
    if FeatureMask in kinds:
        return FeatureMaskMap()
    if SelfAttention in kinds:
        last = trace.of(SelfAttention)[-1]
        if last.query_tokens is not None:
            return Received()
        if last.tokens.class_token is not None:
            return Rollout()
        return Received() if query_cell is None else AttentionFrom(query=query_cell)
    if ChannelWeights in kinds:
        return GatedActivation()
    raise NothingTracedError(
        "a network must have attention to show it; got a trace without records. Use GradCam or Activation."
    )

"""Are the numbers behind a map those that the network used?"""

import math

from torch import Tensor, nn

from attnviz.faithfulness.subject import Network, subject_of
from attnviz.faithfulness.trust_results import ReplayProof
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture, Preprocessing
from attnviz.records import Record
from attnviz.records.kinds import PROVEN_BELOW
from attnviz.records.seen_picture import SeenPicture
from attnviz.tracer import trace


def replay_proof(
    network: nn.Module | Network,
    picture: Picture | SeenPicture | Tensor,
    attention_map: AttentionMap,
    *,
    preprocessing: Preprocessing | None = None,
) -> ReplayProof:
    """Trace the network with replay, and look up the records that a map was made from.

    Args:
        network: as in `what_if`.
        picture: likewise.
        attention_map: of this network and picture.
        preprocessing: how a plain model sees a picture.

    Returns:
        The worst replay error among the records of the map. A map that comes from no record has none.
    """
    subject = subject_of(network, picture, preprocessing)
    verified = trace(subject.model, subject.seen, verify=True, allow_empty=True)
    mine = [record for record in verified.records if record.site in attention_map.sites]
    worst = max(mine, key=_share, default=None)
    proof = attention_map.proof
    if mine and proof == "not verified":
        proof = "proven" if all(record.proven for record in mine) else "unproven"
    return ReplayProof(
        proof=proof,
        used=len(mine),
        worst_error=_share(worst) if worst is not None else math.nan,
        worst_layer=worst.site.layer if worst is not None else "",
        limit=PROVEN_BELOW,
        unproven=tuple(dict.fromkeys(record.site.layer for record in verified.unproven)),
        read=len(verified.records),
    )


def _share(record: Record) -> float:
    """Replay error as a share of the layer's largest output; infinite where it is not a number."""
    error, scale = record.replay_error, record.output_scale
    if error is None or not math.isfinite(error) or not scale:
        return 0.0 if error == 0 else math.inf
    return error / scale

"""Whether a gate turns up the channels that are active in one region rather than in another."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ValueRangeError
from attnviz.gate_effect.parts import REST, Box, Parts
from attnviz.geometry import Geometry
from attnviz.records import ChannelWeights, FeatureMask, Site
from attnviz.regions import Region

SHUFFLES = 1999
"""How often weights are dealt out to channels at random, to see what correlation chance gives."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChannelSelectivity:
    """For each channel of one gated layer: which region it prefers, and how the gate weighted it.

    Attributes:
        site: of the gate.
        region: the one that a positive selectivity speaks for.
        against: the other one, or "the rest".
        selectivity: shape (channels,), -1 to 1; NaN for a channel that is silent in both.
        weights: the gate's factor of each channel; for a mask over all features, its mean over what the model saw.
        energy: each channel's share of the layer's energy before the gate.
        correlation: rank correlation (Spearman) of selectivity and weight over the channels that have one; None where
            there are under three of them, or one of the two is the same for all.
        by_chance: the middle 95 % of the correlations of `SHUFFLES` random shuffles of the weights; None likewise.
        p_value: share of shuffles, the real one among them, whose correlation is as far from zero; None likewise.
    """

    site: Site
    region: str
    against: str
    selectivity: Numbers
    weights: Numbers
    energy: Numbers
    correlation: float | None
    by_chance: tuple[float, float] | None
    p_value: float | None

    @property
    def mean_weights(self) -> tuple[float | None, float | None]:
        """Mean weight of the channels that prefer the region, and of those that prefer the other; None for none."""
        sides = self.weights[self.selectivity > 0], self.weights[self.selectivity < 0]
        first, second = (float(side.mean()) if side.size else None for side in sides)
        return first, second

    def to_rows(self) -> list[dict[str, str | float]]:
        """One flat row for each channel, for a table or a CSV file."""
        return [
            {
                "layer": self.site.layer,
                "channel": channel,
                "selectivity": selectivity,
                "weight": weight,
                "energy": energy,
            }
            for channel, (selectivity, weight, energy) in enumerate(
                zip(self.selectivity.tolist(), self.weights.tolist(), self.energy.tolist(), strict=True)
            )
        ]


def channel_selectivity(
    record: ChannelWeights | FeatureMask,
    region: Region,
    geometry: Geometry,
    *,
    against: Region | None = None,
    within_yxyx: Box | None = None,
) -> ChannelSelectivity:
    """Each channel's preference for one region over another, beside the weight that the gate gave it.

    With d the mean squared feature per area, before the gate: selectivity = (d_in - d_out) / (d_in + d_out). 1 is a
    channel that is active in the region alone, 0 one that is as active in the other, 0.5 one with three times the
    energy per area.

    Args:
        record: of a gate with a factor for each channel.
        region: drawn on the source picture.
        geometry: where the model input lies in the picture, as in `trace.geometry`.
        against: the other region, without overlap; None for all else that the model saw.
        within_yxyx: count only this box of the source picture, (top, left, bottom, right) in source pixels.

    Returns:
        The numbers. Features that are the same everywhere have a selectivity of 0; a flat gate has no correlation.

    Raises:
        ValueRangeError: regions overlap, or lie outside the crop; the layer has no energy; or the record has no factor
            for each channel.
        ShapeError: a region was drawn on another picture.
        NothingTracedError: the record kept no features.

    Misleads when:
        a channel prefers the region for its place and not for what it shows: zero padding makes channels that prefer
        the border. Many channels with little energy outvote few with much: look at the size of the points. The
        interval by chance takes channels as exchangeable, which correlated channels are not, so it is too narrow.

    Reference:
        The selectivity index of neurophysiology, (a - b) / (a + b), on squared activations. SE gates were looked at by
        class in Hu et al. 2018, arXiv:1709.01507, section 6.4; by region, ours.
    """
    if not isinstance(record, ChannelWeights | FeatureMask):
        raise ValueRangeError(
            f"{record.site.layer}: the gate must have a factor for each channel; got {type(record).__name__}. "
            "A spatial gate treats all channels alike: look at gate_effect."
        )
    features = record.features.double().numpy()
    regions = [region] if against is None else [region, against]
    parts = Parts.of(regions, geometry, (features.shape[1], features.shape[2]), within_yxyx)
    squares = np.square(features)
    densities = [(squares * covered).sum(axis=(1, 2)) / covered.sum() for covered in parts.covered[:2]]
    both = densities[0] + densities[1]
    selectivity = np.divide(densities[0] - densities[1], both, out=np.full_like(both, np.nan), where=both > 0)
    energy = (squares * parts.seen).sum(axis=(1, 2))
    if not energy.sum() > 0:
        raise ValueRangeError(
            f"the energy of {record.site.layer} before its gate must be above zero somewhere; got 0 in all. "
            "Check the network's weights."
        )
    if isinstance(record, ChannelWeights):
        weights = record.weights.double().numpy()
    else:
        weights = (record.factor.double().numpy() * parts.seen).sum(axis=(1, 2)) / parts.seen.sum()
    active = np.isfinite(selectivity)
    correlation, by_chance, p_value = _rank_correlation(selectivity[active], weights[active])
    return ChannelSelectivity(
        site=record.site,
        region=region.name,
        against=REST if against is None else against.name,
        selectivity=selectivity,
        weights=weights,
        energy=energy / energy.sum(),
        correlation=correlation,
        by_chance=by_chance,
        p_value=p_value,
    )


def _rank_correlation(first: Numbers, second: Numbers) -> tuple[float | None, tuple[float, float] | None, float | None]:
    """Spearman's correlation, the middle 95 % of what shuffling gives, and a two-sided p-value of the shuffles."""
    if len(first) < 3 or first.min() == first.max() or second.min() == second.max():
        return None, None, None
    one, other = _standard_ranks(first), _standard_ranks(second)
    correlation = float(one @ other)
    random = np.random.default_rng(0)  # the same picture gives the same interval
    shuffled = random.permuted(np.tile(other, (SHUFFLES, 1)), axis=1) @ one
    low, high = np.quantile(shuffled, (0.025, 0.975)).tolist()
    as_far = int((np.abs(shuffled) >= abs(correlation) - 1e-12).sum())
    return correlation, (low, high), (1 + as_far) / (SHUFFLES + 1)


def _standard_ranks(values: Numbers) -> Numbers:
    """Ranks with mean 0 and length 1; equal values share the mean of their places."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = ((ends - counts + ends - 1) / 2)[places]
    centred = ranks - ranks.mean()
    return centred / np.linalg.norm(centred)

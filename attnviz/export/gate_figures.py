"""What a network's gates did, as figures that can be written to files."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from attnviz.export.drawn import Drawn, origin, site_notes
from attnviz.export.figure_source import Json, Row
from attnviz.gate_effect import ChannelSelectivity, GateEffect
from attnviz.health import GateHealth
from attnviz.maps import ChannelProfile
from attnviz.pictures import Picture
from attnviz.records import Site
from attnviz.render import NOT_EXPLANATION, health_alt
from attnviz.render.charts import profile_alt, profile_title
from attnviz.render.gate_figure import moved_figure, selectivity_figure
from attnviz.render.gate_health_figure import channel_gate_figure, gate_health_figure, health_title
from attnviz.render.gate_words import (
    moved_chart_alt,
    moved_summary,
    selectivity_chart_alt,
    selectivity_summary,
)

ENERGY = (
    "Energy is the squared activation; a point is 1 % of the layer's energy. It is not what mattered for the answer."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class _OfNetwork(Drawn):
    """One network on one picture.

    Attributes:
        picture: the source picture.
        network: its title.
        weights: which weights it has, such as their sha256.
    """

    picture: Picture
    network: str
    weights: str = ""

    def _footer(self, sites: tuple[Site, ...], told: str) -> list[str]:
        return [f"{self.network} on {self.picture.name}. {told}", *site_notes(self.network, sites), NOT_EXPLANATION]

    def _origin(self, figure: str, sites: tuple[Site, ...]) -> dict[str, Json]:
        return {
            **origin([self.picture], {self.network: self.weights}),
            "figure": figure,
            "layers": list(dict.fromkeys(site.layer for site in sites)),
            "marks": list(site_notes(self.network, sites)),
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class GateEffectFigure(_OfNetwork):
    """What each gate of a network moved between regions.

    Attributes:
        effects: of its gates, in the order in which they ran, as from `gate_effect.gate_effects`.
        numbers: the regions' numbers, which decide their colours; 0, 1, 2 and so on unless given.
    """

    effects: tuple[GateEffect, ...]
    numbers: tuple[int, ...] | None = None

    @property
    def title(self) -> str:
        """The heading, or the gate that moved most."""
        return self.heading or f"{self.network}: {moved_summary(self.effects)}"

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        return f"{self.network}: {moved_chart_alt(self.effects)}"

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        return moved_figure(
            self.effects,
            numbers=self.numbers,
            heading=self.title if self.heading is None else self.heading,
            footer=self._footer(self._sites, ENERGY),
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def rows(self) -> list[Row]:
        """A row for each gate and region."""
        return [{"network": self.network, **row} for effect in self.effects for row in effect.to_rows()]

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        return {
            **self._origin("gate effect", self._sites),
            "unit": "share of the layer's energy (squared activation), before and after the gate",
            "gates": [{**row} for row in self.rows()],
        }

    @property
    def _sites(self) -> tuple[Site, ...]:
        return tuple(effect.site for effect in self.effects)


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelPreference(_OfNetwork):
    """Which region each channel of one layer prefers, and how its gate weighted it.

    Attributes:
        found: as from `gate_effect.channel_selectivity`.
        numbers: of the two regions, which decide their colours; 0 and 1 unless given.
    """

    found: ChannelSelectivity
    numbers: tuple[int, ...] | None = None

    @property
    def title(self) -> str:
        """The heading, or the finding."""
        return self.heading or f"{self.network}: {selectivity_summary(self.found)}"

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        return f"{self.network}: {selectivity_chart_alt(self.found)}"

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        return selectivity_figure(
            self.found,
            numbers=self.numbers,
            heading=self.title if self.heading is None else self.heading,
            footer=self._footer((self.found.site,), f"Channel gate of {self.found.site.layer}."),
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def rows(self) -> list[Row]:
        """A row for each channel."""
        return [{"network": self.network, **row} for row in self.found.to_rows()]

    def arrays(self) -> Mapping[str, np.ndarray]:
        """Selectivity, weight and share of the energy of each channel."""
        return {
            "selectivity": self.found.selectivity,
            "weights": self.found.weights,
            "energy": self.found.energy,
        }

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        found = self.found
        return {
            **self._origin("channel preference", (found.site,)),
            "unit": "factor of the gate; selectivity (d_in - d_out) / (d_in + d_out) of energy per area",
            "regions": [found.region, found.against],
            "correlation": found.correlation,
            "by_chance": None if found.by_chance is None else list(found.by_chance),
            "p_value": found.p_value,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class GateHealthFigure(_OfNetwork):
    """Where the factors of each gate of a network lie, and which gates are flagged.

    Attributes:
        healths: of its gates, in the order in which they ran, as from `health.of_trace`.
    """

    healths: tuple[GateHealth, ...]

    @property
    def title(self) -> str:
        """The heading, or how many gates are flat."""
        return self.heading or f"{self.network}: {health_title(self.healths)}"

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        return f"{self.network}: {health_alt(self.healths)}"

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        told = (
            "A factor of 0 closes a gate, 1 lets everything through. Flat: factors differ by under 5 % of the largest."
        )
        return gate_health_figure(
            self.healths,
            heading=self.title if self.heading is None else self.heading,
            footer=self._footer(self._sites, told),
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def rows(self) -> list[Row]:
        """A row for each gate."""
        made: list[Row] = []
        for one in self.healths:
            row: Row = {
                "network": self.network,
                "layer": one.site.layer,
                "call": one.site.call,
                "gate": one.kind,
                "minimum": one.minimum,
                "5 %": one.quantiles[0],
                "median": one.quantiles[2],
                "95 %": one.quantiles[-1],
                "maximum": one.maximum,
                "flags": "; ".join(one.flags),
            }
            if one.closed is not None and one.opened is not None:
                row |= {"closed": one.closed, "open": one.opened}
            made.append(row)
        return made

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        return {
            **self._origin("gate health", self._sites),
            "unit": "factor that the gate multiplied with",
            "gates": [{**row} for row in self.rows()],
        }

    @property
    def _sites(self) -> tuple[Site, ...]:
        return tuple(one.site for one in self.healths)


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelGateFigure(_OfNetwork):
    """The factors of one channel gate, from the most open channel to the most closed.

    Attributes:
        profile: as from `maps.channel_profile`.
    """

    profile: ChannelProfile

    @property
    def title(self) -> str:
        """The heading, or the gate with its mean."""
        return self.heading or f"{self.network}: {profile_title(self.profile)}"

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        return f"{self.network}: {profile_alt(self.profile)}"

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        return channel_gate_figure(
            self.profile,
            heading=self.title if self.heading is None else self.heading,
            footer=self._footer((self.profile.site,), "A factor of 0 closes a channel, 1 lets everything through."),
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def rows(self) -> list[Row]:
        """A row for each channel, the most open first."""
        return [
            {"network": self.network, "layer": self.profile.site.layer, "channel": channel, "factor": factor}
            for channel, factor in zip(self.profile.order.tolist(), self.profile.factors.tolist(), strict=True)
        ]

    def arrays(self) -> Mapping[str, np.ndarray]:
        """Channel numbers and factors, the most open first."""
        return {"order": self.profile.order, "factors": self.profile.factors}

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        return {
            **self._origin("channel gate", (self.profile.site,)),
            "unit": "factor that the gate multiplied with",
            "mean": self.profile.mean,
            "deviation": self.profile.deviation,
        }

"""What a gate did to its layer's features: energy moved between regions, and how it weighted selective channels.

Energy is the squared activation. The numbers say what one multiplication changed inside the network, not whether the
change mattered for the answer.
"""

from attnviz.gate_effect.channels import SHUFFLES, ChannelSelectivity, channel_selectivity
from attnviz.gate_effect.energy import REST, GateEffect, gate_effect, gate_effects
from attnviz.gate_effect.parts import without_overlap

__all__ = [
    "REST",
    "SHUFFLES",
    "ChannelSelectivity",
    "GateEffect",
    "channel_selectivity",
    "gate_effect",
    "gate_effects",
    "without_overlap",
]

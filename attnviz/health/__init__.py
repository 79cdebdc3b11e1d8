"""Do gates do anything? What their factors are over a set of pictures, and how they vary."""

from attnviz.health.gates import gate_health, of_trace, of_traces, stage_ends
from attnviz.health.one_gate import MOSTLY_FLAT, SAME_BELOW, SATURATED_ABOVE, SATURATED_WITHIN, GateHealth
from attnviz.health.words import flat_line, health_table, in_plain_words

__all__ = [
    "MOSTLY_FLAT",
    "SAME_BELOW",
    "SATURATED_ABOVE",
    "SATURATED_WITHIN",
    "GateHealth",
    "flat_line",
    "gate_health",
    "health_table",
    "in_plain_words",
    "of_trace",
    "of_traces",
    "stage_ends",
]

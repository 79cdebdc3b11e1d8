"""Does it matter, and can a map be trusted? Every test here runs the network again."""

from attnviz.faithfulness.class_swap import class_swap
from attnviz.faithfulness.progress import Progress, StoppedError
from attnviz.faithfulness.randomisation import randomise
from attnviz.faithfulness.removal import removal_curves
from attnviz.faithfulness.replay import replay_proof
from attnviz.faithfulness.similarity import moved_mass, rank_correlation, structure
from attnviz.faithfulness.trust import trust
from attnviz.faithfulness.trust_results import ClassSwap, Randomisation, RemovalCurve, ReplayProof, Trust
from attnviz.faithfulness.what_if import what_if
from attnviz.faithfulness.what_if_table import Control, WhatIf, WhatIfRow

__all__ = [
    "ClassSwap",
    "Control",
    "Progress",
    "Randomisation",
    "RemovalCurve",
    "ReplayProof",
    "StoppedError",
    "Trust",
    "WhatIf",
    "WhatIfRow",
    "class_swap",
    "moved_mass",
    "randomise",
    "rank_correlation",
    "removal_curves",
    "replay_proof",
    "structure",
    "trust",
    "what_if",
]

"""One picture asked of several networks: which map, what each network says, how much lies in the regions.

Page, command line and scripts all come through here, so that they show and write the same for the same choices.
"""

from attnviz.comparing.choice import KINDS, MapChoice, method_of, own_method
from attnviz.comparing.compare import DEFAULT_OPACITY, Progress, compare, comparison_of, panel_of, scored
from attnviz.comparing.networks import loaded_networks
from attnviz.comparing.reading import Reading, class_index, middle_of, own_words, ranked, read, traced
from attnviz.comparing.rebuild import Rebuilt, rebuild
from attnviz.comparing.sentences import contrast_headline, finding, headline, times

__all__ = [
    "DEFAULT_OPACITY",
    "KINDS",
    "MapChoice",
    "Progress",
    "Reading",
    "Rebuilt",
    "class_index",
    "compare",
    "comparison_of",
    "contrast_headline",
    "finding",
    "headline",
    "loaded_networks",
    "method_of",
    "middle_of",
    "own_method",
    "own_words",
    "panel_of",
    "ranked",
    "read",
    "rebuild",
    "scored",
    "times",
    "traced",
]

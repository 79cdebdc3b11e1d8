"""The bundled networks, pretrained ones of other libraries, checkpoints of the user's own, and their cards."""

from attnviz.zoo import pretrained
from attnviz.zoo.cards import Card, cards, names
from attnviz.zoo.checkpoint import load_checkpoint
from attnviz.zoo.checkpoint_architecture import architectures
from attnviz.zoo.checkpoint_match import KeyMatch, MatchError
from attnviz.zoo.load import Loaded, load
from attnviz.zoo.pretrained import load_pretrained

__all__ = [
    "Card",
    "KeyMatch",
    "Loaded",
    "MatchError",
    "architectures",
    "cards",
    "load",
    "load_checkpoint",
    "load_pretrained",
    "names",
    "pretrained",
]

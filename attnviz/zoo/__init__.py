"""The bundled networks, pretrained ones of other libraries, and their cards."""

from attnviz.zoo import pretrained
from attnviz.zoo.cards import Card, cards, names
from attnviz.zoo.load import Loaded, load
from attnviz.zoo.pretrained import load_pretrained

__all__ = ["Card", "Loaded", "cards", "load", "load_pretrained", "names", "pretrained"]

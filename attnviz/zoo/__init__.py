"""The bundled networks: their cards and how to load them."""

from attnviz.zoo.cards import Card, cards, names
from attnviz.zoo.load import Loaded, load

__all__ = ["Card", "Loaded", "cards", "load", "names"]

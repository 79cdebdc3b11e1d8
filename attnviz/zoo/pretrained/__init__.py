"""Pretrained networks of torchvision and timm: what there is, and how to load it.

Nothing here imports either library before a network is loaded, so listing stays quick and works without them.
"""

from attnviz.zoo.pretrained.cache import CACHE_VARIABLE, cache_folder, is_downloaded
from attnviz.zoo.pretrained.entries import Pretrained, catalogue
from attnviz.zoo.pretrained.fetching import MIRROR_VARIABLE, Progress
from attnviz.zoo.pretrained.load import download, load_pretrained

__all__ = [
    "CACHE_VARIABLE",
    "MIRROR_VARIABLE",
    "Pretrained",
    "Progress",
    "cache_folder",
    "catalogue",
    "download",
    "is_downloaded",
    "load_pretrained",
]

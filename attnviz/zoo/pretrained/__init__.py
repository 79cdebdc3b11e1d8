"""Pretrained networks of torchvision and timm: what there is, and how to load it.

Nothing here imports either library before a network is loaded, so listing stays quick and works without them.
"""

from attnviz.zoo.pretrained.cache import CACHE_VARIABLE, cache_folder, checked_with, is_downloaded
from attnviz.zoo.pretrained.entries import Pretrained, catalogue
from attnviz.zoo.pretrained.fetching import MIRROR_VARIABLE, Progress
from attnviz.zoo.pretrained.load import download, load_pretrained
from attnviz.zoo.pretrained.progress_line import ProgressLine

__all__ = [
    "CACHE_VARIABLE",
    "MIRROR_VARIABLE",
    "Pretrained",
    "Progress",
    "ProgressLine",
    "cache_folder",
    "catalogue",
    "checked_with",
    "download",
    "is_downloaded",
    "load_pretrained",
]

"""Reads the attention of trained networks, and puts a number on what it falls on."""

from attnviz import _torchvision_ops as _torchvision_ops
from attnviz._version import __version__ as __version__

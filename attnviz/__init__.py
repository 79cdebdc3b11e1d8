"""Reads the attention of trained networks, and puts a number on what it falls on."""

from attnviz import _torchvision_ops as _torchvision_ops

__version__ = "0.1.0"

"""Figures that explain a mechanism with its numbers. Each is a drawing on a board; `drawn` makes a figure of it."""

from attnviz.render.lesson.board import Board
from attnviz.render.lesson.drawing import Drawing, Look, drawn

__all__ = ["Board", "Drawing", "Look", "drawn"]

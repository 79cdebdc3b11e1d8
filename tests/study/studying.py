"""A folder of pictures and networks whose scores are arithmetic, and a study in a process of its own."""

from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from attnviz import study
from attnviz.zoo import Loaded
from tests.comparing.gate_network import gate_network

HEADINGS = "picture,region,x,y,w,h\n"


def picture(path: Path, white: str) -> None:
    """16 rows, 32 columns, one half white: the gate is 3/4 open there, and 1/4 on the black half."""
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, slice(0, 16) if white == "left" else slice(16, 32)] = 255
    Image.fromarray(pixels).save(path)


def mask(path: Path) -> None:
    """The left half."""
    Image.fromarray(np.arange(32)[None, :].repeat(16, axis=0) < 16).save(path)


def flat_network() -> Loaded:
    """A gate that is half open everywhere: its share is the area, whatever the picture shows."""
    loaded = gate_network("Flat", "b" * 64)
    with torch.no_grad():
        loaded.model[0].conv.weight.zero_()  # type: ignore[index, union-attr, operator]
    return loaded


def folder_of(path: Path, count: int = 2) -> Path:
    """Pictures a, b, c ..., in turn white on the left and on the right, each with a mask of its left half."""
    path.mkdir()
    for number in range(count):
        name = chr(ord("a") + number)
        picture(path / f"{name}.png", "right" if number % 2 else "left")
        mask(path / f"{name}.left half.png")
    return path


def in_a_process(folder: Path, out: Path, told: Connection) -> None:
    """A study that tells which picture it begins."""
    study.run(folder, out, gate_network(), map="own", progress=lambda _, name: told.send(name))

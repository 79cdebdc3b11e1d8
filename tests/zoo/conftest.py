"""Checkpoints to write, shared by the tests of what loads and of what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from attnviz.models import build

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes an object as a checkpoint and gives the path."""

    def write(content: object, name: str = "net.pt") -> Path:
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture(scope="module")
def vit() -> nn.Module:
    torch.manual_seed(0)
    return build("vit", 4).eval()

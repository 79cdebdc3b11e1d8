"""A mirror on this machine, an empty cache, and a catalogue whose entries a test may change."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attnviz.zoo.pretrained import entries
from attnviz.zoo.pretrained.entries import Pretrained
from tests.zoo.pretrained.file_server import Server, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that `ATTNVIZ_MIRROR` leads to."""
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    with serving() as settings:
        monkeypatch.setenv("ATTNVIZ_MIRROR", settings.address)
        yield settings


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of downloaded weights, set by the environment variable."""
    monkeypatch.setenv("ATTNVIZ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def change_entry(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Pretrained]:
    """Changes an entry of the catalogue for one test: `change_entry("resnet50", sha256_prefix="0123abcd")`."""

    def change(name: str, **facts: object) -> Pretrained:
        old = entries.entry_of(name)
        new = dataclasses.replace(old, **facts)
        changed = tuple(new if one.name == name else one for one in entries.catalogue())
        monkeypatch.setattr(entries, "catalogue", lambda: changed)
        return new

    return change

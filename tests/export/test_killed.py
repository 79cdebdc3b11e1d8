"""A process that is killed while it exports leaves its target whole or not at all, 50 times."""

import hashlib
import io
import json
import multiprocessing
import os
import random
import time
import zipfile

import numpy as np
import pytest
from pptx import Presentation

from tests.export.exporting import FIGURES, export

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is Unix")
KILLS = 50
TARGETS = ("folder", "file.zip", "talk.pptx", "replaced", "replaced.zip")


@pytest.fixture(scope="module")
def processes():
    """Processes start from a server that has imported the library: in milliseconds, and without this one's threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.export.exporting"])
    return context


def whole_number(target):
    """The number of a complete export; any part that is missing or cut fails."""
    if target.suffix == ".pptx":
        deck = Presentation(io.BytesIO(target.read_bytes()))
        assert len(deck.slides) == FIGURES
        return int(deck.slides[0].shapes.title.text.split()[-1])
    if target.suffix == ".zip":
        with zipfile.ZipFile(target) as archive:
            assert archive.testzip() is None
            found = {name: archive.read(name) for name in archive.namelist()}
    else:
        found = {path.name: path.read_bytes() for path in target.iterdir()}
    manifest = json.loads(found.pop("manifest.json"))
    assert {file["name"]: file["sha256"] for file in manifest["files"]} == {
        name: hashlib.sha256(contents).hexdigest() for name, contents in found.items()
    }
    assert len(manifest["figures"]) == FIGURES
    with np.load(io.BytesIO(found["maps.npz"])) as arrays:
        assert len(arrays.files) == FIGURES + 1
    return manifest["figures"][0]["number"]


def hidden(folder):
    """What lies in a folder under a hidden name."""
    return {path.name for path in folder.iterdir() if path.name.startswith(".")}


def run(processes, target, number, overwrite, kill_after=None):
    """One export; killed so many seconds after it began. Returns how long it ran, and whether it came to its end."""
    here, there = processes.Pipe(duplex=False)
    process = processes.Process(target=export, args=(target, number, overwrite, there), daemon=True)
    process.start()
    there.close()
    try:
        assert here.recv() == "begins"
        began = time.monotonic()
        if kill_after is not None:
            process.join(kill_after)
            process.kill()
        process.join(60)
        took = time.monotonic() - began
        ended = here.poll() and here.recv() == "ended"
    except EOFError:
        ended = False
    finally:
        process.kill()
        process.join(60)
        here.close()
    return took, ended


def test_killed_at_any_moment_it_is_whole_or_not_there(processes, tmp_path):
    draw = random.Random(7)
    took, before = {}, {}
    for place, name in enumerate(TARGETS):  # each kind once to its end: how long it takes, and something to replace
        target = tmp_path / name
        took[name], ended = run(processes, target, place, overwrite=False)
        assert ended
        assert whole_number(target) == place
        before[name] = place
        if not name.startswith("replaced"):
            target.rename(tmp_path / f"first {name}")
            before[name] = None
    left_hidden = came_through = 0
    for number in range(100, 100 + KILLS):
        name = TARGETS[number % len(TARGETS)]
        target = tmp_path / name
        before_hidden = hidden(tmp_path)
        lasted, ended = run(
            processes, target, number, before[name] is not None, kill_after=draw.uniform(0, 1.1 * took[name])
        )
        if ended:  # faster than the first time, when other processes slowed the machine: the next kills come sooner
            took[name] = min(took[name], lasted)
        found = whole_number(target) if target.exists() else None
        assert found in (before[name], number)
        assert not ended or found == number
        left_hidden += bool(hidden(tmp_path) - before_hidden)
        came_through += found == number
        if not name.startswith("replaced") and found is not None:  # the next one finds the name free again
            target.rename(tmp_path / f"{number} {name}")
            found = None
        before[name] = found
    # the kills did hit the middle of exports: most left a hidden name, few came through
    assert left_hidden > KILLS / 2
    assert came_through < KILLS / 2
    for name in TARGETS:
        _, ended = run(processes, tmp_path / name, 999, overwrite=True)
        assert ended
        assert whole_number(tmp_path / name) == 999
    assert not hidden(tmp_path), "the next export tidies"


def test_what_another_process_writes_is_not_tidied_away(processes, tmp_path):
    """Two exports to one target at once: the first to be done has the name, the other is refused, nothing is mixed."""
    pipes = [processes.Pipe(duplex=False) for _ in range(2)]
    running = [
        processes.Process(target=export, args=(tmp_path / "out", number, False, told), daemon=True)
        for number, (_, told) in enumerate(pipes)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert sorted(process.exitcode for process in running) == [0, 1]
    assert whole_number(tmp_path / "out") in (0, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]

"""A study that is killed goes on where it was, and finds the same."""

import json
import multiprocessing
import os
import random
import time
from pathlib import Path

import pytest

from attnviz import study
from tests.comparing.gate_network import gate_network
from tests.study.studying import folder_of, in_a_process

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is Unix")
PICTURES, KILLS = 12, 6


def test_killed_again_and_again_it_goes_on(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.study.studying"])
    folder, out = folder_of(tmp_path / "pictures", PICTURES), tmp_path / "out"
    study.run(folder, tmp_path / "whole", gate_network(), map="own")
    draw = random.Random(3)
    seen = 0
    for number in range(KILLS):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=in_a_process, args=(folder, out, there), daemon=True)
        process.start()
        there.close()
        for _ in range(2 * number + 1):  # each start comes two pictures further
            here.recv()
        time.sleep(draw.random() * 0.02)  # somewhere in measuring or writing one
        process.kill()
        process.join(60)
        here.close()
        files = [path for path in (out / "pictures").iterdir() if not path.name.startswith(".")]
        for path in files:
            assert json.loads(path.read_text("utf-8"))["rows"], "each is whole"
        assert seen <= len(files)
        seen = len(files)
        assert not (out / "scores.csv").exists() or seen == PICTURES
    assert seen > 0
    loaded = gate_network()
    ran: list[int] = []
    loaded.model.register_forward_pre_hook(lambda *_: ran.append(1))
    study.run(folder, out, loaded, map="own")
    assert len(ran) == PICTURES - seen, "only what was missing"
    for name in ("scores.csv", "summary.csv", "study.json"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()

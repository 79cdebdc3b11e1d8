"""What a person's own picture cost is free again when the person has left."""

import gc
import sys
import weakref

import numpy as np
import pytest
import streamlit as st

from attnviz.pictures import Picture, sample_pictures
from dashboard import memory, service, state
from dashboard.kept import Store


@pytest.fixture
def own_picture() -> Picture:
    rgb = sample_pictures()[1].open().rgb[:200, :200]
    return Picture(np.ascontiguousarray(rgb), sha256="5" * 64, name="own.png")


@pytest.mark.slow
def test_a_trace_of_an_own_picture_lives_as_long_as_a_session_holds_it(own_picture, monkeypatch) -> None:
    sessions: list[dict[str, Store]] = [{}, {}]
    for session in sessions:
        monkeypatch.setattr(st, "session_state", session)
        held = weakref.ref(service.trace(own_picture, "vit"))
        gc.collect()
        assert held() is service.trace(own_picture, "vit")  # found, and not run again
    first, second = sessions
    key = (own_picture.sha256, "vit")
    assert first[state.OWN_TRACES].get(key) is second[state.OWN_TRACES].get(key)  # run once for both
    first.clear()
    gc.collect()
    assert held() is not None
    second.clear()
    gc.collect()
    assert held() is None


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_giving_back_goes_on_beside_the_server() -> None:
    thread = memory.give_back()
    assert thread is None or (thread.is_alive() and thread.daemon)

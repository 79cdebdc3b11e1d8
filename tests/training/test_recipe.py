import math

import pytest

from attnviz.models import ARCHITECTURES
from attnviz.training.loop import one_cycle
from attnviz.training.recipe import PHASES, chain


def test_the_rate_rises_to_the_peak_and_falls_to_zero() -> None:
    rates = [one_cycle(step, 100, peak=0.5, warm_up=0.2) for step in range(100)]
    assert rates[9] == pytest.approx(0.25)  # half of the warm-up
    assert rates[19] == pytest.approx(0.5)
    assert rates[59] == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)) / 2)  # half of the cosine
    assert rates[99] == pytest.approx(0.0, abs=1e-12)
    assert max(rates) == rates[19]


def test_the_convolutional_networks_differ_only_in_architecture() -> None:
    recipes = [PHASES[name] for name in ARCHITECTURES if name != "vit"]
    facts = [{k: v for k, v in vars(phase).items() if k not in ("name", "architecture")} for phase in recipes]
    assert len(facts) == 4
    assert all(other == facts[0] for other in facts)


def test_every_network_has_a_phase_and_every_phase_can_run() -> None:
    assert set(ARCHITECTURES) <= set(PHASES)
    for name in PHASES:
        done: set[str] = set()
        for phase in chain(name):
            assert {phase.starts_from, phase.teacher} - {None} <= done
            done.add(phase.name)
        assert phase.name == name

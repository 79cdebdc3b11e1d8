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


def facts(name: str) -> dict[str, object]:
    return {key: value for key, value in vars(PHASES[name]).items() if key not in ("name", "architecture")}


@pytest.mark.parametrize("name", ["se_resnet", "cbam_resnet", "aa_resnet", "residual_attention"])
def test_convolutional_networks_differ_from_the_plain_one_only_in_architecture(name: str) -> None:
    assert facts(name) == facts("resnet_plain")


@pytest.mark.parametrize("variant", ["spatial_first", "channel", "channel_avg", "channel_max"])
def test_variants_of_cbam_share_one_short_schedule_with_the_runs_they_are_compared_with(variant: str) -> None:
    assert facts(f"cbam_{variant}") == facts("cbam_resnet_short_0") == facts("resnet_plain_short_0")


@pytest.mark.parametrize("name", ["resnet_plain", "cbam_resnet"])
def test_three_seeds_differ_in_the_seed_alone(name: str) -> None:
    runs = [facts(f"{name}_short_{seed}") for seed in (0, 1, 2)]
    assert [run.pop("seed") for run in runs] == [0, 1, 2]
    assert runs[0] == runs[1] == runs[2]


def test_every_network_has_a_phase_and_every_phase_can_run() -> None:
    assert set(ARCHITECTURES) <= set(PHASES)
    for name in PHASES:
        done: set[str] = set()
        for phase in chain(name):
            assert {phase.starts_from, phase.teacher} - {None} <= done
            done.add(phase.name)
        assert phase.name == name

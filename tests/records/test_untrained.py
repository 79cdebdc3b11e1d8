"""The mark of networks without trained weights, from the network to every map of it."""

import copy

import pytest
import torch
from torch import Tensor, nn

from attnviz.maps import METHODS, ModelMethod, explain
from attnviz.models import build
from attnviz.records import mark_untrained, untrained_of
from attnviz.tracer import intervene, trace

WORDS = "untrained parts: 2 of 62 tensors"


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_copies_parts_and_wrappers_keep_the_mark() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    assert untrained_of(model) == ""
    mark_untrained(model, WORDS)
    for one in (model, copy.deepcopy(model), model[0], nn.Sequential(model, nn.Linear(2, 2))):
        assert untrained_of(one) == WORDS
    assert untrained_of(nn.Linear(2, 2)) == ""


def test_two_marks_are_told_each_once() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    mark_untrained(first)
    mark_untrained(second, WORDS)
    assert untrained_of(nn.Sequential(first, second, copy.deepcopy(first))) == f"untrained, {WORDS}"


def test_empty_words_take_the_mark_away() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    mark_untrained(model, WORDS)
    mark_untrained(model, "")
    assert untrained_of(model) == ""
    assert not any("untrained" in name for module in model.modules() for name in vars(module))


def test_the_mark_is_no_weight() -> None:
    model = nn.Linear(2, 2)
    names = list(model.state_dict())
    mark_untrained(model, WORDS)
    assert list(model.state_dict()) == names


def test_a_trace_and_its_summary_say_so(picture: Tensor) -> None:
    model = build("cbam_resnet", 3).eval()
    before = trace(model, picture)
    mark_untrained(model, WORDS)
    after = trace(model, picture)
    assert before.untrained == ""
    assert {record.site.untrained for record in before.records} == {""}
    assert after.untrained == WORDS
    assert {record.site.untrained for record in after.records} == {WORDS}
    assert f"ResNet: {WORDS}" in after.summary().splitlines()
    assert torch.equal(before.logits, after.logits)


def test_a_network_without_attention_says_so(picture: Tensor) -> None:
    model = build("resnet_plain", 3).eval()
    mark_untrained(model)
    assert trace(model, picture, allow_empty=True).untrained == "untrained"


def test_it_stands_beside_what_an_intervention_says(picture: Tensor) -> None:
    model = build("se_resnet", 3).eval()
    mark_untrained(model, WORDS)
    with intervene(model, gates="off", layers="layer1.0.attention"):
        sites = [record.site for record in trace(model, picture).records]
    assert {site.untrained for site in sites} == {WORDS}
    assert [site.edit for site in sites[:2]] == ["gate off", "attention changed in layer1.0.attention"]


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_map_method_carries_it(name: str, picture: Tensor) -> None:
    method = METHODS[name]
    for architecture in ("cbam_resnet", "residual_attention", "vit", "aa_resnet"):
        model = build(architecture, 3).eval()
        mark_untrained(model, WORDS)
        seen = trace(model, picture)
        if not method.fits(seen.records):
            continue
        made = method()
        one = explain(model, picture, made) if isinstance(made, ModelMethod) else made(seen)
        assert one.untrained == WORDS
        return
    pytest.fail(f"no network here suits {name}")

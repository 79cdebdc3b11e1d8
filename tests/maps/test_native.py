import pytest
import torch

import attnviz
from attnviz.errors import NothingTracedError
from attnviz.maps import AttentionFrom, GatedActivation, Received, Rollout, SpatialGateMap, native
from attnviz.models import build


@pytest.mark.parametrize(
    ("name", "kind"),
    [("se_resnet", GatedActivation), ("cbam_resnet", SpatialGateMap), ("aa_resnet", Received), ("vit", Rollout)],
)
def test_each_mechanism_is_shown_by_its_own_numbers(name: str, kind: type) -> None:
    trace = attnviz.trace(build(name).eval(), torch.rand(1, 3, 32, 48))
    method = native(trace)
    assert isinstance(method, kind)
    assert method(trace).grid_hw == (4, 6)


def test_self_attention_without_a_class_token_looks_from_the_place_asked_for() -> None:
    trace = attnviz.trace(build("aa_resnet").eval(), torch.rand(1, 3, 32, 48))
    assert native(trace, (2, 5)) == AttentionFrom(query=(2, 5))


def test_no_attention_is_refused() -> None:
    trace = attnviz.trace(build("resnet_plain").eval(), torch.rand(1, 3, 32, 32), allow_empty=True)
    with pytest.raises(NothingTracedError, match="GradCam or Activation"):
        native(trace)

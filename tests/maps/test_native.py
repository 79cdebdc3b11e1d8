from dataclasses import replace

import numpy as np
import pytest
import torch

import attnviz
from attnviz.errors import NothingTracedError
from attnviz.maps import AttentionFrom, FeatureMaskMap, GatedActivation, Received, Rollout, SpatialGateMap, native
from attnviz.models import build
from attnviz.records import FeatureMask, Site, TokenGrid


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


def test_a_mask_over_all_features_is_averaged(trace_of):
    record = FeatureMask(Site("a", 0, "bam"), mask=torch.rand(2, 4, 6), base=1.0)
    assert native(trace_of(record)) == FeatureMaskMap()


def test_where_one_class_token_looks_at_the_patches_no_rollout_is_made(attention_of, trace_of):
    # One query, and keys for itself and 1 x 2 patches; it looks at them with 0.2, 0.3 and 0.5.
    record = attention_of(torch.tensor([[[0.2, 0.3, 0.5]]]), TokenGrid.whole((1, 2), prefix=1))
    record = replace(record, query_tokens=TokenGrid.whole((1, 1)))
    trace = trace_of(record)
    assert native(trace, (0, 1)) == Received()
    assert native(trace)(trace).values_hw == pytest.approx(np.array([[0.3, 0.5]]))


def test_no_attention_is_refused() -> None:
    trace = attnviz.trace(build("resnet_plain").eval(), torch.rand(1, 3, 32, 32), allow_empty=True)
    with pytest.raises(NothingTracedError, match="GradCam or Activation"):
        native(trace)

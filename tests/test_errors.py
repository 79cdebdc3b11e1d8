import pytest

from attnviz.errors import (
    AssetError,
    AttnvizError,
    NotFoundError,
    NothingTracedError,
    PictureError,
    ShapeError,
    ValueRangeError,
)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ShapeError, ValueError),
        (ValueRangeError, ValueError),
        (PictureError, ValueError),
        (NothingTracedError, LookupError),
        (NotFoundError, LookupError),
        (AssetError, OSError),
    ],
)
def test_each_kind_is_caught_as_ours_and_as_the_builtin(kind, builtin):
    assert issubclass(kind, AttnvizError)
    assert issubclass(kind, builtin)
    assert str(kind("one plain sentence.")) == "one plain sentence."


def test_not_found_names_the_nearest_and_every_name():
    known = ["vit_tiny", "se_resnet", "cbam_resnet"]
    message = str(NotFoundError.among("model", "se_resent", known, "in the zoo"))
    assert message.startswith("model 'se_resent' is not in the zoo; nearest: 'se_resnet'.")
    assert message.endswith("All: cbam_resnet, se_resnet, vit_tiny.")


def test_not_found_claims_no_nearest_name_where_none_is_near():
    message = str(NotFoundError.among("model", "zzz", ["vit_tiny"], "in the zoo"))
    assert message == "model 'zzz' is not in the zoo. All: vit_tiny."


def test_not_found_among_nothing_says_so():
    assert str(NotFoundError.among("model", "vit", [])) == "model 'vit' is not known here: there is none at all."

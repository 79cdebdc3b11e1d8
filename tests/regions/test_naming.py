"""Names of several regions."""

import pytest

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.regions import Region, unique_name, uniquely_named


def test_a_free_name_stays_and_a_taken_one_gets_the_first_free_number():
    assert unique_name("dog", []) == "dog"
    assert unique_name("dog", ["grass"]) == "dog"
    assert unique_name("dog", ["Dog"]) == "dog 2"
    assert unique_name("dog", ["dog", "dog 2", "dog 4"]) == "dog 3"


def test_regions_keep_their_order():
    dog, grass = Region("dog", [[1, 0]]), Region("grass", [[0, 1]])
    assert [one.name for one in uniquely_named([grass, dog])] == ["grass", "dog"]


def test_none_a_double_name_and_two_pictures_are_refused():
    dog = Region("dog", [[1, 0]])
    with pytest.raises(ValueRangeError, match="at least one region; got none"):
        uniquely_named([])
    with pytest.raises(ValueRangeError, match="got 'Dog' twice"):
        uniquely_named([dog, dog.invert("Dog")])
    with pytest.raises(ShapeError, match=r"got sizes \(1, 2\), \(2, 1\)"):
        uniquely_named([dog, Region("grass", [[1], [0]])])

"""Names of regions: several regions of one picture are told apart by them."""

from collections.abc import Collection, Sequence

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.regions.region import Region


def unique_name(name: str, taken: Collection[str]) -> str:
    """`name`, or where it is taken already, the first free one of "name 2", "name 3" and so on.

    Upper and lower case make no difference: "Dog" is taken where "dog" is.

    Example:
        >>> unique_name("dog", ["dog", "Dog 2"])
        'dog 3'
    """
    known = {one.casefold() for one in taken}
    if name.casefold() not in known:
        return name
    number = 2
    while f"{name} {number}".casefold() in known:
        number += 1
    return f"{name} {number}"


def uniquely_named(regions: Sequence[Region]) -> tuple[Region, ...]:
    """The regions, checked: of one picture, and each with a name of its own.

    Args:
        regions: in the order that matters to the caller, such as the one in focus first.

    Returns:
        The same regions.

    Raises:
        ValueRangeError: there is none, or two have one name; upper and lower case make no difference.
        ShapeError: they were drawn on pictures of different sizes.
    """
    if not regions:
        raise ValueRangeError("regions must hold at least one region; got none. Draw one around the object.")
    seen: set[str] = set()
    for region in regions:
        if region.name.casefold() in seen:
            raise ValueRangeError(
                f"regions must have different names; got {region.name!r} twice. Rename one with region.rename(...)."
            )
        seen.add(region.name.casefold())
    sizes = sorted({region.source_hw for region in regions})
    if len(sizes) > 1:
        raise ShapeError(
            f"regions must be of one picture; got sizes {', '.join(map(str, sizes))} (height, width). "
            "Draw them on the same picture."
        )
    return tuple(regions)

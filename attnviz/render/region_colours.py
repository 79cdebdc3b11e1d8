"""One colour for each region, the same on the page, in charts and in figures."""

REGION_COLOURS = (
    "#FFB000",
    "#56B4E9",
    "#E68AC0",
    "#00B88A",
    "#F06A2A",
    "#F0E442",
    "#9A86F5",
    "#FFFFFF",
)
"""Colours of the first region, the second and so on: bright, so that they stand out from a map over a black line, and
after Okabe and Ito (2008), so that people of every colour vision tell neighbours apart. Names stand beside them."""


def region_colour(number: int) -> str:
    """Colour of the region with this number, from 0; after the last colour it begins again."""
    return REGION_COLOURS[number % len(REGION_COLOURS)]

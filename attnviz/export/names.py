"""File names that every system accepts."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 60

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def slug(name: str) -> str:
    """A name in lower-case letters, digits, dashes and underscores: "My Dog (2).JPG" becomes "my-dog-2-jpg"."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    made = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:LONGEST].strip("-")
    return f"{made or 'figure'}-" if made in _RESERVED else made or "figure"


def unique_slugs(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """A slug for each name, in order; a number tells apart those that would be equal."""
    used = set(taken)
    made = []
    for name in names:
        candidate, number = slug(name), 2
        while candidate in used:
            candidate = f"{slug(name)}-{number}"
            number += 1
        used.add(candidate)
        made.append(candidate)
    return made

"""Numbers of a lesson's tables, as people write them."""

import numpy as np
import numpy.typing as npt

_MINUS = "\N{MINUS SIGN}"


def written(values: npt.ArrayLike) -> list[list[str]]:
    """Numbers of a table as people write them: whole ones without decimals, the others all with the same number."""
    table = np.asarray(values, dtype=np.float64)
    largest = float(np.abs(table).max(initial=0.0, where=np.isfinite(table)))
    whole = bool((table == np.round(table)).all()) and largest < 1e5
    if largest >= 1e5:
        form = ".1e"
    elif whole:
        form = ".0f"
    else:
        form = ".0f" if largest >= 1000 else ".1f" if largest >= 100 else ".2f"
    return [[_signed(f"{value:{form}}") for value in line] for line in table]


def _signed(word: str) -> str:
    """With a proper minus sign, and none before a zero."""
    if word.startswith("-") and not word.strip("-0."):
        word = word[1:]
    return word.replace("-", _MINUS)

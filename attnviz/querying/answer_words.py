"""Words of the answers: shares, ranks, tokens and cells."""

from collections.abc import Mapping

_NO_BREAK = "\N{NO-BREAK SPACE}"


def tenths(share: float) -> str:
    """A share in percent with one decimal, held together by a no-break space; small ones show that they are small."""
    if 0 < share < 0.0005:
        return f"< 0.1{_NO_BREAK}%"
    return f"{100 * share:.1f}{_NO_BREAK}%"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def grouped(prefix: Mapping[str, float]) -> dict[str, float]:
    """Shares of the tokens without a place; several registers count as one entry, "registers"."""
    shares: dict[str, float] = {}
    several = sum(name.startswith("register") for name in prefix) > 1
    for name, share in prefix.items():
        key = "registers" if several and name.startswith("register") else name
        shares[key] = shares.get(key, 0.0) + float(share)
    return shares


def token_words(name: str, article: str = "") -> str:
    """How a token without a place is called: "class token", "registers", "padding"."""
    if name in ("registers", "padding"):
        return article + "registers" if name == "registers" else "padding"
    return f"{article}{name} token"


def place(cell: tuple[int, int]) -> str:
    """A cell as people count, from 1: "row 3, column 7"."""
    return f"row {cell[0] + 1}, column {cell[1] + 1}"


def capital(sentence: str) -> str:
    """The sentence with a capital letter at its beginning."""
    return sentence[0].upper() + sentence[1:]

"""Every network there is, in one table: bundled, and pretrained ones of other libraries, downloaded or not."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.zoo.cards import WEIGHTS_FOLDER, Card, cards
from attnviz.zoo.pretrained import Pretrained, catalogue, is_downloaded

BUNDLED, DOWNLOADED, TO_DOWNLOAD = "bundled", "downloaded", "to download"


@dataclass(frozen=True)
class Listed:
    """One network, as the table shows it.

    Attributes:
        name: as `attnviz.load` takes it for a bundled network, and `attnviz.zoo.load_pretrained` for another.
        title: as figures show it.
        origin: "attnviz", "torchvision" or "timm".
        here: "bundled", "downloaded" or "to download".
        mechanism: the attention in it, in a few words.
        parameters: number of trained numbers.
        input: what it sees of a picture, such as "224 px".
        classes: number of classes; 0 for a network that gives features only.
        top1: share of validation pictures whose first answer is right; None where nobody states it. Of a bundled
            network on its own classes, of a pretrained one on ImageNet's.
        top5: likewise among the first five answers.
        megabytes: size of the file, in units of 2**20 bytes; None where the file is missing.
        licence: of the weights.
        trained_on: the data set.
        paper: "arXiv:" and a number; empty for bundled networks, whose cards say more.
        note: what a user should know; often empty.
    """

    name: str
    title: str
    origin: str
    here: str
    mechanism: str
    parameters: int
    input: str
    classes: int
    top1: float | None
    top5: float | None
    megabytes: float | None
    licence: str
    trained_on: str
    paper: str = ""
    note: str = ""

    def to_json(self) -> dict[str, object]:
        """The row as a JSON file holds it."""
        return asdict(self)


def everything(cache: Path | None = None) -> list[Listed]:
    """All networks: the bundled ones first, then the pretrained ones in the order of the catalogue.

    Args:
        cache: folder of downloaded weights; None takes the usual one.

    Raises:
        AssetError: the cards or the catalogue are missing or damaged.
    """
    return [_of_card(card) for card in cards().values()] + [_of_entry(entry, cache) for entry in catalogue()]


def chosen(
    networks: Iterable[Listed],
    *,
    origin: str | None = None,
    attention: str | None = None,
    search: str | None = None,
    downloaded: bool = False,
) -> list[Listed]:
    """The networks that fit all that is asked for. Letter case does not matter.

    Args:
        networks: from `everything`.
        origin: "attnviz", "torchvision" or "timm".
        attention: whole words of the attention's name, such as "SE", "channel gates" or "self-attention". "SE" does
            not find "self-attention".
        search: words that must each stand somewhere in the row.
        downloaded: only those that need no download.

    Raises:
        NotFoundError: no network is of that origin.
        ValueRangeError: nothing fits.
    """
    known = list(networks)
    origins = sorted({network.origin for network in known})
    if origin is not None and origin not in origins:
        raise NotFoundError.among("origin", origin, origins, "one of the networks'")
    found = [
        network
        for network in known
        if (origin is None or network.origin == origin)
        and (attention is None or _has_attention(network, attention))
        and (search is None or all(word in _words(network) for word in search.lower().split()))
        and (not downloaded or network.here != TO_DOWNLOAD)
    ]
    if not found:
        raise ValueRangeError(
            f"the filters must leave at least one of the {len(known)} networks; got none. "
            "Ask for less, or run `python -m attnviz models` to see all."
        )
    return found


def table(networks: Sequence[Listed]) -> str:
    """The networks as aligned text, one line each."""
    header = (
        "name", "attention", "parameters", "input", "top-1", "top-5", "classes", "MB", "licence", "from", "here",
    )  # fmt: skip
    rows = [
        (
            network.name,
            network.mechanism,
            f"{network.parameters / 1e6:.1f} M",
            network.input,
            _percent(network.top1),
            _percent(network.top5),
            str(network.classes or "none"),
            "" if network.megabytes is None else f"{network.megabytes:.0f}",
            network.licence,
            network.origin,
            network.here,
        )
        for network in networks
    ]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    )


def _of_card(card: Card) -> Listed:
    file = WEIGHTS_FOLDER / card.file
    return Listed(
        name=card.name,
        title=card.title,
        origin=card.origin,
        here=BUNDLED,
        mechanism=card.mechanism,
        parameters=card.parameters,
        input=f"{card.preprocessing.short_side} px",
        classes=len(card.classes),
        top1=card.top1,
        top5=card.top5,
        megabytes=round(file.stat().st_size / 2**20, 1) if file.is_file() else None,
        licence=card.licence,
        trained_on=card.trained_on,
    )


def _of_entry(entry: Pretrained, cache: Path | None) -> Listed:
    return Listed(
        name=entry.name,
        title=entry.title,
        origin=entry.origin,
        here=DOWNLOADED if is_downloaded(entry, cache) else TO_DOWNLOAD,
        mechanism=entry.mechanism,
        parameters=entry.parameters,
        input=f"{entry.input_hw[0]} px",
        classes=entry.classes,
        top1=entry.top1,
        top5=entry.top5,
        megabytes=entry.megabytes,
        licence=entry.licence,
        trained_on=entry.trained_on,
        paper=entry.paper,
        note=entry.note,
    )


def _has_attention(network: Listed, wanted: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", network.mechanism, re.IGNORECASE) is not None


def _words(network: Listed) -> str:
    return " ".join(str(value) for value in network.to_json().values()).lower()


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"

"""Cards: what must be known of a network to use its weights and to judge them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

from attnviz.errors import AssetError, NotFoundError
from attnviz.pictures import Preprocessing

WEIGHTS_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "weights"
"""Where the weights and `cards.json` lie in a checkout of the project."""


@dataclass(frozen=True)
class Card:
    """What is known of one network. The bundled networks' cards hold every fact; others hold what there is.

    Attributes:
        name: as `attnviz.load` takes it.
        title: as figures show it.
        mechanism: the attention in it, in a few words.
        architecture: as `attnviz.models.build` takes it, or as its own library names it.
        classes: names of the outputs, in order.
        preprocessing: what the network expects of a picture.
        cam_layer: layer for class activation maps unless told otherwise.
        parameters: number of trained numbers.
        file: name of the weights file beside the cards, or the file that was read; empty without one.
        sha256: of that file; empty without one.
        top1: share of the validation pictures whose first answer is right, measured on the shipped weights; None where
            nobody measured.
        top5: likewise among the first five answers.
        top1_by_short_side: the same top-1 share at each input size tried, keyed by pixels of the short side.
        validated_on: number of validation pictures.
        measured: further numbers of the evaluation, as `python -m attnviz train --report` writes them.
        recipe: the training phases, one mapping each.
        trained_on: the data set.
        seed: of the training.
        date: when training ended, as YYYY-MM-DD.
        licence: of the weights.
        origin: who made the network: "attnviz", "torchvision", "timm", or "file" for a checkpoint of the user's own.
        untrained: empty, or what of the network has no trained weights: such a network's maps mean nothing, and
            everything made of it says so.
    """

    name: str
    title: str
    mechanism: str
    architecture: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    cam_layer: str
    parameters: int
    file: str = ""
    sha256: str = ""
    top1: float | None = None
    top5: float | None = None
    top1_by_short_side: Mapping[str, float] = field(default_factory=dict)
    validated_on: int = 0
    measured: Mapping[str, object] = field(default_factory=dict)
    recipe: tuple[Mapping[str, object], ...] = ()
    trained_on: str = ""
    seed: int | None = None
    date: str = ""
    licence: str = ""
    origin: str = "attnviz"
    untrained: str = ""

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "Card":
        """The card written by `to_json`."""
        fields = dict(stored)
        facts = fields.pop("preprocessing")
        if not isinstance(facts, Mapping):
            raise TypeError(f"preprocessing must be a mapping; got {facts!r}")
        return cls(preprocessing=Preprocessing(**_tuples(facts)), **_tuples(fields))  # type: ignore[arg-type]

    def to_json(self) -> dict[str, object]:
        """The card as a JSON file gives it back: plain values, lists for tuples."""
        plain: dict[str, object] = json.loads(json.dumps(asdict(self)))
        return plain


def _tuples(stored: Mapping[str, object]) -> dict[str, object]:
    """The mapping with its lists as tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}


def cards(folder: Path = WEIGHTS_FOLDER) -> dict[str, Card]:
    """Every bundled network's card by name, in the order of the file.

    Raises:
        AssetError: `cards.json` is missing or cannot be read.
    """
    path = folder / "cards.json"
    try:
        state = path.stat()
        return dict(_read(path, state.st_mtime_ns, state.st_size))
    except FileNotFoundError as error:
        raise AssetError(
            f"the networks' cards must be in {path}; got no such file. Use a full checkout of the project."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise AssetError(
            f"{path} must hold a list of cards; got '{error}'. Restore the file from the project's history."
        ) from error


@lru_cache(maxsize=4)
def _read(path: Path, _changed_ns: int, _size: int) -> dict[str, Card]:
    """The cards in a file, read again once it was changed."""
    return {entry["name"]: Card.from_json(entry) for entry in json.loads(path.read_text(encoding="utf-8"))}


def names() -> tuple[str, ...]:
    """Names of the bundled networks."""
    return tuple(cards())


def card_of(name: str, folder: Path = WEIGHTS_FOLDER) -> Card:
    """The card of network `name`.

    Raises:
        NotFoundError: no such network; the message names the nearest and all of them.
        AssetError: there are no cards.
    """
    known = cards(folder)
    if name not in known:
        raise NotFoundError.among("network", name, known, "in the zoo")
    return known[name]

"""The numbers of the first screen, kept in a file: they are there before the networks have run on this machine.

The file holds what the bundled networks answered about the first sample, in raw numbers; colours and words are made
from them as from any others. Each answer belongs to one picture and to one file of weights, both named by their sha256:
with other weights, or another picture, it is not used. As soon as the networks have run here, their own answers take
its place. After a change to the networks, the sample or the method, write the file anew:

    python -m dashboard.first_screen
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from attnviz import comparing, health, zoo
from attnviz.comparing import MapChoice, Reading
from attnviz.errors import AttnvizError, NothingTracedError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture, sample_pictures
from attnviz.records import Site, Trace
from attnviz.render import MOST_PANELS
from attnviz.zoo import Card
from attnviz.zoo.cards import WEIGHTS_FOLDER

FILE = Path(__file__).resolve().parents[1] / "assets" / "first_screen.json"
CHOICE = MapChoice("gradcam")
"""What the page shows at first."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What one network answers about the first sample.

    Attributes:
        picture_sha256: of the sample.
        reading: its map and its predictions.
        flat: which of its gates are flat, as `health.flat_line` says it; empty if none is.
    """

    picture_sha256: str
    reading: Reading
    flat: str


def names() -> tuple[str, ...]:
    """The networks of the first screen."""
    return tuple(zoo.cards())[:MOST_PANELS]


def computed(loaded: zoo.Loaded, picture: Picture) -> Answer:
    """Run a network on the sample."""
    trace = comparing.traced(loaded, picture)
    return Answer(picture.sha256, comparing.read(loaded, picture, CHOICE, trace), flat_of(trace))


def flat_of(trace: Trace) -> str:
    """Which gates are flat, in words; empty if none is, or if there is no gate."""
    try:
        return health.flat_line(health.of_trace(trace))
    except NothingTracedError:
        return ""


def stored(picture: Picture, folder: Path = WEIGHTS_FOLDER, file: Path = FILE) -> Iterator[Answer]:
    """The answers in the file that belong to this picture and to the weights in `folder`; none if it cannot be read."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        cards = zoo.cards(folder)
        for one in kept:
            card, is_of_it = cards.get(one["network"]), one["picture_sha256"] == picture.sha256
            if card is not None and is_of_it and _fits(one["weights_sha256"], card, folder):
                yield _answer(one, card)
    except (OSError, ValueError, KeyError, TypeError, AttnvizError):
        return


def _fits(sha256: str, card: Card, folder: Path) -> bool:
    """Whether the weights are those that the answer was made with: as the card says, and as they lie in the folder."""
    return sha256 == card.sha256 == hashlib.sha256((folder / card.file).read_bytes()).hexdigest()


def words_of(answer: Answer) -> dict[str, object]:
    """An answer as plain values. An end of the bounds that is infinite is null."""
    reading, made = answer.reading, answer.reading.attention_map
    assert reading.card is not None
    return {
        "network": reading.name,
        "weights_sha256": reading.card.sha256,
        "picture_sha256": answer.picture_sha256,
        "flat": answer.flat,
        "what": reading.what,
        "explained": reading.explained,
        "is_attention": reading.is_attention,
        "predictions": [list(one) for one in reading.predictions],
        "values_hw": made.values_hw.tolist(),
        "method": made.method,
        "sites": [[site.layer, site.call, site.mechanism] for site in made.sites],
        "meaning": made.meaning,
        "unit": made.unit,
        "bounds": [end if math.isfinite(end) else None for end in made.bounds],
        "signed": made.signed,
        "geometry": None if made.geometry is None else asdict(made.geometry),
        "target": made.target,
        "note": made.note,
    }


def _answer(one: dict, card: Card) -> Answer:
    low, high = one["bounds"]
    made = AttentionMap(
        one["values_hw"],
        one["method"],
        tuple(Site(*site) for site in one["sites"]),
        one["meaning"],
        one["unit"],
        (-math.inf if low is None else low, math.inf if high is None else high),
        one["signed"],
        None if one["geometry"] is None else Geometry(**{key: tuple(value) for key, value in one["geometry"].items()}),
        one["target"],
        one["note"],
    )
    predictions = tuple((str(name), float(share)) for name, share in one["predictions"])
    what, explained, is_attention = one["what"], one["explained"], one["is_attention"]
    reading = Reading(card.name, card.title, made, predictions, what, explained, is_attention, card, CHOICE)
    return Answer(one["picture_sha256"], reading, one["flat"])


def main() -> None:
    """Write the file."""
    picture = sample_pictures()[0].open()
    answers = [words_of(computed(zoo.load(name), picture)) for name in names()]
    FILE.write_text(json.dumps(answers, indent=1, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

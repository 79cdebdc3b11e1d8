"""The catalogue: one entry for each pretrained network, read from `catalogue.json`.

The first fields of an entry there are chosen by hand. The others are facts that `python -m docs.networks` reads from
the installed torchvision and timm, and writes again.
"""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from attnviz.errors import AssetError, NotFoundError

FILE = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True)
class Pretrained:
    """What is known of one pretrained network before it is downloaded.

    Attributes:
        name: as `load_pretrained` takes it: torchvision's name of the network, or timm's name of network and weights.
        origin: "torchvision" or "timm".
        title: as figures show it.
        mechanism: the attention in it, in a few words.
        paper: where the network or its attention is from, as "arXiv:" and a number.
        trained_on: the data set.
        cam_layer: layer for class activation maps.
        note: what a user should know, one sentence; often empty.
        weights: torchvision's name of the weights; empty for timm, whose names say it.
        parameters: number of trained numbers.
        input_hw: height and width that it was trained or evaluated with.
        classes: number of its outputs that stand for classes; 0 for a network that gives features only.
        licence: of the weights, as their library states it.
        megabytes: size of the file, in units of 2**20 bytes.
        megabytes_known: True if the library states the size; False if it is counted from the network's tensors.
        top1: share of ImageNet's validation pictures whose first answer is right, as the library states it; None where
            it does not.
        top5: likewise among the first five answers.
        address: where the file comes from.
        sha256_prefix: first digits of the file's sha256, as its name holds them; empty for timm, whose hub reports all.
    """

    name: str
    origin: str
    title: str
    mechanism: str
    paper: str
    trained_on: str
    cam_layer: str
    note: str
    weights: str
    parameters: int
    input_hw: tuple[int, int]
    classes: int
    licence: str
    megabytes: float
    megabytes_known: bool
    top1: float | None
    top5: float | None
    address: str
    sha256_prefix: str

    @property
    def file_name(self) -> str:
        """Name of the file in the cache. It ends as its address does, since readers go by the ending."""
        last = urlsplit(self.address).path.rpartition("/")[2]
        return last if self.sha256_prefix else f"{self.name}.{last.rpartition('.')[2]}"

    def to_json(self) -> dict[str, object]:
        """The entry as a JSON file holds it."""
        return {**asdict(self), "input_hw": list(self.input_hw)}


@cache
def catalogue() -> tuple[Pretrained, ...]:
    """Every pretrained network that can be loaded by name.

    Raises:
        AssetError: the catalogue's file is missing or damaged.
    """
    try:
        stored = json.loads(FILE.read_text(encoding="utf-8"))
        return tuple(Pretrained(**{**entry, "input_hw": tuple(entry["input_hw"])}) for entry in stored)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AssetError(
            f"{FILE} must hold the list of pretrained networks; got '{error}'. Install the package again."
        ) from error


def entry_of(name: str) -> Pretrained:
    """The entry of network `name`.

    Raises:
        NotFoundError: no such network; the message names the nearest and all of them.
    """
    for entry in catalogue():
        if entry.name == name:
            return entry
    raise NotFoundError.among("network", name, [entry.name for entry in catalogue()], "among the pretrained ones")

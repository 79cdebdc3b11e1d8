"""Everything that was asked for, as plain values: with it, the same comparison can be made again."""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from attnviz.comparing.choice import MapChoice
from attnviz.comparing.reading import Reading
from attnviz.errors import PictureError
from attnviz.export import Json
from attnviz.pictures import Picture
from attnviz.pictures.reading import decode
from attnviz.regions import Region
from attnviz.zoo import Card


def request_of(picture: Picture, readings: Sequence[Reading], regions: Sequence[Region]) -> dict[str, Json]:
    """What was asked of which networks about which picture. How it is drawn stands in the comparison's own fields.

    Args:
        picture: the source picture.
        readings: of the networks, all of the same map, with their cards.
        regions: the one in focus first.

    Returns:
        Plain values for a JSON file: "picture" (name, sha256), "map", "point_yx" and "layer" as in `MapChoice`,
        "models" (how to load each, its sha256, and the class that was asked for, null for its own top-1), and "regions"
        (each as `region_words` tells it). Empty where a reading does not know its card or choice.
    """
    told = [(reading.card, reading.choice) for reading in readings]
    models = [_model(card, choice) for card, choice in told if card is not None and choice is not None]
    if not told or len(models) < len(told):
        return {}
    first = readings[0].choice or MapChoice()
    return {
        "picture": {"name": picture.name, "sha256": picture.sha256},
        "map": first.kind,
        "layer": first.layer,
        "point_yx": None if first.point_yx is None else list(first.point_yx),
        "models": [*models],
        "regions": [region_words(region) for region in regions],
    }


def region_words(region: Region) -> dict[str, Json]:
    """A region as plain values: `{"name", "box_xywh"}` for a filled rectangle, else `{"name", "mask_png"}`.

    The box is (x, y, width, height) in source pixels; the mask is a PNG of one bit a pixel, as base64.
    """
    rows, columns = (np.flatnonzero(region.mask_hw.any(axis=axis)) for axis in (1, 0))
    top, left, height, width = int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    if region.mask_hw[top : top + height, left : left + width].all():
        return {"name": region.name, "box_xywh": [left, top, width, height]}
    file = io.BytesIO()
    Image.fromarray(region.mask_hw).save(file, "PNG", optimize=True)
    return {"name": region.name, "mask_png": base64.b64encode(file.getvalue()).decode("ascii")}


def region_from_words(words: Mapping[str, Json], source_hw: tuple[int, int]) -> Region:
    """The region that `region_words` told, exactly.

    Args:
        words: as `region_words` gives them.
        source_hw: height and width of the picture.

    Raises:
        PictureError: the mask cannot be read, or has another size.
        ValueRangeError: the box holds no pixel's centre, or the whole picture.
        KeyError, TypeError, ValueError: these are not the words of a region.
    """
    name, box = str(words["name"]), words.get("box_xywh")
    if isinstance(box, list):
        left, top, width, height = (float(one) for one in box if isinstance(one, int | float))
        return Region.from_box(name, (top, left, top + height, left + width), source_hw)
    return Region(name, _mask(str(words["mask_png"]), source_hw))


def _mask(text: str, source_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    stored, _ = decode(base64.b64decode(text, validate=True), "mask_png", source_hw[0] * source_hw[1])
    if (stored.height, stored.width) != source_hw:
        raise PictureError(
            f"the mask must have the picture's {source_hw[0]} x {source_hw[1]} pixels; got {stored.height} x "
            f"{stored.width}. Use the picture that it was drawn on."
        )
    return np.asarray(stored.convert("L")) > 0


def _model(card: Card, choice: MapChoice) -> dict[str, Json]:
    pretrained = card.origin in ("torchvision", "timm")
    return {
        "name": card.architecture if pretrained else card.name,
        "origin": card.origin,
        "title": card.title,
        "architecture": card.architecture,
        "file": card.file,
        "sha256": card.sha256,
        "untrained": card.untrained,
        "target": choice.target,
        "class": card.classes[choice.target] if choice.target is not None and card.classes else None,
    }

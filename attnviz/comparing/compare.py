"""The picture, the networks and the regions become one comparison, ready to draw and to write."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from attnviz import focus
from attnviz.comparing.choice import MapChoice
from attnviz.comparing.networks import loaded_networks
from attnviz.comparing.reading import Reading, class_index, middle_of, read
from attnviz.comparing.request import request_of
from attnviz.comparing.sentences import finding
from attnviz.errors import AttnvizError, NotFoundError, ShapeError, ValueRangeError
from attnviz.export import Comparison
from attnviz.focus import FocusScore
from attnviz.geometry import Interpolation
from attnviz.pictures import Picture, open_picture
from attnviz.pictures.reading import PictureFile
from attnviz.regions import Region, uniquely_named
from attnviz.render import MOST_PANELS, SCALES, SIZES, STYLES, Panel, Scale, Style
from attnviz.zoo import Loaded

Progress = Callable[[float, str], None]
"""Gets the share that is done, 0 to 1, and what is being done. An error that it raises ends the work."""

Scores = Mapping[str, Mapping[str, FocusScore]]
"""Focus scores by the network's title, by the region's name; the region in focus comes first."""

SHOWN_ANSWERS = 3
"""Classes a panel names, the most likely first."""

DEFAULT_OPACITY = 0.85


def compare(
    picture: Picture | PictureFile | np.ndarray,
    models: str | Loaded | Sequence[str | Loaded],
    *,
    map: str = "gradcam",
    target: str | int | None = None,
    regions: Region | Sequence[Region] = (),
    point: tuple[float, float] | Literal["region"] | None = None,
    layer: str | None = None,
    scale: Scale = "per map",
    style: Style = "heat",
    interpolation: Interpolation = "cells",
    opacity: float = DEFAULT_OPACITY,
    heading: str | None = None,
    size: str | tuple[float, float] = "16:9",
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """What several networks attend to in one picture, side by side.

    Args:
        picture: a picture, the path or the bytes of a file, or pixels (uint8 of shape (h, w, 3)).
        models: one to six: names of bundled networks, names of pretrained ones (downloaded once), or loaded networks.
        map: "gradcam" asks all networks one question, "own" shows each network's own attention; or a key of
            `attnviz.maps.METHODS`.
        target: the class that the maps speak about, by name or by index; None takes each network's own top-1 class.
        regions: drawn on the picture, with names of their own; the first is in focus. Each map is scored in all.
        point: the place that self-attention without a class token looks from, (row, column) in source pixels, or
            "region" for the middle of the first region; None takes the mean of all places.
        layer: dotted name or pattern, for maps of one layer; None takes the layer that the method takes by itself.
        scale: how values become colours: "per map", "shared", "rank" or "raw", see `attnviz.render.SCALES`.
        style: "heat" or "spotlight".
        interpolation: "cells" draws the network's own grid, "smooth" looks finer than the network is.
        opacity: of the hottest place, 0 to 1.
        heading: a line across the top; None takes the finding, if there is a region.
        size: a name in `attnviz.render.SIZES`, or width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.
        progress: told before each network, and by slow maps in between.

    Returns:
        The comparison. `figure()` draws it, `interactive()` makes a plotly figure, a notebook shows it by itself;
        `attnviz.export` writes it to files.

    Raises:
        AttnvizError: something that was given cannot be used; the message says what, and what to do. Nothing runs
            before all of it is checked, but for what only the networks can tell.

    Example:
        >>> dog = Region.from_box("dog", (60, 80, 300, 320), (400, 600))
        >>> compare("dog.jpg", ["cbam_resnet", "vit"], regions=dog).figure()  # doctest: +SKIP
    """
    shown = _picture(picture)
    chosen = (regions,) if isinstance(regions, Region) else tuple(regions)
    _check_regions(shown, chosen)
    check_drawing(scale, style, interpolation, opacity, theme)
    size_in = size_named(size) if isinstance(size, str) else size
    place = _point(point, chosen)
    MapChoice(map, layer=layer, point_yx=place)  # a mistake in it should not wait for the networks
    networks = loaded_networks([models] if isinstance(models, str | Loaded) else models)
    if not 1 <= len(networks) <= MOST_PANELS:
        raise ValueRangeError(
            f"models must hold 1 to {MOST_PANELS} networks; got {len(networks)}. Make several comparisons instead."
        )
    choices = [MapChoice(map, class_index(one.card, target), place, layer) for one in networks]
    readings = []
    for number, (loaded, choice) in enumerate(zip(networks, choices, strict=True)):
        steps = _steps(progress, number, len(networks), loaded)
        try:
            readings.append(read(loaded, shown, choice, progress=steps))
        except AttnvizError as error:
            raise type(error)(f"{loaded.card.title}: {error}") from error
    if progress is not None:
        progress(1.0, "done")
    scores, _ = scored(readings, chosen)
    return comparison_of(
        shown,
        readings,
        chosen,
        scores,
        scale=scale,
        style=style,
        interpolation=interpolation,
        opacity=opacity,
        heading=heading,
        size=size_in,
        theme=theme,
        transparent=transparent,
    )


def comparison_of(
    picture: Picture,
    readings: Sequence[Reading],
    regions: Sequence[Region] = (),
    scores: Scores | None = None,
    *,
    scale: Scale = "per map",
    style: Style = "heat",
    interpolation: Interpolation = "cells",
    opacity: float = DEFAULT_OPACITY,
    heading: str | None = None,
    size: tuple[float, float] = SIZES["16:9"],
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
) -> Comparison:
    """The comparison of networks that have answered already.

    Args:
        picture: the source picture.
        readings: of one to six networks, all about this picture.
        regions: the one in focus first.
        scores: as `scored` gives them; None computes them.
        scale: this and the following as for `compare`.
        style: see above.
        interpolation: see above.
        opacity: see above.
        heading: see above.
        size: width and height in inches.
        theme: see above.
        transparent: see above.
    """
    known = scored(readings, regions)[0] if scores is None else scores
    titles = [reading.title for reading in readings if reading.is_attention]
    return Comparison(
        picture,
        tuple(panel_of(reading, known) for reading in readings),
        region=regions[0] if regions else None,
        others=tuple(regions[1:]),
        scale=scale,
        style=style,
        interpolation=interpolation,
        opacity=opacity,
        heading=finding(known, titles) if heading is None else heading,
        size=size,
        theme=theme,
        transparent=transparent,
        request=request_of(picture, readings, regions),
    )


def panel_of(reading: Reading, scores: Scores) -> Panel:
    """The network's column of a comparison.

    Args:
        reading: what it answered.
        scores: by title, by the region's name; the region in focus comes first. Empty without regions.
    """
    rows = list(scores.values())
    return Panel(
        reading.title,
        reading.attention_map,
        reading.predictions[:SHOWN_ANSWERS],
        rows[0].get(reading.title) if rows else None,
        weights=reading.card.sha256 if reading.card is not None else "",
        others=tuple(row[reading.title] for row in rows[1:] if reading.title in row),
    )


def scored(
    readings: Sequence[Reading],
    regions: Sequence[Region],
    score: str = "share",
    picture: Picture | None = None,
) -> tuple[dict[str, dict[str, FocusScore]], dict[str, str]]:
    """The maps' focus scores in each region.

    Args:
        readings: at least one where there are regions.
        regions: the one in focus first.
        score: a name in `focus.SCORES`.
        picture: adds the baseline "edge map".

    Returns:
        By the region's name, scores by the network's title, the baselines last; and by title why a map has no score,
        such as one that is zero everywhere. Such a map does not cost the others their scores.
    """
    attention_maps = {reading.title: reading.attention_map for reading in readings}
    scores: dict[str, dict[str, FocusScore]] = {}
    reasons: dict[str, str] = {}
    for region in regions:
        scores[region.name], refused = focus.scorable(attention_maps, region, score=score, picture=picture)
        reasons = refused | reasons
    return scores, reasons


def size_named(name: str) -> tuple[float, float]:
    """Width and height in inches of a size in `attnviz.render.SIZES`.

    Raises:
        NotFoundError: no size has this name.
    """
    if name not in SIZES:
        raise NotFoundError.among("size", name, SIZES)
    return SIZES[name]


def check_drawing(scale: str, style: str, interpolation: str, opacity: float, theme: str) -> None:
    """Refuse settings that no figure can be drawn with, before anything runs.

    Raises:
        ValueRangeError: one of them is unknown, or the opacity is not a share.
    """
    for what, given, known in (
        ("scale", scale, SCALES),
        ("style", style, STYLES),
        ("interpolation", interpolation, ("cells", "smooth")),
        ("theme", theme, ("light", "dark")),
    ):
        if given not in known:
            raise ValueRangeError(f"{what} must be one of {', '.join(known)}; got {given!r}.")
    if not 0 <= opacity <= 1:
        raise ValueRangeError(f"opacity must be in [0, 1]; got {opacity}.")


def _picture(picture: Picture | PictureFile | np.ndarray) -> Picture:
    if isinstance(picture, Picture):
        return picture
    return Picture.from_array(picture) if isinstance(picture, np.ndarray) else open_picture(picture)


def _check_regions(picture: Picture, regions: tuple[Region, ...]) -> None:
    if not regions:
        return
    uniquely_named(regions)
    if regions[0].source_hw != picture.hw:
        raise ShapeError(
            f"the regions must be drawn on the picture of {picture.hw} (height, width); got {regions[0].source_hw}. "
            "Draw them on this picture."
        )


def _point(
    point: tuple[float, float] | Literal["region"] | None, regions: tuple[Region, ...]
) -> tuple[float, float] | None:
    if point != "region":
        return point if point is None else (float(point[0]), float(point[1]))
    if not regions:
        raise ValueRangeError('a region must be given for point="region"; got none. Give one, or a point.')
    return middle_of(regions[0])


def _steps(progress: Progress | None, number: int, count: int, loaded: Loaded) -> Callable[[int, int], None] | None:
    """Progress inside one network, as a share of all of them."""
    if progress is None:
        return None
    progress(number / count, loaded.card.title)
    return lambda done, total: progress((number + done / max(1, total)) / count, loaded.card.title)

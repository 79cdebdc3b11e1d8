"""The raw values of several figures in one npz file, the same bytes for the same values."""

import io
import json
import zipfile
from collections.abc import Mapping

import numpy as np

from attnviz.export.comparison import Comparison
from attnviz.export.figure_source import FigureSource, HasArrays, Json

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same values make the same bytes


def maps_of_all(figures: Mapping[str, FigureSource]) -> bytes | None:
    """The arrays of all figures that have any, as the contents of an npz file; None where no figure has.

    An array's name is the figure's, a slash, and its own name. The maps of a comparison are float32 on their native
    grids, NaN where a map is undefined. The array "provenance" is a JSON text: "arrays" tells of each map its network,
    method, unit, grid and where the network's input lies in the picture ("geometry": input = picture * scale - offset,
    rows first, in pixels); "figures" tells how each figure with
    arrays was made.

    Args:
        figures: by a name that files accept.
    """
    arrays: dict[str, np.ndarray] = {}
    told: dict[str, Json] = {}
    for stem, source in figures.items():
        if not isinstance(source, HasArrays):
            continue
        own = source.arrays()
        arrays |= {f"{stem}/{name}": values for name, values in own.items()}
        if isinstance(source, Comparison):
            told |= {
                f"{stem}/{name}": _of_map(source, place) for place, name in enumerate(own)
            }  # one map for each panel, in their order
    if not arrays:
        return None
    made: dict[str, Json] = {
        stem: source.provenance() for stem, source in figures.items() if isinstance(source, HasArrays)
    }
    text = json.dumps({"arrays": told, "figures": made}, allow_nan=False, sort_keys=True)
    return npz({**arrays, "provenance": np.array(text)})


def npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as `numpy.load` reads them, compressed. Equal arrays give equal bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(values), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content.getvalue())
    return file.getvalue()


def _of_map(comparison: Comparison, place: int) -> Json:
    panel = comparison.panels[place]
    one = panel.attention_map
    geometry: Json = None
    if one.geometry is not None:
        geometry = {
            "source_hw": [*map(int, one.geometry.source_hw)],
            "input_hw": [*map(int, one.geometry.input_hw)],
            "scale_yx": [*map(float, one.geometry.scale_yx)],
            "offset_yx": [*map(float, one.geometry.offset_yx)],
        }
    return {
        "network": panel.title,
        "method": one.method,
        "unit": one.unit,
        "grid_hw": [*one.grid_hw],
        "geometry": geometry,
    }

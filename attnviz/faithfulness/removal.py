"""Does the answer depend on what the map marks?

Petsiuk et al. 2018, "RISE", arXiv:1806.07421, section 4.2: deletion and insertion, here cell by cell of the map's grid.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.faithfulness.canvas import BLUR_SHARE, blurred
from attnviz.faithfulness.progress import Progress, Steps
from attnviz.faithfulness.subject import AT_ONCE, Network, Subject, subject_of
from attnviz.faithfulness.trust_results import Direction, RemovalCurve, read_only
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture, Preprocessing
from attnviz.records.seen_picture import SeenPicture

Order = npt.NDArray[np.int64]


def removal_curves(
    network: nn.Module | Network,
    picture: Picture | SeenPicture | Tensor,
    attention_map: AttentionMap,
    *,
    target: int | str | None = None,
    steps: int = 16,
    orders: int = 20,
    seed: int = 0,
    blur_sigma_px: float | None = None,
    preprocessing: Preprocessing | None = None,
    progress: Progress | None = None,
) -> tuple[RemovalCurve, RemovalCurve]:
    """Cover the cells of the picture in the order of a map, and uncover them; beside random orders.

    Deletion begins with the picture and replaces cells by its mean colour; insertion begins with the picture blurred
    and puts cells back. All in the pixels of the model input, on the cells of the map's own grid, the highest first.
    Ties and undefined cells (last) come in a random order, so that a flat map is one more random order.

    Differs from the paper in: cells instead of pixels, and a mean colour instead of the mean of all training pictures.

    Args:
        network: as in `what_if`.
        picture: likewise.
        attention_map: of this network and picture.
        target: index or name of the class; None takes the map's class, or else the network's first answer.
        steps: points of a curve beside the first; at most one for each cell.
        orders: random orders for the band.
        seed: of the random orders.
        blur_sigma_px: of the blur, in pixels of the model input; None for a sixteenth of its short side.
        preprocessing: how a plain model sees a picture.
        progress: as in `what_if`.

    Returns:
        The deletion curve and the insertion curve.

    Raises:
        ValueRangeError: an argument is out of range.
        ShapeError: the map has more cells along an axis than the model input has pixels.
    """
    if steps < 1 or orders < 1:
        raise ValueRangeError(f"steps and orders must be at least 1; got {steps} and {orders}. 16 and 20 suit most.")
    subject = subject_of(network, picture, preprocessing)
    tensor = subject.seen.tensor
    wanted = attention_map.target if target is None else target
    index = subject.class_index(wanted, subject.probabilities(tensor)[0])
    generator = np.random.default_rng(seed)
    values = attention_map.values_hw
    height, width = int(tensor.shape[2]), int(tensor.shape[3])
    if values.shape[0] > height or values.shape[1] > width:
        raise ShapeError(
            f"the map must have at most one cell for each pixel of the model input, {height} x {width}; got "
            f"{values.shape[0]} x {values.shape[1]}. Give the map of this network and picture."
        )
    cells = values.size
    counts = _counts(cells, steps)
    tried = [
        _highest_first(values, generator),
        _highest_first(-_from_centre(values.shape, (height, width)), generator),
        *(generator.permutation(cells) for _ in range(orders)),
    ]
    sigma = blur_sigma_px if blur_sigma_px is not None else BLUR_SHARE * min(height, width)
    if not (np.isfinite(sigma) and sigma > 0):
        raise ValueRangeError(f"blur_sigma_px must be above 0; got {sigma}. Leave it out for the default.")
    mean = tensor.float().mean(dim=(2, 3), keepdim=True).to(tensor).expand_as(tensor)
    told = Steps(removal_passes(cells, steps, orders), progress)
    made = []
    covers: dict[Direction, tuple[Tensor, str]] = {
        "deletion": (mean, "the mean colour of the model input"),
        "insertion": (blurred(tensor, float(sigma)), f"the model input blurred with a sigma of {sigma:.3g} px"),
    }
    for direction, (cover, words) in covers.items():
        first, last = (tensor, cover) if direction == "deletion" else (cover, tensor)
        curves = _curves(subject, index, first, last, tried, counts, values.shape, told)
        made.append(
            RemovalCurve(
                direction=direction,
                share=read_only(counts / cells),
                by_map=read_only(curves[0]),
                centre_first=read_only(curves[1]),
                random=read_only(curves[2:]),
                substitute=words,
                cells=cells,
                seed=seed,
            )
        )
    return made[0], made[1]


def removal_passes(cells: int, steps: int, orders: int) -> int:
    """How many covered pictures the network is shown for both curves."""
    return 2 * (2 + (2 + orders) * (len(_counts(cells, steps)) - 2))


def _counts(cells: int, steps: int) -> npt.NDArray[np.int64]:
    """Numbers of cells changed at each point of a curve, from none to all."""
    return np.round(np.linspace(0, cells, min(steps, cells) + 1)).astype(np.int64)


def _highest_first(values_hw: npt.NDArray[np.floating], generator: np.random.Generator) -> Order:
    """Cells by falling value; ties at random, undefined cells last."""
    values = np.where(np.isfinite(values_hw), values_hw, -np.inf).reshape(-1)
    shuffled = generator.permutation(values.size)
    return shuffled[np.argsort(-values[shuffled], kind="stable")]


def _from_centre(grid_hw: tuple[int, ...], input_hw: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Distance of each cell's middle from the middle of the model input, in its pixels."""
    rows, columns = (
        ((np.arange(cells) + 0.5) / cells - 0.5) * pixels for cells, pixels in zip(grid_hw, input_hw, strict=True)
    )
    return np.asarray(np.round(np.hypot(rows[:, None], columns[None]), 6), dtype=np.float64)


def _curves(
    subject: Subject,
    index: int,
    first: Tensor,
    last: Tensor,
    orders: Sequence[Order],
    counts: npt.NDArray[np.int64],
    grid_hw: tuple[int, ...],
    told: Steps,
) -> npt.NDArray[np.float64]:
    """Probabilities (orders, counts) while the cells of `first` become those of `last`."""
    height, width = int(first.shape[2]), int(first.shape[3])
    rows, columns = (
        ((np.arange(pixels) + 0.5) * cells / pixels).astype(int)
        for pixels, cells in zip((height, width), grid_hw, strict=True)
    )
    cell_of_pixel = torch.from_numpy(rows[:, None] * grid_hw[1] + columns[None])
    ends = subject.probabilities(torch.cat([first, last]), told)[:, index].numpy()
    curves = np.empty((len(orders), len(counts)))
    curves[:, 0], curves[:, -1] = ends
    todo = [(order, step) for order in range(len(orders)) for step in range(1, len(counts) - 1)]
    for start in range(0, len(todo), AT_ONCE):
        batch = todo[start : start + AT_ONCE]
        changed = torch.zeros(len(batch), int(np.prod(grid_hw)), dtype=torch.bool)
        for place, (order, step) in enumerate(batch):
            changed[place, torch.from_numpy(orders[order][: counts[step]])] = True
        inside = changed[:, cell_of_pixel][:, None].to(first.device)
        answers = subject.probabilities(torch.where(inside, last, first), told)[:, index].numpy()
        for (order, step), answer in zip(batch, answers, strict=True):
            curves[order, step] = answer
    return curves

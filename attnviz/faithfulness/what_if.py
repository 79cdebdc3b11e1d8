"""Does it matter? The class probability with gates off, heads off, a region hidden, blurred or filled.

Every row about a region has its control: the same done to random regions of the same size and shape.
"""

from collections.abc import Sequence
from contextlib import nullcontext

from torch import Tensor, nn

from attnviz.errors import AttnvizError, ShapeError, ValueRangeError
from attnviz.faithfulness.canvas import Canvas
from attnviz.faithfulness.changes import Asked, gates_changed, heads_off, pictures_changed, regions_hidden
from attnviz.faithfulness.progress import Progress, Steps, StoppedError
from attnviz.faithfulness.subject import Network, Subject, aimed, subject_of
from attnviz.faithfulness.what_if_table import WhatIf
from attnviz.maps.base import MapMethod, ModelMethod
from attnviz.pictures import Picture, Preprocessing
from attnviz.records.seen_picture import SeenPicture
from attnviz.regions import Region
from attnviz.tracer import trace

MOST_CONTROLS = 1000


def what_if(
    network: nn.Module | Network,
    picture: Picture | SeenPicture | Tensor,
    regions: Sequence[Region] = (),
    *,
    target: int | str | None = None,
    method: MapMethod | ModelMethod | None = None,
    controls: int = 20,
    heads: bool = True,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
    classes: Sequence[str] | None = None,
    blur_sigma_px: float | None = None,
    progress: Progress | None = None,
) -> WhatIf:
    """Change one thing after the other, and see what becomes of a class probability.

    The rows: the network as it is; all gates off, and at their mean, and each kind of gate alone where a layer has
    several; each head off; each region hidden from the class token and from all attention; each region blurred and
    filled with the picture's mean colour. The model is left as it was found, also when stopped.

    Misleads when: a changed picture or network is unlike anything in training, so that the answer changes for that
    reason. That is what the controls are for: they are as unlike. A small probability of the class has little room to
    fall; and with few controls p cannot be small.

    Args:
        network: from `attnviz.load`; or any classifier in evaluation mode, with `preprocessing` and `classes`.
        picture: the photograph, whose own pixels are then changed; or a model input, which is changed itself.
        regions: of the picture, with different names; the focus is on the first.
        target: index or name of the class in question; None takes the network's first answer as it is.
        method: of the map whose share in the first region is given in each row; None for no map.
        controls: random regions for each row about a region; 0 for none. A small grid may have fewer places.
        heads: turn off each head in turn, which takes one pass each.
        seed: of the random regions.
        preprocessing: how a plain model sees a picture.
        classes: names of a plain model's outputs.
        blur_sigma_px: of the Gaussian blur, in pixels of the picture; None for a sixteenth of its short side.
        progress: called with the passes done and in all; returning False, or raising, stops.

    Returns:
        The table. What does not apply, such as gates in a network that has none, is named in `left_out`.

    Raises:
        ValueRangeError: an argument is out of range, two regions have one name, or the model is in training mode.
        ShapeError: a region was drawn on another picture, or the model gives no class scores.
        NotFoundError: no such class.
        StoppedError: the callback returned False.
    """
    check_draws(controls, seed)
    subject = subject_of(network, picture, preprocessing, classes)
    _check_regions(subject, regions)
    start = trace(subject.model, subject.seen, allow_empty=True)
    canvas = Canvas.of(subject, blur_sigma_px)
    left_out: dict[str, str] = {}
    plan = [
        *gates_changed(subject, start, left_out),
        *(heads_off(subject, start, left_out) if heads else ()),
        *regions_hidden(subject, start, regions, controls, seed, left_out),
        *pictures_changed(canvas, regions, controls, seed, left_out),
    ]
    steps = Steps(1 + sum(1 + len(change.places) for change in plan), progress)
    before = subject.probabilities(subject.seen.tensor)[0]
    index = subject.class_index(target, before)
    aim = aimed(method, index) if method is not None else None
    asked = Asked(subject, index, aim, regions[0] if regions else None)
    rows = [asked.row("as it is", "as it is", "", nullcontext, subject.seen.tensor, float(before[index]))]
    steps.step()
    for change in plan:
        over = steps.done + 1 + len(change.places)
        try:
            rows.append(change.run(asked, float(before[index]), steps))
        except StoppedError:
            raise
        except AttnvizError as error:
            left_out[change.words] = str(error)
            steps.step(over - steps.done)
    return WhatIf(
        title=subject.title,
        target=index,
        target_name=subject.class_name(index),
        rows=tuple(rows),
        left_out=left_out,
        method=repr(asked.method) if asked.method is not None and regions else "",
        focus_region=regions[0].name if asked.method is not None and regions else "",
        seed=seed,
        untrained=subject.untrained,
    )


def check_draws(controls: int, seed: int) -> None:
    """Refuse numbers with which no controls can be drawn.

    Raises:
        ValueRangeError: there are too many controls, or a number is negative.
    """
    if not 0 <= controls <= MOST_CONTROLS:
        raise ValueRangeError(f"controls must be 0 to {MOST_CONTROLS}; got {controls}. 20 allow p = 0.05.")
    if seed < 0:
        raise ValueRangeError(f"seed must be 0 or more; got {seed}. 0 is as good as any.")


def _check_regions(subject: Subject, regions: Sequence[Region]) -> None:
    names = [region.name for region in regions]
    if len(set(names)) < len(names):
        raise ValueRangeError(f"regions must have different names; got {names}. Rename one.")
    source_hw = tuple(subject.seen.geometry.source_hw)
    for region in regions:
        if region.source_hw != source_hw:
            raise ShapeError(
                f"region {region.name!r} must be drawn on the picture of {source_hw} (height, width); got one on "
                f"{region.source_hw}. Draw it on the same picture."
            )

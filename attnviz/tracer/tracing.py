"""Run a network on one picture and record what its attention layers did. The network runs as it would without us."""

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn

from attnviz.errors import NothingTracedError, ShapeError, UnreadableError
from attnviz.mechanisms.base import WrittenToError, known_keys
from attnviz.records import Trace
from attnviz.records.changed_models import changes_of
from attnviz.records.kinds import changed
from attnviz.records.seen_picture import SeenPicture, beside, one_seen
from attnviz.records.untrained import untrained_of
from attnviz.tracer.finding import attention_layers, name_of
from attnviz.tracer.session import Options, run_watched


def trace(
    model: nn.Module,
    model_input: SeenPicture | Tensor,
    *,
    verify: bool = False,
    eager: bool = False,
    grad: bool = False,
    grid_hw: tuple[int, int] | None = None,
    allow_empty: bool = False,
) -> Trace:
    """Records of every known attention layer that runs when the model sees one picture.

    The logits are the bits that `model(x)` gives under `torch.no_grad()`. The model gets hooks for the time of the call
    and keeps none. Several threads may trace one model at the same time. A model from `torch.compile` is traced
    uncompiled.

    Args:
        model: any network in evaluation mode.
        model_input: from `preprocess`; or a tensor (1, channels, h, w), taken to be the source picture itself.
        verify: compute every layer's output again from its records; `replay_error` and `Trace.unproven` then tell how
            far off they are. Takes about as long again as the layers. Proof needs float32: in half precision a layer's
            own rounding is larger than what a proven record may be off by.
        eager: compute and copy everything while the network runs, for networks that write to their feature maps later
            and for traces that must outlive a change of the weights.
        grad: run with gradients; the logits then keep their graph. Equal in bits to `model(x)` outside of `no_grad`.
        grid_hw: rows and columns of the patch tokens, for a transformer that cannot say so itself.
        allow_empty: give a trace without records where there is nothing to record, instead of raising.

    Returns:
        The trace, with the names of the layers that did not run. It has no records only where `allow_empty` let it.

    Raises:
        ShapeError: the input is not one picture, or a layer ran on several.
        ValueRangeError: the model is in training mode or has compiled parts, or a layer that an intervention
            changes is used in a way that is not read.
        NothingTracedError: no known attention layer ran.
        UnreadableError: all attention in the network is of a kind that is refused or unknown, or used in a way that is
            not read; the message says why.
    """
    tensor, geometry = one_seen(model_input)
    model = getattr(model, "_orig_mod", model)
    found, unread = attention_layers(model)
    if not found and not allow_empty:
        if unread:
            raise _unreadable(model, unread)
        raise NothingTracedError(
            f"no known attention layer is in {name_of(model)!r}. Known: {', '.join(known_keys())}. "
            'See CONTRIBUTING, "Add a mechanism", or pass allow_empty=True.'
        )
    options = Options(verify=verify, eager=eager, grid_hw=grid_hw)
    # Tensors made in inference mode have no version, so a record could not notice that they were written to.
    with torch.inference_mode(False), torch.set_grad_enabled(grad):
        tensor = beside(model, tensor.clone() if tensor.is_inference() else tensor)
        try:
            output, records, unread_uses = run_watched(model, tensor, found, options, at_once=verify or eager)
        except WrittenToError:
            output, records, unread_uses = run_watched(model, tensor, found, options, at_once=True)
        logits = _logits(output)
        logits = logits if grad else logits.detach().to("cpu", copy=True)
    unread |= unread_uses
    if not records and not allow_empty:
        if unread_uses:
            raise _unreadable(model, unread)
        raise NothingTracedError(
            f"no known attention layer ran in {name_of(model)!r}; it has {', '.join(name for name, _, _ in found)}. "
            "Trace the network that calls them, or pass allow_empty=True."
        )
    ran = {record.site.layer for record in records}
    change, untrained = changes_of(model), untrained_of(model)
    if change or untrained:  # the layers that were left alone saw what the changed ones made
        sites = [replace(one.site, edit=one.site.edit or change, untrained=untrained) for one in records]
        records = [changed(record, site=site) for record, site in zip(records, sites, strict=True)]
    return Trace(
        model=name_of(model),
        logits=logits,
        geometry=geometry,
        records=tuple(records),
        not_run=tuple(name for name, _, _ in found if name not in ran and name not in unread),
        unread=unread,
        untrained=untrained,
    )


def trace_each(
    model: nn.Module,
    pictures: Iterable[SeenPicture | Tensor] | Tensor,
    *,
    verify: bool = False,
    eager: bool = False,
    grad: bool = False,
    grid_hw: tuple[int, int] | None = None,
    allow_empty: bool = False,
) -> tuple[Trace, ...]:
    """One trace for each of several pictures.

    Each picture passes through the network alone, so every number is what `trace` gives for it, to the last bit, and
    pictures may differ in size. A batch in one pass would be quicker, and its last bits would depend on the batch.

    Args:
        model: any network in evaluation mode.
        pictures: a tensor (n, channels, h, w); or several model inputs, from `preprocess` or as tensors
            (1, channels, h, w).
        verify: as in `trace`, and so are the others.
        eager: see there.
        grad: see there.
        grid_hw: see there.
        allow_empty: see there.

    Returns:
        The traces, in the order of the pictures.

    Raises:
        ShapeError: there is no picture, or one of them is not one picture.
        AttnvizError: what `trace` raises; nothing is returned then.
    """
    singles = list(pictures.split(1)) if isinstance(pictures, Tensor) and pictures.dim() == 4 else list(pictures)
    if not singles or (isinstance(pictures, Tensor) and pictures.shape[0] == 0):
        raise ShapeError("pictures must hold at least one picture; got none. Give a batch or a list of model inputs.")
    return tuple(
        trace(
            model,
            picture,
            verify=verify,
            eager=eager,
            grad=grad,
            grid_hw=grid_hw,
            allow_empty=allow_empty,
        )
        for picture in singles
    )


def _unreadable(model: nn.Module, unread: dict[str, str]) -> UnreadableError:
    return UnreadableError(
        f"{name_of(model)} must have attention that can be read; got {_in_short(unread)} "
        "Trace another network, or pass allow_empty=True."
    )


def _in_short(unread: dict[str, str]) -> str:
    """Each reason once, with the first layer that it holds for."""
    reasons = {why: layer for layer, why in reversed(unread.items())}
    return " ".join(f"{layer or 'the model itself'}: {why}" for why, layer in reversed(reasons.items()))


def _logits(output: object) -> Tensor:
    """The network's answer for the picture: its first tensor, or `.logits`, without the batch axis."""
    answer = getattr(output, "logits", output)
    if isinstance(answer, dict):
        answer = next(iter(answer.values()), None)
    if isinstance(answer, (tuple, list)):
        answer = answer[0] if answer else None
    if not isinstance(answer, Tensor) or answer.dim() == 0 or len(answer) != 1:
        got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise ShapeError(f"the model must give logits of shape (1, classes); got {got}. Wrap it so that it does.")
    return answer[0]

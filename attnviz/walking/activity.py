"""Where the parts of a network without attention are active: one pass, and one map for each part."""

import threading
from collections.abc import Callable

import torch
from torch import Tensor, nn

from attnviz.errors import NothingTracedError, ShapeError
from attnviz.maps import AttentionMap
from attnviz.maps.layer_layout import layout_of, one_tensor
from attnviz.records import Site
from attnviz.records.seen_picture import SeenPicture, beside, one_seen
from attnviz.walking.kinds import PlainLayer


def plain_layers(model: nn.Module, model_input: SeenPicture | Tensor, untrained: str = "") -> tuple[PlainLayer, ...]:
    """Activation of the parts of a network, in the order in which they ran. The network runs once, as it would alone.

    The parts are the network's own children; of a child that is a list of blocks, the blocks. One whose output has no
    places, such as a pooled one, is left out.

    Args:
        model: any network in evaluation mode.
        model_input: from `preprocess`, or a tensor (1, channels, h, w).
        untrained: what `mark_untrained` said of the network.

    Raises:
        NothingTracedError: no part has an output that lies on the picture.
    """
    tensor, geometry = one_seen(model_input)
    outputs: list[tuple[str, Tensor]] = []
    thread = threading.get_ident()

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], object], None]:
        def hook(_part: nn.Module, _args: tuple[Tensor, ...], output: object) -> None:
            # Another thread may be running the same network, and a later part may write to this one's output.
            if threading.get_ident() == thread and isinstance(output, Tensor):
                outputs.append((name, output.detach().clone()))

        return hook

    hooks = [part.register_forward_hook(keep(name)) for name, part in _parts(model)]
    try:
        with torch.no_grad():
            model(beside(model, tensor))
    finally:
        for hook in hooks:
            hook.remove()
    input_hw = (int(tensor.shape[2]), int(tensor.shape[3]))
    layers: list[PlainLayer] = []
    runs: dict[str, int] = {}
    for name, output in outputs:
        call = runs[name] = runs.get(name, -1) + 1
        try:
            grid = layout_of(model, one_tensor(output, name), input_hw, name).to_grid(output)[0].float()
        except ShapeError:  # no places: pooled, or the answer itself
            continue
        site = Site(layer=name, call=call, mechanism="activation", untrained=untrained)
        layers.append(
            PlainLayer(
                site,
                "activation",
                AttentionMap(
                    values_hw=grid.square().mean(dim=0).cpu().numpy(),
                    method=f"Activation(layer={name!r})",
                    sites=(site,),
                    meaning="activation, not attention: mean over channels of the squared features",
                    unit="mean squared activation",
                    bounds=(0.0, torch.inf),
                    signed=False,
                    geometry=geometry,
                ),
            )
        )
    if not layers:
        raise NothingTracedError(
            f"{type(model).__name__} must have a part whose output lies on the picture; got "
            f"{', '.join(name for name, _ in outputs) or 'none that ran'}. Use attnviz.explain with Activation(layer)."
        )
    return tuple(layers)


def _parts(model: nn.Module) -> list[tuple[str, nn.Module]]:
    parts: list[tuple[str, nn.Module]] = []
    for name, child in model.named_children():
        blocks = list(child.named_children()) if isinstance(child, nn.Sequential | nn.ModuleList) else []
        parts += [(f"{name}.{number}", block) for number, block in blocks] or [(name, child)]
    return parts

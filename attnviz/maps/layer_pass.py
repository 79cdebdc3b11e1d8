"""One pass of a network, bent at one layer so that captum can hold on to it there.

The model is shared and stays as it is. Captum hooks a module that belongs to this one call; the model's own layer
gets a hook that acts in the calling thread only and is gone afterwards. Everything before the layer runs without
recording gradients, so the backward pass starts at the layer and no weight gradient is computed.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from attnviz.errors import NothingTracedError
from attnviz.maps.class_scores import chosen_class, class_scores, own_tensor
from attnviz.maps.layer_choice import find_layer
from attnviz.maps.layer_layout import Layout, layout_of, one_tensor


@contextmanager
def bent_at(model: nn.Module, layer: str | None, tensor: Tensor, target: int | None) -> Iterator["LayerPass"]:
    """A pass that is ready to run, with a hook on the layer for the time of the block.

    Args:
        model: any network.
        layer: as for `find_layer`.
        tensor: the picture.
        target: index of the class, or None for the top one.

    Raises:
        NotFoundError: no such layer.
        NothingTracedError: at the end of the block: the layer got no gradient at any place.
    """
    name, module = find_layer(model, layer)
    run = LayerPass(model, name, tensor, target)
    hook = module.register_forward_hook(run.at_layer)
    try:
        # Records made under inference_mode cannot carry gradients, so the caller's mode is left for this pass.
        with torch.inference_mode(False):
            yield run
    finally:
        hook.remove()
    run.require_signal()


class LayerPass:
    """One forward pass of one thread.

    Attributes:
        name: of the layer.
        picture: what captum is to be given as its input.
        tap: the module that captum holds on to: its output is the layer's, laid on the grid, (1, c, h, w).
        grid_bchw: that output, without history; there once the pass has run.
        target: index of the class; known once the pass has run.
        calls: how often the layer ran.
    """

    def __init__(self, model: nn.Module, name: str, tensor: Tensor, target: int | None) -> None:
        self.model = model
        self.name = name
        self.picture = own_tensor(tensor)
        self.target = target
        self.tap = nn.Identity()
        self.calls = 0
        self.grid_bchw = torch.empty(0)
        self._input_hw = (int(tensor.shape[2]), int(tensor.shape[3]))
        self._thread = threading.get_ident()
        self._gradients: list[Tensor] = []

    def at_layer(self, _layer: nn.Module, _args: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        """Lay the layer's output on its grid and let captum take it there; the network goes on with equal values."""
        if threading.get_ident() != self._thread:
            return None
        layout: Layout = layout_of(self.model, one_tensor(output, self.name), self._input_hw, self.name)
        self.calls += 1
        # A copy, which neither captum nor a later layer writes to.
        self.grid_bchw = layout.to_grid(output.detach()).clone()
        torch.set_grad_enabled(True)
        held = self.tap(layout.to_grid(output.detach()))
        held.register_hook(self._gradients.append)
        return layout.from_grid(held, output.detach())

    def class_score(self, tensor: Tensor) -> Tensor:
        """The score of the target class, shape (1,). Gradients are recorded from the layer on.

        Raises:
            NothingTracedError: the layer did not run, or the score does not depend on it.
            ShapeError: the layer's output cannot be laid on a grid, or the model does not return class scores.
            ValueRangeError: there is no class of that index.
        """
        with torch.no_grad():  # until `at_layer` switches recording on
            output = self.model(tensor)
        if not self.calls:
            raise NothingTracedError(
                f"layer {self.name!r} must run in a forward pass; got a pass in which it did not. "
                "Choose a layer that the network calls as a module."
            )
        scores = class_scores(output)
        self.target = chosen_class(scores, self.target)
        if not scores.requires_grad:
            raise NothingTracedError(
                f"the class score must depend on {self.name}; got no path to it. Choose a layer that feeds the head."
            )
        return scores[:, self.target]

    def require_signal(self) -> None:
        """Refuse a map that is blank only because no gradient came back (not because the class is unsupported).

        Raises:
            NothingTracedError: every gradient was zero.
        """
        if not any(bool((gradient != 0).any()) for gradient in self._gradients):
            raise NothingTracedError(
                f"some gradient must reach {self.name}; got zero at every place. In a transformer whose head reads "
                "the class token, choose what enters the last block: the output of the block before it, such as "
                "blocks.10 of 12; an untrained head of zeros gives no gradient anywhere."
            )

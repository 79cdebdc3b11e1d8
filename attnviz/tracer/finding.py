"""Which layers of a network can be read, and whether the network can be traced at all."""

from typing import NoReturn

import torch
from torch import nn

from attnviz.errors import ValueRangeError
from attnviz.mechanisms.base import Mechanism, mechanism_for
from attnviz.records.seen_picture import refuse_training

Found = tuple[str, nn.Module, Mechanism]
"""Dotted name of a layer in its model, the layer, and how to read it."""


def attention_layers(model: nn.Module) -> list[Found]:
    """Known layers in the model's order; what lies inside one belongs to it.

    Raises:
        ValueRangeError: some module of the model is not fit for a trace.
    """
    found: list[Found] = []
    mechanisms: dict[type, Mechanism | None] = {}
    seen: set[nn.Module] = set()
    to_visit: list[tuple[str, nn.Module, bool]] = [("", model, False)]
    while to_visit:
        name, module, inside = to_visit.pop()
        if module in seen:
            continue
        seen.add(module)
        cls = type(module)
        if module.training or module._compiled_call_impl is not None or "_orig_mod" in module._modules:
            _refuse(name, module)
        if cls not in mechanisms:
            if issubclass(cls, torch.jit.ScriptModule):
                _refuse(name, module)
            mechanisms[cls] = mechanism_for(module)
        mechanism = mechanisms[cls]
        if mechanism is not None and not inside:
            found.append((name, module, mechanism))
            inside = True
        prefix = f"{name}." if name else ""
        # The last one pushed is visited first, so push them from the end.
        for child_name, child in reversed(module._modules.items()):
            if child is not None:
                to_visit.append((prefix + child_name, child, inside))
    return found


def _refuse(name: str, module: nn.Module) -> NoReturn:
    """Say why a module is not fit for a trace."""
    if module.training:
        refuse_training(name)
    if isinstance(module, torch.jit.ScriptModule):
        raise ValueRangeError(
            f"the model must be made of Python modules; got TorchScript{f' in {name}' if name else ''}. "
            "Trace the network it was exported from."
        )
    # A compiled part runs without its hooks.
    raise ValueRangeError(
        f"the model must not be compiled; got a compiled {name or 'model'}. "
        "Trace the network as it was before compiling."
    )


def name_of(model: nn.Module) -> str:
    return type(model).__name__

"""Which layers of a network can be read, and whether the network can be traced at all."""

import re
from typing import NamedTuple, NoReturn

import torch
from torch import nn

from attnviz.errors import ValueRangeError
from attnviz.mechanisms.base import Mechanism, mechanism_for, refusal_for
from attnviz.records.seen_picture import refuse_training

Found = tuple[str, nn.Module, Mechanism]
"""Dotted name of a layer in its model, the layer, and how to read it."""


_LOOKS_LIKE_ATTENTION = re.compile(
    r"attention|attn|squeeze_?excit|^e?(se|ca)_?(module|block|layer|gate)?$|cbam|^bam$|^scse|^simam|coord_?att"
    r"|(channel|spatial)_?gate|non_?local|mhsa|msa$|context_?block|modulation$",
    re.IGNORECASE,
)
"""Class names of attention, as the field writes them. A name may miss, and a module may be named without being one."""


class Layers(NamedTuple):
    """The attention of a network.

    Attributes:
        readable: in the model's order; what lies inside one belongs to it.
        unread: layers that are refused, or whose class has an attention's name and no mechanism. Key: dotted name.
            Value: why it is not read.
    """

    readable: list[Found]
    unread: dict[str, str]


def attention_layers(model: nn.Module) -> Layers:
    """Find what can be read, and what looks as if it should be.

    Raises:
        ValueRangeError: some module of the model is not fit for a trace.
    """
    found: list[Found] = []
    refused: dict[str, str] = {}
    unknown: dict[str, str] = {}
    mechanisms: dict[type, Mechanism | None] = {}
    plain: set[type] = set()
    """Classes with nothing to say about attention. Most modules are of such a class and have no parts."""
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
            if (
                mechanisms[cls] is None
                and refusal_for(module) is None
                and not _LOOKS_LIKE_ATTENTION.search(cls.__name__)
            ):
                plain.add(cls)
        mechanism = mechanisms[cls]
        if mechanism is not None and not inside:
            found.append((name, module, mechanism))
            inside = True
        elif mechanism is None and not inside and cls not in plain:
            why = refusal_for(module)
            if why is not None:
                refused[name] = why
                inside = True
            elif _LOOKS_LIKE_ATTENTION.search(cls.__name__):
                unknown[name] = (
                    f'no mechanism reads {cls.__module__}.{cls.__qualname__}. See CONTRIBUTING, "Add a mechanism".'
                )
        prefix = f"{name}." if name else ""
        # The last one pushed is visited first, so push them from the end.
        for child_name, child in reversed(module._modules.items()):
            if child is None:
                continue
            if type(child) in plain and not child._modules:
                if child.training or child._compiled_call_impl is not None:
                    _refuse(prefix + child_name, child)
                continue
            to_visit.append((prefix + child_name, child, inside))
    told = [*(name for name, _, _ in found), *refused, *unknown]
    for wrapper in list(unknown):
        if any(name != wrapper and name.startswith(f"{wrapper}." if wrapper else "") for name in told):
            del unknown[wrapper]
    return Layers(found, refused | unknown)


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

"""Which layer of a network a map of its features or gradients is made from."""

import re
from fnmatch import fnmatchcase

from torch import nn

from attnviz.errors import NotFoundError


def find_layer(model: nn.Module, wanted: str | None) -> tuple[str, nn.Module]:
    """The layer to look at, with its name.

    Args:
        model: any network; its attribute `cam_layer` names the layer it would have itself.
        wanted: dotted name or pattern (the last match is taken); None takes the network's own choice, or the output of
            its last stage of convolutions, or the tokens that enter its last transformer block.

    Raises:
        NotFoundError: no such layer, or none can be chosen.
    """
    own = getattr(model, "cam_layer", None)
    name = wanted if wanted is not None else own if isinstance(own, str) else None
    if name:
        try:
            return name, model.get_submodule(name)
        except AttributeError:
            pass  # not an exact name: it may be a pattern
    modules = dict(model.named_modules())
    modules.pop("", None)
    if name is None:
        name = _default_layer(modules)
    matches = [known for known in modules if fnmatchcase(known, name)]
    if not matches:
        raise NotFoundError.among("layer", name, modules, "in the network")
    return matches[-1], modules[matches[-1]]


def _default_layer(modules: dict[str, nn.Module]) -> str:
    """For a network that does not say: the block before the last, the last stage, or the last convolution.

    The block before the last gives the tokens that enter the last block: behind that one, a class token's head leaves
    the patch tokens without gradient. The last block's LayerNorm is no choice either: after it all tokens share a large
    component, whose sign alone makes a Grad-CAM map nearly full or nearly empty.
    """
    # timm's and ours, torchvision's, and those of transformers, whose encoder may stand deeper
    for first_norm in (r"blocks\.\d+\.norm1", r"encoder\.layers\.\w+\.ln_1", r".*\.layers?\.\d+\.layernorm_before"):
        norms = [name for name in modules if re.fullmatch(first_norm, name)]
        if len(norms) > 1:
            return norms[-2].rpartition(".")[0]
        if norms:
            return norms[0]
    for stage in ("layer4", "stages", "layers", "features"):
        if stage in modules:
            return stage
    convolutions = [name for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    if not convolutions:
        raise NotFoundError("layer must be given for a network without convolutions; got None. Name a layer.")
    return convolutions[-1]

"""Fold BatchNorm into the convolution before it, for faster inference.

In evaluation mode BatchNorm is `G x + g` per channel with `G = gamma / sqrt(var + eps)` and `g = beta - G mean`. Behind
a convolution with weight `W` and bias `b` that is a convolution with weight `G W` and bias `G b + g`.

Which BatchNorm follows which convolution is seen in one pass of the network on a sample, not read from its code: a
pair folds if the BatchNorm alone takes everything that the convolution gives.
"""

import copy
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrize import is_parametrized
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from attnviz.errors import ValueRangeError

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_NORM_THEN_ACTIVATION = ("timm.layers.norm_act.BatchNormAct2d", "timm.layers.norm_act.SyncBatchNormAct")
"""Norms with an activation of their own, which stays: their submodules `drop` and `act`."""

_CLOSE = {torch.float64: 1e-8, torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""Largest difference that folding may make, as a share of the largest output, by precision."""

SAMPLE_SHAPE = (1, 3, 224, 224)


@dataclass(frozen=True)
class Folding:
    """What was folded in a network, and what was left as it was.

    Attributes:
        folded: names of the convolution and of the BatchNorm in it, in the order they ran.
        left: names of the BatchNorms that remain. Value: why.
        difference: largest difference of the outputs on the sample, as a share of the largest output.
    """

    folded: tuple[tuple[str, str], ...]
    left: Mapping[str, str]
    difference: float

    def __str__(self) -> str:
        lines = [f"{conv}  holds {norm}" for conv, norm in self.folded]
        return "\n".join([*lines, *(f"{norm}  left: {why}" for norm, why in self.left.items())])


def fold_batchnorm(model: nn.Module, sample: Tensor | None = None) -> nn.Module:
    """A copy of a network whose BatchNorms are folded into the convolutions that they follow.

    The copy gives the same output up to rounding, which is checked on the sample: for each pair, and for the whole
    network. Where a network magnifies the rounding of its layers, the whole is checked in double precision.

    The copy has `nn.Identity` in the place of each BatchNorm that was folded, and an attribute `folding` that tells
    what was folded, and what was left and why. Layers keep their names, so records of its attention can be compared.

    A convolution that takes another way on other inputs than the sample's is not noticed: give a sample that takes the
    way you mean. It is for inference only; training the copy is another thing than training the model.

    Args:
        model: in evaluation mode. It is left as it is.
        sample: what the network takes, a batch of pictures; by default noise of 1 x 3 x 224 x 224.

    Returns:
        The copy.

    Raises:
        ValueRangeError: the model is in training mode or is TorchScript, nothing in it can be folded, the copy does not
            give the model's output, or the model needs another sample than the default one.

    Example:
        >>> block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).eval()
        >>> print(fold_batchnorm(block).folding)
        0  holds 1
    """
    model = getattr(model, "_orig_mod", model)
    _refuse_unfit(model)
    folded = copy.deepcopy(model)
    names = {module: name for name, module in folded.named_modules()}
    with torch.inference_mode(False), torch.no_grad():
        x = _sample_for(folded, sample)
        watch = _Watch(folded)
        try:
            before = watch.run(x)
        except Exception as error:
            if sample is not None:
                raise
            raise ValueRangeError(
                f"sample must be what the model takes; got none, and the model does not run on noise of "
                f"{' x '.join(map(str, SAMPLE_SHAPE))}: {error}. Pass a sample."
            ) from error
        pairs, left = watch.verdict(before)
        if not pairs:
            reasons = "; ".join(f"{names[norm]}: {why}" for norm, why in left.items()) or "no BatchNorm at all"
            raise ValueRangeError(
                f"model must have a BatchNorm that follows a convolution; got {reasons}. Use the model as it is."
            )
        _replace(folded, pairs)
        difference = _difference(folded(x), before)
        if not difference <= _CLOSE.get(x.dtype, 1e-4):
            if x.dtype == torch.float64:
                raise ValueRangeError(
                    "the folded network must give the model's output; got another one. The model reads a BatchNorm or "
                    "the weight of a convolution itself: use it as it is."
                )
            # Folding is exact algebra: in double precision nothing but a mistake makes a difference.
            fold_batchnorm(copy.deepcopy(model).double(), x.double())
    folded.folding = Folding(  # type: ignore[assignment]
        folded=tuple((names[pair.conv], names[pair.norm]) for pair in pairs),
        left={names[norm]: why for norm, why in left.items()},
        difference=difference,
    )
    return folded


def average_as_convolution(channels: int, grid_hw: tuple[int, int]) -> nn.Conv2d:
    """Global average pooling of one grid as a convolution: a kernel as large as the grid, each weight 1 / (h w).

    Args:
        channels: of the feature map; each is a group of its own.
        grid_hw: (h, w) of the feature map.

    Returns:
        A layer from (b, channels, h, w) to (b, channels, 1, 1).
    """
    height, width = grid_hw
    layer = nn.Conv2d(channels, channels, grid_hw, groups=channels, bias=False)
    nn.init.constant_(layer.weight, 1 / (height * width))
    return layer.requires_grad_(False)


class _Pair(NamedTuple):
    """A convolution, the norm behind it, and what stands in their places."""

    conv: nn.Module
    norm: nn.Module
    fused: nn.Module
    rest: nn.Module


class _Watch(TorchDispatchMode):
    """One pass of a network: which BatchNorm got which convolution's output, and whether anything else used it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = model
        self._made: MutableMapping[Tensor, tuple[nn.Module, Tensor]] = WeakIdKeyDictionary()
        """Output of a convolution, to the convolution and its input, as long as the output lives."""
        self._runs: Counter[nn.Module] = Counter()
        self._users: defaultdict[nn.Module, set[nn.Module | None]] = defaultdict(set)
        """Convolution, to the norms that read its outputs; None for anything else that did."""
        self._sources: defaultdict[nn.Module, set[nn.Module | None]] = defaultdict(set)
        """Norm, to the convolutions whose outputs it got; None for anything else."""
        self._pairs: dict[nn.Module, _Pair | str] = {}
        """Norm, to what it folds into, or why it does not."""
        self._norms = [module for module in model.modules() if _is_norm(module)]
        self._inside: nn.Module | None = None
        self._blind = False

    def run(self, x: Tensor) -> object:
        """The network's output."""
        hooked = {module for module in self._model.modules() if module._forward_hooks or module._forward_pre_hooks}
        with ExitStack() as hooks:
            for module in self._model.modules():
                if isinstance(module, _CONVOLUTIONS):
                    hooks.callback(module.register_forward_hook(self._after_conv).remove)
            for norm in self._norms:
                if norm in hooked:
                    self._pairs[norm] = "it has hooks"
                hooks.callback(norm.register_forward_pre_hook(self._before_norm).remove)
                hooks.callback(norm.register_forward_hook(self._after_norm).remove)
            self._hooked = hooked
            with self:
                return self._model(x)

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        if not self._blind:
            for value in tree_leaves((args, kwargs)):
                if isinstance(value, Tensor) and value in self._made:
                    self._users[self._made[value][0]].add(self._inside)
        return func(*args, **(kwargs or {}))

    def _after_conv(self, conv: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        self._runs[conv] += 1
        self._made[output] = conv, args[0]

    def _before_norm(self, norm: nn.Module, args: tuple[Tensor, ...]) -> None:
        self._runs[norm] += 1
        self._inside = norm
        self._sources[norm].add(self._made[args[0]][0] if args[0] in self._made else None)

    def _after_norm(self, norm: _BatchNorm, args: tuple[Tensor, ...], output: Tensor) -> None:
        self._inside, self._blind = None, True
        if args[0] in self._made and not isinstance(self._pairs.get(norm), str):
            self._pairs[norm] = self._folded(*self._made[args[0]], norm, output)
        self._blind = False

    def _folded(self, conv: nn.Module, x: Tensor, norm: _BatchNorm, output: Tensor) -> _Pair | str:
        """The pair, if folding it leaves the norm's output as it is; otherwise why not."""
        if conv in self._hooked:
            return "its convolution has hooks"
        if is_parametrized(conv):
            return "the weight of its convolution is computed from others"
        if norm.running_mean is None:
            return "it normalises by the batch, not by running statistics"
        # Fusing copies the convolution: without our hook, which would bring along the whole network.
        bare = copy.copy(conv)
        bare._forward_hooks = OrderedDict()
        fused = fuse_conv_bn_eval(bare, norm)  # type: ignore[type-var]
        rest: nn.Module = nn.Identity()
        if _dotted(norm) in _NORM_THEN_ACTIVATION:
            rest = nn.Sequential(norm.get_submodule("drop"), norm.get_submodule("act"))
        if not _close(rest(fused(x)), output):
            return f"folding it into a {type(conv).__name__} changes its output"
        return _Pair(conv, norm, fused, rest.eval())

    def verdict(self, output: object) -> tuple[list[_Pair], dict[nn.Module, str]]:
        """The pairs that fold, and the norms that are left, with the reason."""
        given = {self._made[leaf][0] for leaf in _tensors(output) if leaf in self._made}
        pairs, left = [], {}
        for norm in self._norms:
            pair, sources = self._pairs.get(norm), self._sources[norm]
            (conv,) = sources if len(sources) == 1 else (None,)
            if not sources:
                left[norm] = "it did not run on the sample"
            elif None in sources:
                left[norm] = "what it follows is not a convolution"
            elif conv is None:
                left[norm] = "it serves several convolutions"
            elif self._users[conv] != {norm} or self._runs[conv] != self._runs[norm] or conv in given:
                left[norm] = "something else uses the output of its convolution, too"
            elif isinstance(pair, _Pair):
                pairs.append(pair)
            else:
                left[norm] = pair or "its convolution's output was gone before it had run"
        return pairs, left


def _is_norm(module: nn.Module) -> bool:
    return type(module) in _NORMS or _dotted(module) in _NORM_THEN_ACTIVATION


def _dotted(module: nn.Module) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _replace(model: nn.Module, pairs: list[_Pair]) -> None:
    """Put the folded layers in all places where the old ones stand."""
    new = {old: layer for pair in pairs for old, layer in ((pair.conv, pair.fused), (pair.norm, pair.rest))}
    for parent in list(model.modules()):
        for name, child in parent._modules.items():
            if child in new:
                parent._modules[name] = new[child]


def _refuse_unfit(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if module.training:
            raise ValueRangeError(
                f"the model must be in evaluation mode; got training mode in {name or 'the model itself'}. "
                "Call model.eval() first."
            )
        if isinstance(module, torch.jit.ScriptModule):
            raise ValueRangeError(
                f"the model must be made of Python modules; got TorchScript in {name or 'the model itself'}. "
                "Fold the network it was exported from."
            )


def _sample_for(model: nn.Module, sample: Tensor | None) -> Tensor:
    """The sample, or noise, beside the model and in its precision."""
    some = next((parameter for parameter in model.parameters() if parameter.is_floating_point()), torch.empty(0))
    if sample is None:
        sample = torch.randn(SAMPLE_SHAPE, generator=torch.Generator().manual_seed(0))
    return sample.detach().clone().to(some.device, some.dtype)


def _tensors(output: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]


def _close(ours: Tensor, theirs: Tensor) -> bool:
    return _difference(ours, theirs) <= _CLOSE.get(theirs.dtype, 1e-4)


def _difference(ours: object, theirs: object) -> float:
    """Largest difference between the tensors of two outputs, as a share of the largest number in each."""
    pairs = list(zip(_tensors(ours), _tensors(theirs), strict=True))
    shares = [(one - other).abs().max() / other.abs().max().clamp(min=1e-30) for one, other in pairs]
    return float(torch.stack([share.double() for share in shares]).max()) if shares else float("nan")

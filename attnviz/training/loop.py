"""The training loop: resumable at any step, on a processor or a GPU."""

import math
import os
import time
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attnviz.layers import ChannelGate, SpatialGate, SqueezeExcitation
from attnviz.models import BasicBlock, build
from attnviz.pictures import Preprocessing
from attnviz.training.augment import MEAN, STD, random_views
from attnviz.training.classes import FIFTY
from attnviz.training.data import Split
from attnviz.training.evaluate import hit_rates, logits_of
from attnviz.training.recipe import PHASES, Phase
from attnviz.training.regularise import Average, cutmix, erase

SAVE_EVERY_S = 60.0
TEMPERATURE = 2.0


def one_cycle(step: int, steps: int, peak: float, warm_up: float) -> float:
    """Learning rate at `step`: linear from 0 to `peak` over the first share of the steps, then a cosine to 0."""
    place = (step + 1) / steps
    if place <= warm_up:
        return peak * place / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (place - warm_up) / (1 - warm_up)))


def classes_of(phase: Phase, all_wnids: tuple[str, ...]) -> tuple[str, ...]:
    """WordNet ids of the phase's outputs, in order."""
    return tuple(FIFTY) if phase.classes == "fifty" else all_wnids


def transplant(
    source: dict[str, Tensor], target: nn.Module, source_classes: tuple[str, ...], target_classes: tuple[str, ...]
) -> list[str]:
    """Copy a trained network's weights into another network; return the names of what keeps its fresh weights.

    Tensors of the same name are copied, strided 3x3 kernels as centred 4x4 ones; an attention-augmented convolution
    takes the first filters of the plain one; the last layer takes the rows of the classes it shares. Fresh gates are
    set to one half everywhere and the BatchNorm before them is doubled for each: the network goes on from just what
    the source knew.
    """
    own = target.state_dict()
    new = dict(own)
    rows = [source_classes.index(wnid) for wnid in target_classes]
    for name in own:
        plain = name.replace(".conv1.conv.weight", ".conv1.weight").replace(".trunk.", ".")
        if plain not in source:
            continue
        weights = source[plain][rows] if name.startswith(("fc.", "head.")) else source[plain]
        if own[name].shape[2:] == (4, 4) and weights.shape[2:] == (3, 3):
            weights = centred_kernel(weights)
        if name.endswith(".conv1.conv.weight"):
            weights = weights[: len(own[name])]
        if weights.shape == own[name].shape:
            new[name] = weights
    fresh = [name for name in own if new[name] is own[name]]
    target.load_state_dict(new)
    for name, block in target.named_modules():
        if isinstance(block, BasicBlock) and any(key.startswith(f"{name}.attention.") for key in fresh):
            _start_gates_at_half(block)
    return fresh


def centred_kernel(kernel: Tensor) -> Tensor:
    """The 4x4 kernel that sees, half a cell further down and right, the mean of four neighbours as the 3x3 one saw one.

    Shape (out, in, 3, 3) to (out, in, 4, 4); the sum of the weights stays.
    """
    return sum((F.pad(kernel, (x, 1 - x, y, 1 - y)) for y in (0, 1) for x in (0, 1)), torch.zeros(())) / 4


@torch.no_grad()
def _start_gates_at_half(block: BasicBlock) -> None:
    """Make every gate of the block 1/2 and keep what the block computes."""
    for gate in block.attention.modules() if block.attention is not None else ():
        if isinstance(gate, SqueezeExcitation | ChannelGate):
            last: nn.Module = gate.fc2
        elif isinstance(gate, SpatialGate):
            last = gate.bn
        else:
            continue
        for parameter in last.parameters():
            parameter.zero_()
        for parameter in block.bn2.parameters():
            parameter.mul_(2)


def optimiser_of(phase: Phase, model: nn.Module) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, or AdamW; no weight decay on biases, norms, positions and tokens."""
    decayed = [p for n, p in model.named_parameters() if p.ndim > 1 and "positions" not in n and "token" not in n]
    chosen = {id(p) for p in decayed}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    groups = [{"params": decayed, "weight_decay": phase.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    if phase.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=phase.peak_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=phase.peak_rate, betas=(0.9, 0.98))


def faster_precision(device: torch.device) -> torch.dtype:
    """bfloat16 where one convolution's training step runs faster in it than in float32, else float32."""
    if device.type != "cpu":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    conv = placed(nn.Conv2d(64, 64, 3, padding=1), device)
    x = torch.rand(32, 64, 32, 32).to(memory_format=torch.channels_last)
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        for _ in range(2):
            start = time.perf_counter()
            with torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
                conv(x).float().sum().backward()
            seconds[dtype] = time.perf_counter() - start
    return min(seconds, key=lambda dtype: seconds[dtype])


def train_phase(
    phase: Phase, training: Split, validation: Split, folder: Path, device: torch.device, dtype: torch.dtype
) -> Path:
    """Run one phase, or go on where it stopped.

    Args:
        phase: of the recipe.
        training: pictures, labelled in the order of `classes_of(phase, ...)`.
        validation: likewise.
        folder: of the checkpoints; the phases named in `starts_from` and `teacher` have ended there.
        device: to train on.
        dtype: of the autocast; float32 for none.

    Returns:
        The file of the final weights, `folder/<phase>.pt`.
    """
    final = folder / f"{phase.name}.pt"
    if final.exists():
        return final
    partial = folder / f"{phase.name}.part.pt"
    torch.manual_seed(phase.seed)
    model = placed(build(phase.architecture, len(training.wnids), phase.centred), device)
    if phase.starts_from:
        start = torch.load(folder / f"{phase.starts_from}.pt", map_location=device, weights_only=True)
        fresh = transplant(start["model"], model, tuple(start["wnids"]), training.wnids)
        print(f"{phase.name}: weights of {phase.starts_from}; fresh: {', '.join(fresh) or 'none'}", flush=True)
    optimiser = optimiser_of(phase, model)
    teacher, rows = _teacher(phase, training.wnids, folder, device)
    average = Average(model, phase.average) if phase.average else None
    first_step, seconds = 0, 0.0
    if partial.exists():
        saved = torch.load(partial, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        first_step, seconds = saved["step"], saved["seconds"]
        if average:
            average.state = saved["average"]

    per_epoch = len(training.labels) // phase.batch
    steps = per_epoch * len(phase.sizes_px)
    labels = torch.from_numpy(training.labels).to(device)
    model.train()
    started = saved_at = shown_at = time.monotonic()
    loss_sum, hits, seen = 0.0, 0, 0
    last_step = per_epoch * (phase.stops_after or len(phase.sizes_px))
    for step in range(first_step, last_step):
        epoch, place = divmod(step, per_epoch)
        generator = torch.Generator().manual_seed(phase.seed * 1_000_003 + epoch)
        if place == 0 or step == first_step:
            order = torch.randperm(len(labels), generator=generator).numpy()
        rows_now = order[place * phase.batch : (place + 1) * phase.batch]
        rows_now.sort()  # neighbours on disk, read together; the order inside a batch does not matter
        pictures = torch.from_numpy(training.pictures[rows_now]).permute(0, 3, 1, 2).to(device)
        generator.manual_seed(phase.seed * 1_000_003 + 7919 * step)
        smallest, zoom_out = phase.views_of(epoch)
        views = random_views(pictures, phase.sizes_px[epoch], generator, (smallest, 1.0), zoom_out)
        if phase.erasing:
            views = erase(views, generator, phase.erasing)
        targets = labels[rows_now]
        others, own = targets, 1.0
        if phase.cutmix and float(torch.rand(1, generator=generator)) < phase.cutmix:
            views, partner, own = cutmix(views, generator)
            others = targets[partner]
        views = views.to(memory_format=torch.channels_last)
        for group in optimiser.param_groups:
            group["lr"] = one_cycle(step, steps, phase.peak_rate, phase.warm_up)
        autocast = torch.autocast(device.type, dtype) if dtype is not torch.float32 else nullcontext()
        with autocast:
            logits = model(views).float()
            loss = F.cross_entropy(logits, targets, label_smoothing=phase.smoothing)
            if own < 1:
                loss = own * loss + (1 - own) * F.cross_entropy(logits, others, label_smoothing=phase.smoothing)
            if teacher is not None:
                loss = 0.3 * loss + 0.7 * _imitation(logits, teacher, views, rows)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if phase.optimiser == "adamw":
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if average:
            average.update(model)

        loss_sum += float(loss.detach()) * len(targets)
        hits += int((logits.argmax(1) == targets).sum())
        seen += len(targets)
        now = time.monotonic()
        if now - shown_at > 20 or step + 1 == last_step:
            left = (now - started) / (step + 1 - first_step) * (last_step - step - 1)
            print(
                f"{phase.name}: epoch {epoch + 1}/{len(phase.sizes_px)} ({phase.sizes_px[epoch]} px) step {step + 1}/"
                f"{last_step} loss {loss_sum / seen:.3f} accuracy {hits / seen:.1%} left {left / 60:.1f} min",
                flush=True,
            )
            loss_sum, hits, seen, shown_at = 0.0, 0, 0, now
        if now - saved_at > SAVE_EVERY_S:
            _save(partial, model=model.state_dict(), optimiser=optimiser.state_dict(), step=step + 1,
                  seconds=seconds + now - started, average=average.state if average else {})  # fmt: skip
            saved_at = now
    if average:
        model.load_state_dict(average.state)
    top1, top5 = hit_rates(
        logits_of(model, validation, Preprocessing(64, MEAN, STD)), torch.from_numpy(validation.labels)
    )
    print(f"{phase.name}: validation at 64 px: top-1 {top1:.1%}, top-5 {top5:.1%}", flush=True)
    _save(final, model=model.state_dict(), wnids=list(training.wnids), seconds=seconds + time.monotonic() - started)
    partial.unlink(missing_ok=True)
    return final


def placed(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on the device, its convolutions laid out channels last, which both processors and GPUs run faster."""
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _imitation(logits: Tensor, teacher: nn.Module, views: Tensor, rows: list[int]) -> Tensor:
    """Cross entropy between softened outputs, times the squared temperature (Hinton et al. 2015, arXiv:1503.02531)."""
    with torch.no_grad():
        wanted = (teacher(views).float()[:, rows] / TEMPERATURE).softmax(dim=1)
    return F.kl_div(F.log_softmax(logits / TEMPERATURE, dim=1), wanted, reduction="batchmean") * TEMPERATURE**2


def _teacher(
    phase: Phase, wnids: tuple[str, ...], folder: Path, device: torch.device
) -> tuple[nn.Module | None, list[int]]:
    """The teacher in evaluation mode, and which of its outputs are the phase's classes."""
    if phase.teacher is None:
        return None, []
    saved = torch.load(folder / f"{phase.teacher}.pt", map_location=device, weights_only=True)
    teacher = PHASES[phase.teacher]
    model = build(teacher.architecture, len(saved["wnids"]), teacher.centred)
    model.load_state_dict(saved["model"])
    return placed(model, device).eval(), [saved["wnids"].index(w) for w in wnids]


def _save(path: Path, **state: object) -> None:
    """Write beside, then rename: a killed run never leaves half a checkpoint."""
    beside = path.with_suffix(".tmp")
    torch.save(state, beside)
    os.replace(beside, path)

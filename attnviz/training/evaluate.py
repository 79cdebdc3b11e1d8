"""Accuracy of a network on the validation pictures."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attnviz.training.augment import normalise
from attnviz.training.data import Split


def logits_of(model: nn.Module, split: Split, size_px: int, device: torch.device, batch: int = 250) -> Tensor:
    """Outputs for every whole picture, resized to `size_px` on a side: shape (n, classes), on the processor."""
    was_training = model.training
    model.eval()
    outputs = []
    with torch.no_grad():
        for start in range(0, len(split.labels), batch):
            pictures = torch.from_numpy(np.array(split.pictures[start : start + batch])).permute(0, 3, 1, 2)
            views = pictures.to(device).float()
            if views.shape[-1] != size_px:
                views = F.interpolate(views, size=(size_px, size_px), mode="bicubic", antialias=True).clamp(0, 255)
            outputs.append(model(normalise(views).contiguous(memory_format=torch.channels_last)).float().cpu())
    model.train(was_training)
    return torch.cat(outputs)


def accuracy(model: nn.Module, split: Split, size_px: int, device: torch.device) -> tuple[float, float]:
    """Top-1 and top-5 accuracy, shares in [0, 1], on whole pictures resized to `size_px` on a side."""
    return hit_rates(logits_of(model, split, size_px, device), torch.from_numpy(split.labels))


def hit_rates(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Top-1 and top-5 accuracy from outputs (n, classes) and labels (n,)."""
    best = logits.topk(min(5, logits.shape[1]), dim=1).indices == labels[:, None]
    return float(best[:, 0].float().mean()), float(best.any(dim=1).float().mean())

"""Accuracy of a network on the validation pictures, each seen whole and prepared as at use."""

import numpy as np
import torch
from torch import Tensor, nn

from attnviz.pictures import Picture, Preprocessing, preprocess
from attnviz.training.data import Split


def logits_of(model: nn.Module, split: Split, preprocessing: Preprocessing, batch: int = 125) -> Tensor:
    """Outputs for every picture: shape (n, classes), on the processor. The model's mode is put back."""
    was_training = model.training
    device = next(model.parameters()).device
    model.eval()
    outputs = []
    with torch.no_grad():
        for start in range(0, len(split.labels), batch):
            pictures = np.asarray(split.pictures[start : start + batch])
            inputs = [preprocess(Picture.from_array(rgb), preprocessing).tensor for rgb in pictures]
            batch_bchw = torch.cat(inputs).to(device, memory_format=torch.channels_last)
            outputs.append(model(batch_bchw).float().cpu())
    model.train(was_training)
    return torch.cat(outputs)


def hit_rates(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Top-1 and top-5 accuracy, shares in [0, 1], from outputs (n, classes) and labels (n,)."""
    best = logits.topk(min(5, logits.shape[1]), dim=1).indices == labels[:, None]
    return float(best[:, 0].float().mean()), float(best.any(dim=1).float().mean())

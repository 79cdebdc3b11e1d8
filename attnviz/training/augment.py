"""Random views of a batch of pictures: zoom in and out, aspect, shift, flip, light and colour."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalise(pictures: Tensor) -> Tensor:
    """(b, 3, h, w) values in [0, 255] to the networks' input range, with the means and deviations of ImageNet."""
    mean = torch.tensor(MEAN, device=pictures.device).view(1, 3, 1, 1) * 255
    std = torch.tensor(STD, device=pictures.device).view(1, 3, 1, 1) * 255
    return (pictures - mean) / std


def random_views(
    pictures: Tensor,
    size_px: int,
    generator: torch.Generator,
    area: tuple[float, float] = (0.3, 1.0),
    zoom_out: float = 0.25,
    light: float = 0.3,
    aspect: float = 4 / 3,
) -> Tensor:
    """One random view of each picture, normalised.

    Most views are random resized crops (a share of the area, a changed aspect ratio, anywhere in the picture); the
    others show the picture smaller, down to 1/1.8 of its side, continued by reflection, so that objects that fill a
    third of a photograph are seen in training too.

    Args:
        pictures: (b, 3, h, w) uint8.
        size_px: side of the view.
        generator: of all randomness, on the processor.
        area: range of the crop's share of the picture's area.
        zoom_out: share of the views that are zoomed out.
        light: strength of the brightness, contrast and saturation changes; 0 for none.
        aspect: largest change of the aspect ratio; 1 for none.

    Returns:
        (b, 3, size_px, size_px) float32.
    """
    count = len(pictures)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    side = uniform(*area).sqrt()
    side = torch.where(uniform(0, 1) < zoom_out, uniform(1.0, 1.8), side)
    stretch = torch.exp(uniform(-1, 1) * math.log(aspect) / 2)
    width, height = side * stretch, side / stretch
    # A crop stays inside the picture; a zoomed-out view keeps the whole picture inside.
    shift_x = uniform(-1, 1) * (1 - width).abs()
    shift_y = uniform(-1, 1) * (1 - height).abs()
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    zero = torch.zeros(count)
    affine = torch.stack(
        [torch.stack([width * flip, zero, shift_x], dim=1), torch.stack([zero, height, shift_y], dim=1)], dim=1
    )
    device = pictures.device
    grid = F.affine_grid(affine.to(device), [count, 3, size_px, size_px], align_corners=False)
    views = F.grid_sample(pictures.float(), grid, padding_mode="reflection", align_corners=False)
    if light:
        brightness, contrast, saturation = ((1 + light * uniform(-1, 1)).to(device).view(-1, 1, 1, 1) for _ in range(3))
        views = views * brightness
        mean = views.mean(dim=(1, 2, 3), keepdim=True)
        grey = views.mean(dim=1, keepdim=True)
        views = mean + (views - mean) * contrast
        views = (grey + (views - grey) * saturation).clamp(0, 255)
    return normalise(views)

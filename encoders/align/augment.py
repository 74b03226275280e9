"""Random changes that leave the meaning, on whole batches.

Pictures and depth maps are changed by torch operations on the batch; each row draws its own numbers from the generator
given, so that a seed fixes a run.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F


def uniform(rows: int, low: float, high: float, rng: Generator) -> Tensor:
    """float32 (rows, 1, 1, 1), each in [low, high)."""
    return torch.rand(rows, 1, 1, 1, generator=rng) * (high - low) + low


def crop(x: Tensor, size: int, rng: Generator, area: tuple[float, float] = (0.35, 1.0), flip: bool = True) -> Tensor:
    """A random rectangle of each row, scaled to `size`, half of them mirrored.

    Args:
        x: float32 (B, C, H, W).
        area: least and most share of the picture's area that is kept; its aspect ratio is in [3/4, 4/3].
    """
    rows = len(x)
    side = uniform(rows, *area, rng).sqrt()
    stretch = torch.exp(uniform(rows, -0.144, 0.144, rng))  # each axis by 0.866 .. 1.155
    high, wide = (side * stretch).clamp(max=1).view(-1), (side / stretch).clamp(max=1).view(-1)
    shift_y = (torch.rand(rows, generator=rng) * 2 - 1) * (1 - high)
    shift_x = (torch.rand(rows, generator=rng) * 2 - 1) * (1 - wide)
    mirror = (torch.rand(rows, generator=rng) < 0.5).float() * -2 + 1 if flip else torch.ones(rows)
    theta = torch.zeros(rows, 2, 3)
    theta[:, 0, 0], theta[:, 0, 2] = wide * mirror, shift_x
    theta[:, 1, 1], theta[:, 1, 2] = high, shift_y
    grid = F.affine_grid(theta, [rows, x.shape[1], size, size], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def colour(x: Tensor, rng: Generator, strength: float = 0.4, grey: float = 0.1) -> Tensor:
    """Brightness, contrast and saturation by 1 +- strength; a share `grey` loses its colour. x: (B, 3, H, W) in [0, 1]."""
    rows = len(x)
    weights = x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    x = x * uniform(rows, 1 - strength, 1 + strength, rng)
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * uniform(rows, 1 - strength, 1 + strength, rng)
    luma = (x * weights).sum(1, keepdim=True)
    saturation = uniform(rows, 1 - strength, 1 + strength, rng)
    saturation = torch.where(uniform(rows, 0, 1, rng) < grey, torch.zeros_like(saturation), saturation)
    tint = 1 + (torch.rand(rows, 3, 1, 1, generator=rng) - 0.5) * 0.2 * strength
    return ((luma + (x - luma) * saturation) * tint).clamp(0, 1)


def blur(x: Tensor, rng: Generator, share: float = 0.5) -> Tensor:
    """A share of the rows loses detail, as far as a picture of 24 pixels has it, so that sharpness teaches nothing."""
    rows, size = len(x), x.shape[-1]
    chosen = torch.rand(rows, generator=rng) < share
    small = int(torch.randint(24, size, (1,), generator=rng))
    soft = F.interpolate(x[chosen], size=(small, small), mode="bilinear", antialias=True)
    out = x.clone()
    out[chosen] = F.interpolate(soft, size=(size, size), mode="bilinear")
    return out


def erase(x: Tensor, rng: Generator, share: float = 0.25, side: float = 0.35) -> Tensor:
    """A share of the rows loses a rectangle, filled with grey (Zhong et al. 2017)."""
    rows, _, height, width = x.shape
    y = torch.arange(height).view(1, 1, -1, 1) / height
    z = torch.arange(width).view(1, 1, 1, -1) / width
    top, left = uniform(rows, 0, 1, rng), uniform(rows, 0, 1, rng)
    tall, wide = uniform(rows, 0.1, side, rng), uniform(rows, 0.1, side, rng)
    hole = (y >= top) & (y < top + tall) & (z >= left) & (z < left + wide) & (uniform(rows, 0, 1, rng) < share)
    return torch.where(hole, torch.full_like(x, 0.45), x)


def picture(batch: Tensor, size: int, rng: Generator, flip: bool = True, least: float = 0.35) -> Tensor:
    """Everything above on uint8 (B, H, W, 3); float32 (B, 3, size, size) in [0, 1]."""
    x = batch.permute(0, 3, 1, 2).float() / 255
    x = crop(x, size, rng, (least, 1.0), flip)
    return erase(colour(blur(x, rng), rng), rng)

"""The four encoders of `nano`, the small default model.

Each takes the raw thing a recipe describes and gives a unit vector: scaling, filter bank, masks, pooling and the norm
are inside `forward`. All are sized for two CPU cores.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EMBEDDING_SIZE = 256
IMAGE_SIZE = 64  # pixels; most training pictures hold 32


class Head(nn.Module):
    """Features -> embedding: a projection, the norm, the centre taken away, the norm again.

    Every modality's mean lies at the origin once `centre` is set, so that no modality sits in a corner of its own
    (the modality gap, Liang et al. 2022) and result lists may mix them.
    """

    def __init__(self, features: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.projection = nn.Linear(features, EMBEDDING_SIZE)
        self.register_buffer("centre", torch.zeros(EMBEDDING_SIZE))

    def forward(self, features: Tensor) -> Tensor:
        embedding = F.normalize(self.projection(self.dropout(features)).float(), dim=-1)
        return F.normalize(embedding - self.centre, dim=-1)


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2015); `stride` halves the map."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ConvTrunk(nn.Sequential):
    """A stem that halves the map, then one residual block a width, each but the first halving it again."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        blocks = [Residual(a, b, 2) for a, b in zip(widths, widths[1:], strict=False)]
        super().__init__(
            nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            Residual(widths[0], widths[0]),
            *blocks,
        )


class ImageEncoder(nn.Module):
    """Pictures. uint8 (B, 64, 64, 3), RGB -> float32 (B, 256), rows of norm 1."""

    def __init__(self, widths: tuple[int, ...] = (64, 128, 256, 512)) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.48, 0.46, 0.42]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.26, 0.26, 0.27]).view(3, 1, 1))
        self.trunk = ConvTrunk(3, widths)
        self.head = Head(4 * widths[-1], dropout=0.1)

    def forward(self, picture: Tensor) -> Tensor:
        x = picture.permute(0, 3, 1, 2).float() / 255  # (B, 3, H, W)
        return self.head(self.features((x - self.mean) / self.std))

    def features(self, x: Tensor) -> Tensor:
        """Standardised pictures, float32 (B, 3, H, W) -> the four quarters' mean features, (B, 4 * width)."""
        x = self.trunk(x)  # (B, C, H/16, W/16)
        return F.adaptive_avg_pool2d(x, 2).flatten(1)

"""A small encoder for a sensor of one's own, of any kind that has a recipe.

Each takes the raw thing its recipe describes and gives unit vectors: standardising, filter bank, pooling and the norm
are inside `forward`. Convolutions see a map of two axes, or, for a series, time alone.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .filterbank import FilterBank

WIDTHS = (32, 64, 128, 256)  # channels after each halving
DROPOUT = 0.1
MELS = 64
MIN_METRES = 0.1  # nearer readings count as this near


class Block(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2015); the first halves every axis."""

    def __init__(self, axes: int, inputs: int, outputs: int) -> None:
        super().__init__()
        conv, norm = (nn.Conv1d, nn.BatchNorm1d) if axes == 1 else (nn.Conv2d, nn.BatchNorm2d)
        size = 7 if axes == 1 else 3  # a series is long and cheap: look further along it
        self.halve = nn.Sequential(conv(inputs, outputs, size, 2, size // 2, bias=False), norm(outputs), nn.ReLU())
        self.look = nn.Sequential(conv(outputs, outputs, size, 1, size // 2, bias=False), norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = self.halve(x)
        return F.relu(x + self.look(x))


class SensorEncoder(nn.Module):
    """Raw rows -> float32 (B, embedding_size), rows of norm 1.

    Args:
        front: raw rows -> float32 (B, channels, ...), on whatever scale.
        channels: of what `front` gives.
        axes: of what `front` gives, after its channels: 1 or 2.
        embedding_size: that of the anchor.
    """

    def __init__(self, front: nn.Module, channels: int, axes: int, embedding_size: int) -> None:
        super().__init__()
        self.front = front
        ones = (1, channels, *[1] * axes)
        self.register_buffer("mean", torch.zeros(ones))
        self.register_buffer("std", torch.ones(ones))
        sizes = (channels, *WIDTHS)
        self.trunk = nn.Sequential(*(Block(axes, a, b) for a, b in pairwise(sizes)))
        self.dropout = nn.Dropout(DROPOUT)
        self.projection = nn.Linear(2 * WIDTHS[-1], embedding_size)

    @torch.no_grad()
    def standardise(self, rows: Tensor) -> None:
        """Takes mean and spread of every channel from training rows."""
        seen = self.front(rows).transpose(0, 1).flatten(1)  # (channels, everything)
        self.mean.copy_(seen.mean(dim=1).view_as(self.mean))
        self.std.copy_(seen.std(dim=1).clamp(min=1e-6).view_as(self.std))

    def forward(self, rows: Tensor) -> Tensor:
        x = self.trunk((self.front(rows) - self.mean) / self.std).flatten(2)  # (B, width, places)
        features = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)
        return F.normalize(self.projection(self.dropout(features)), dim=-1)


class Projector(nn.Module):
    """Unit vectors of a frozen encoder -> unit vectors of the anchor's space: a small network beside a shortcut.

    (B, embedding_size) -> (B, embedding_size). It begins as no change at all.
    """

    def __init__(self, embedding_size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(embedding_size, 2 * embedding_size)
        self.out = nn.Linear(2 * embedding_size, embedding_size)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors + self.out(F.gelu(self.hidden(vectors))), dim=-1)


class Levels(nn.Module):
    """uint8 (B, H, W) -> (B, 1, H, W) in [0, 1]."""

    def forward(self, levels: Tensor) -> Tensor:
        return levels.unsqueeze(1).float() / 255


class Pixels(nn.Module):
    """uint8 (B, H, W, 3) -> (B, 3, H, W) in [0, 1]."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.permute(0, 3, 1, 2).float() / 255


class Metres(nn.Module):
    """Metres, 0 = unseen, float32 (B, H, W) -> disparity in 1/m and whether anything was seen, (B, 2, H, W)."""

    def forward(self, metres: Tensor) -> Tensor:
        seen = (metres > 0).float()
        return torch.stack([seen / metres.clamp(min=MIN_METRES), seen], dim=1)


class Samples(nn.Module):
    """Waveform, float32 (B, samples) -> log-mel energies (B, 1, frames, mels)."""

    def __init__(self, sample_rate_hz: int) -> None:
        super().__init__()
        self.bank = FilterBank(sample_rate_hz, MELS)

    def forward(self, samples: Tensor) -> Tensor:
        return self.bank(samples).unsqueeze(1)


def sensor_encoder(kind: str, embedding_size: int, *, channels: int = 6, sample_rate_hz: int = 16_000) -> SensorEncoder:
    """The encoder for a kind of recipe: grey, picture, depth, waveform or series.

    Args:
        channels: of a series.
        sample_rate_hz: of a waveform.
    """
    make: dict[str, Callable[[], tuple[nn.Module, int, int]]] = {
        "grey": lambda: (Levels(), 1, 2),
        "picture": lambda: (Pixels(), 3, 2),
        "depth": lambda: (Metres(), 2, 2),
        "waveform": lambda: (Samples(sample_rate_hz), 1, 2),
        "series": lambda: (nn.Identity(), channels, 1),
    }
    return SensorEncoder(*make[kind](), embedding_size)

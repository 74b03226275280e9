"""How each modality's normalised input becomes tokens, (B, N, width)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

STEM_EPS = 1e-5


class PatchStem(nn.Module):
    """A one-channel map cut into patches that may overlap: (B, 1, H, W)."""

    def __init__(self, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(1, width, kernel, stride, bias=False)
        self.norm = nn.LayerNorm(width, eps=STEM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.project(x).flatten(2).transpose(1, 2))


class TubeStem(nn.Module):
    """A film cut into boxes of frames x height x width: (B, 3, T, H, W). A picture, (B, 3, H, W), stands still."""

    def __init__(self, width: int, kernel: Sequence[int], frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.project = nn.Conv3d(3, width, tuple(kernel), tuple(kernel), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 4:
            x = x.unsqueeze(2).expand(-1, -1, self.frames, -1, -1)
        if x.shape[2] != self.frames:
            raise ValueError(f"a film has {x.shape[2]} frames; this encoder was made for {self.frames}")
        return self.project(x).flatten(2).transpose(1, 2)


class WindowStem(nn.Module):
    """A series cut into windows that do not overlap: (B, channels, samples)."""

    def __init__(self, width: int, channels: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.project = nn.Linear(channels * window, width, bias=False)
        self.norm = nn.LayerNorm(width, eps=STEM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        windows = x.unflatten(2, (-1, self.window)).transpose(1, 2).flatten(2)  # (B, N, channels * window)
        return self.norm(self.project(windows))


class TokenStem(nn.Module):
    """Token ids looked up: int64 (B, L)."""

    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocabulary, width))

    def forward(self, ids: Tensor) -> Tensor:
        return nn.functional.embedding(ids, self.weight)

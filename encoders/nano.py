"""The four encoders of `nano`, the small default model.

Each takes the raw thing a recipe describes and gives a unit vector: scaling, filter bank, masks, pooling and the norm
are inside `forward`. All are sized for two CPU cores.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EMBEDDING_SIZE = 256
IMAGE_SIZE = 48  # pixels; most training pictures hold 32
DEPTH_SIZE = 64


class Head(nn.Module):
    """Features -> embedding: a projection, the norm, the centre taken away, the norm again.

    `centre` is where the anchor's training found the mean, so that neither pictures nor sentences sit in a corner of
    their own (the modality gap, Liang et al. 2022) and result lists may mix them.
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
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ConvTrunk(nn.Sequential):
    """A stem that halves the map, a residual block, then `blocks` more for each further width, the first halving."""

    def __init__(self, channels: int, widths: tuple[int, ...], blocks: int = 1) -> None:
        stages = [
            block
            for a, b in itertools.pairwise(widths)
            for block in (Residual(a, b, 2), *(Residual(b, b) for _ in range(blocks - 1)))
        ]
        super().__init__(
            nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            Residual(widths[0], widths[0]),
            *stages,
        )


class Soften(nn.Module):
    """A low-pass filter, strong in colour and weak in brightness: standardised (B, 3, H, W) -> the same.

    Small JPEG files have coarse colour and soft edges, and most of the training pictures are such files. Without the
    filter, a clean photograph is to the encoder first of all clean.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("luma", torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("narrow", _binomial(3), persistent=False)
        self.register_buffer("wide", _binomial(9), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        luma = (x * self.luma).sum(1, keepdim=True)
        return _smooth(luma, self.narrow) + _smooth(x - luma, self.wide)


class ImageEncoder(nn.Module):
    """Pictures. uint8 (B, 48, 48, 3), RGB -> float32 (B, 256), rows of norm 1."""

    def __init__(self, widths: tuple[int, ...] = (64, 192, 352)) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.48, 0.46, 0.42]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.26, 0.26, 0.27]).view(3, 1, 1))
        self.soften = Soften()
        self.trunk = ConvTrunk(3, widths, blocks=2)
        self.head = Head(4 * widths[-1], dropout=0.1)

    def forward(self, picture: Tensor) -> Tensor:
        x = picture.permute(0, 3, 1, 2).float() / 255  # (B, 3, H, W)
        return self.embed((x - self.mean) / self.std)

    def embed(self, x: Tensor) -> Tensor:
        """Standardised pictures -> embeddings: a picture and its mirror image count alike."""
        both = self.head(self.features(x)) + self.head(self.features(x.flip(3)))
        return F.normalize(both, dim=-1)

    def features(self, x: Tensor) -> Tensor:
        """Standardised pictures, float32 (B, 3, H, W) -> the four quarters' mean features, (B, 4 * width)."""
        x = self.trunk(self.soften(x))  # (B, C, H/8, W/8)
        return F.adaptive_avg_pool2d(x, 2).flatten(1)


class AudioEncoder(nn.Module):
    """Sounds. float32 (B, 80000), mono at 16 kHz, in [-1, 1] -> float32 (B, 256), rows of norm 1.

    Loudness means nothing: each clip is scaled to the same energy first.
    """

    SAMPLE_RATE_HZ = 16_000
    CLIP_S = 5.0
    WINDOW = 640  # samples, 40 ms
    HOP = 320  # samples, 20 ms
    MELS = 64

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__()
        self.register_buffer("cosine", _fourier(self.WINDOW)[0], persistent=False)
        self.register_buffer("sine", _fourier(self.WINDOW)[1], persistent=False)
        self.register_buffer("filters", _mel_filters(self.WINDOW // 2 + 1, self.MELS, self.SAMPLE_RATE_HZ))
        self.trunk = ConvTrunk(1, widths)
        self.head = Head(2 * 4 * widths[-1], dropout=0.2)

    def forward(self, samples: Tensor) -> Tensor:
        return self.head(self.features(log(self.mel(self.power(level(samples))))))

    def power(self, samples: Tensor) -> Tensor:
        """Power spectra by matrix product, which every runtime has: (B, samples) -> (B, frames, 321)."""
        frames = samples.unfold(1, self.WINDOW, self.HOP)  # (B, frames, 640)
        return (frames @ self.cosine).square() + (frames @ self.sine).square()

    def fast_power(self, samples: Tensor) -> Tensor:
        """What `power` gives, by the fast Fourier transform: several times as fast, for training."""
        window = torch.hann_window(self.WINDOW)
        window = window / window.square().sum().sqrt()
        spectrum = torch.stft(samples, self.WINDOW, self.HOP, window=window, center=False, return_complex=True)
        return (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)

    def mel(self, power: Tensor) -> Tensor:
        """Energies of 64 bands: (B, frames, 321) -> (B, frames, 64)."""
        return power @ self.filters

    def features(self, mel: Tensor) -> Tensor:
        """Mean and peak over time in four bands of frequency: (B, 1, 64, frames) -> (B, 8 * width)."""
        x = self.trunk(mel)  # (B, C, 4, frames / 16)
        return torch.cat([x.mean(3), x.amax(3)], dim=2).flatten(1)


class DepthEncoder(nn.Module):
    """Depth maps. float32 (B, 64, 64), metres, 0 where nothing was seen -> float32 (B, 256), rows of norm 1."""

    FAR_M = 10.0

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__()
        self.trunk = ConvTrunk(3, widths)
        self.head = Head(4 * widths[-1], dropout=0.1)

    def forward(self, metres: Tensor) -> Tensor:
        """A map and its mirror image count alike, as pictures do."""
        return F.normalize(self.head(self.features(metres)) + self.head(self.features(metres.flip(2))), dim=-1)

    def features(self, metres: Tensor) -> Tensor:
        """Nearness, log distance and what was seen, as three channels -> the four quarters' mean features."""
        seen = (metres > 0).float()
        metres = metres.clamp(min=0.2, max=self.FAR_M)
        near = (0.5 / metres - 0.25) * 4 * seen
        far = (metres.log() - 0.6) * 1.5 * seen
        x = self.trunk(torch.stack([near, far, seen], dim=1))
        return F.adaptive_avg_pool2d(x, 2).flatten(1)


class TextEncoder(nn.Module):
    """Text. int64 (B, L) WordPiece ids, L at most 64, padded with 0 -> float32 (B, 256), rows of norm 1.

    A BERT of three layers (Devlin et al. 2018) whose word embeddings are factorised (Lan et al. 2019, section 3.1).
    """

    CONTEXT_LENGTH = 64
    PAD_ID = 0

    def __init__(self, vocabulary: int = 30522, word_size: int = 128, width: int = 384, layers: int = 3) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, word_size)
        self.widen = nn.Linear(word_size, width)
        self.places = nn.Parameter(torch.zeros(self.CONTEXT_LENGTH, width))
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(BertLayer(width) for _ in range(layers))
        self.head = Head(width)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.features(ids))

    def features(self, ids: Tensor) -> Tensor:
        """The mean of the tokens' last states, norm 1: (B, L) -> (B, width)."""
        seen = (ids != self.PAD_ID).unsqueeze(-1).float()  # (B, L, 1)
        x = self.norm(self.widen(self.words(ids)) + self.places[: ids.shape[1]])
        hidden = ((1 - seen) * -1e4).transpose(1, 2).unsqueeze(1)  # (B, 1, 1, L)
        for layer in self.layers:
            x = layer(x, hidden)
        return F.normalize((x.float() * seen).sum(1) / seen.sum(1).clamp(min=1), dim=-1)


class BertLayer(nn.Module):
    """Attention and a feed-forward step, each added and then normalised."""

    def __init__(self, width: int, heads: int = 12) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)
        self.outputs = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, eps=1e-12)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        rows, length, width = x.shape
        q, k, v = self.inputs(x).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # (B, nh, L, hs)
        scores = q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5 + hidden
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(rows, length, width)
        x = self.norm1(x + self.outputs(mixed))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


def _binomial(taps: int) -> Tensor:
    """A row of Pascal's triangle, of sum 1."""
    row = torch.tensor([math.comb(taps - 1, i) for i in range(taps)], dtype=torch.float32)
    return row / row.sum()


def _smooth(x: Tensor, taps: Tensor) -> Tensor:
    """Every channel filtered along both axes, edges mirrored: (B, C, H, W) -> the same."""
    reach, channels = len(taps) // 2, x.shape[1]
    weight = taps.to(x.dtype).expand(channels, 1, -1)
    x = F.pad(x, (reach, reach, reach, reach), mode="reflect")
    x = F.conv2d(x, weight[..., None, :], groups=channels)
    return F.conv2d(x, weight[..., None], groups=channels)


def log(mel: Tensor) -> Tensor:
    """Standardised log energies: (B, frames, bands) -> (B, 1, bands, frames)."""
    return (mel.clamp(min=1e-4).log().transpose(1, 2)[:, None] - 1.0) / 4.0


def level(samples: Tensor) -> Tensor:
    """Each row's mean taken away and its energy brought to one a sample; silence stays silence."""
    samples = samples - samples.mean(1, keepdim=True)
    return samples / (samples.square().mean(1, keepdim=True) + 1e-8).sqrt()


def _fourier(window: int) -> tuple[Tensor, Tensor]:
    """Hann-windowed cosines and sines, float32 (window, window / 2 + 1) each, scaled to unit noise gain."""
    n = torch.arange(window, dtype=torch.float64)
    hann = 0.5 - 0.5 * torch.cos(2 * torch.pi * n / window)
    hann = hann / hann.square().sum().sqrt()
    angle = 2 * torch.pi * n[:, None] * torch.arange(window // 2 + 1) / window
    return (hann[:, None] * angle.cos()).float(), (hann[:, None] * angle.sin()).float()


def _mel_filters(bins: int, mels: int, rate_hz: int, low_hz: float = 40.0) -> Tensor:
    """Triangles evenly spaced in mel (HTK's formula), float32 (bins, mels), each of sum 1."""

    def mel(hz: Tensor) -> Tensor:
        return 2595 * torch.log10(1 + hz / 700)

    edges = torch.linspace(*mel(torch.tensor([low_hz, rate_hz / 2])).tolist(), mels + 2, dtype=torch.float64)
    at = mel(torch.linspace(0, rate_hz / 2, bins, dtype=torch.float64))[:, None]
    width = edges[1] - edges[0]
    triangles = (1 - (at - edges[1:-1]).abs() / width).clamp(min=0)
    return (triangles / triangles.sum(0).clamp(min=1e-6)).float()

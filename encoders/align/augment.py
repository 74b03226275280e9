"""Random changes that leave the meaning, on whole batches.

Each row draws its own numbers from the generator given, so that a seed fixes a run. Sounds are changed with torchaudio,
pictures and depth maps with torch alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F


def uniform(rows: int, low: float, high: float, rng: Generator) -> Tensor:
    """float32 (rows, 1, 1, 1), each in [low, high)."""
    return torch.rand(rows, 1, 1, 1, generator=rng) * (high - low) + low


def crop(
    x: Tensor,
    size: int,
    rng: Generator,
    area: tuple[float, float] = (0.6, 1.0),
    alike: int = 1,
) -> Tensor:
    """A random rectangle of each row, scaled to `size`, half of them mirrored.

    Args:
        x: float32 (B, C, H, W).
        area: least and most share of the picture's area that is kept; its aspect ratio is in [3/4, 4/3].
        alike: so many rows after one another get the same rectangle.
    """
    rows = len(x) // alike
    side = uniform(rows, *area, rng).sqrt()
    stretch = torch.exp(uniform(rows, -0.144, 0.144, rng))  # each axis by 0.866 .. 1.155
    high, wide = (side * stretch).clamp(max=1).view(-1), (side / stretch).clamp(max=1).view(-1)
    shift_y = (torch.rand(rows, generator=rng) * 2 - 1) * (1 - high)
    shift_x = (torch.rand(rows, generator=rng) * 2 - 1) * (1 - wide)
    mirror = (torch.rand(rows, generator=rng) < 0.5).float() * -2 + 1
    theta = torch.zeros(rows, 2, 3)
    theta[:, 0, 0], theta[:, 0, 2] = wide * mirror, shift_x
    theta[:, 1, 1], theta[:, 1, 2] = high, shift_y
    theta = theta.repeat_interleave(alike, dim=0)
    grid = F.affine_grid(theta, [len(x), x.shape[1], size, size], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def colour(x: Tensor, rng: Generator, strength: float = 0.3, grey: float = 0.05) -> Tensor:
    """Brightness, contrast, saturation by 1 +- strength; a share `grey` has no colour. x: (B, 3, H, W) in [0, 1]."""
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


@dataclass(frozen=True)
class Blur:
    """A share of the rows loses detail, down to what a picture of `least` pixels has: sharpness shall teach nothing."""

    share: float
    least: int

    def __call__(self, x: Tensor, rng: Generator) -> Tensor:
        rows, size = len(x), x.shape[-1]
        chosen = torch.rand(rows, generator=rng) < self.share
        small = int(torch.randint(min(self.least, size - 1), size, (1,), generator=rng))
        soft = F.interpolate(x[chosen], size=(small, small), mode="bilinear", antialias=True)
        out = x.clone()
        out[chosen] = F.interpolate(soft, size=(size, size), mode="bilinear")
        return out


def erase(x: Tensor, rng: Generator, share: float = 0.2, side: float = 0.3) -> Tensor:
    """A share of the rows loses a rectangle, filled with grey (Zhong et al. 2017)."""
    rows, _, height, width = x.shape
    y = torch.arange(height).view(1, 1, -1, 1) / height
    z = torch.arange(width).view(1, 1, 1, -1) / width
    top, left = uniform(rows, 0, 1, rng), uniform(rows, 0, 1, rng)
    tall, wide = uniform(rows, 0.1, side, rng), uniform(rows, 0.1, side, rng)
    hole = (y >= top) & (y < top + tall) & (z >= left) & (z < left + wide) & (uniform(rows, 0, 1, rng) < share)
    return torch.where(hole, torch.full_like(x, 0.45), x)


def patch(x: Tensor, partner: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
    """A rectangle of each row is taken from another row (CutMix, Yun et al. 2019).

    Args:
        x: float32 (B, C, H, W).
        partner: int64 (B,), the row it is taken from; a row that is its own partner stays as it is.

    Returns:
        The pictures, and what share of each is its own: float32 (B,).
    """
    rows, _, height, width = x.shape
    side = (1 - torch.rand(rows, generator=rng)).sqrt()  # of the rectangle, so that the share is spread evenly
    tall, wide = (side * height).round(), (side * width).round()
    top = (torch.rand(rows, generator=rng) * (height - tall + 1)).floor()
    left = (torch.rand(rows, generator=rng) * (width - wide + 1)).floor()
    y, z = torch.arange(height).view(1, -1, 1), torch.arange(width).view(1, 1, -1)
    top, left, tall, wide = (each.view(-1, 1, 1) for each in (top, left, tall, wide))
    inside = (y >= top) & (y < top + tall) & (z >= left) & (z < left + wide)  # (B, H, W)
    share = 1 - inside.float().mean((1, 2))
    share[partner == torch.arange(rows)] = 1.0
    return torch.where(inside[:, None], x[partner], x), share


def looks(x: Tensor, rng: Generator, blur: Blur) -> Tensor:
    """Everything above but the crop: what changes how a view looks, and not which view it is."""
    return erase(colour(blur(x, rng), rng), rng)


def picture(batch: Tensor, size: int, rng: Generator, blur: Blur) -> Tensor:
    """Everything above on uint8 (B, H, W, 3); float32 (B, 3, size, size) in [0, 1]."""
    x = batch.permute(0, 3, 1, 2).float() / 255
    return looks(crop(x, size, rng), rng, blur)


def same_view(first: Tensor, second: Tensor, size: int, rng: Generator, blur: Blur, alike: int) -> Tensor:
    """Two takes of each picture, cut alike and changed apart: float32 (2 B, 3, size, size), all first takes first.

    Args:
        first, second: uint8 (B, H, W, 3).
        alike: so many rows after one another are cut alike.
    """
    x = torch.cat([first, second], dim=3).permute(0, 3, 1, 2).float() / 255
    takes = crop(x, size, rng, area=(0.5, 1.0), alike=alike).chunk(2, dim=1)
    return looks(torch.cat(takes), rng, blur)


def same_crop(picture: Tensor, metres: Tensor, size: int, rng: Generator, alike: int = 1) -> tuple[Tensor, Tensor]:
    """One random rectangle cut out of a picture and out of its depth map, mirrored together.

    Args:
        picture: uint8 (B, H, W, 3).
        metres: float32 (B, H, W), 0 where nothing was seen.
        alike: so many rows after one another are cut alike.

    Returns:
        uint8 (B, size, size, 3) and float32 (B, size, size).
    """
    seen = (metres > 0).float()
    both = torch.cat([picture.permute(0, 3, 1, 2).float(), torch.stack([metres, seen], dim=1)], dim=1)
    both = crop(both, size, rng, area=(0.5, 1.0), alike=alike)
    weight = both[:, 4]
    cut = torch.where(weight > 0.5, both[:, 3] / weight.clamp(min=0.5), torch.zeros_like(weight))
    return both[:, :3].round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1), cut


def depth(metres: Tensor, rng: Generator) -> Tensor:
    """What another sensor would have made of it: holes, a scale error, noise that grows with distance, a far limit.

    Args:
        metres: float32 (B, H, W), 0 where nothing was seen.
    """
    rows, height, width = metres.shape
    x = metres * uniform(rows, 0.92, 1.08, rng)[:, 0]
    noise = torch.randn(metres.shape, generator=rng) * uniform(rows, 0, 0.02, rng)[:, 0]
    x = x * (1 + noise)
    coarse = torch.rand(rows, 1, 8, 8, generator=rng)
    patches = F.interpolate(coarse, size=(height, width), mode="bilinear")[:, 0]
    holes = patches < uniform(rows, 0, 0.3, rng)[:, 0]
    far = x > uniform(rows, 3.0, 12.0, rng)[:, 0]
    return torch.where(holes | far, torch.zeros_like(x), x)


# Speeds a sound is played at, as old rate : new rate. The pitch follows.
PACES = ((1, 1), (10, 9), (20, 19), (20, 21), (10, 11))


def pace(clips: Tensor, number: int) -> Tensor:
    """Clips at one of `PACES`, cut or repeated to the length they had: float32 (B, samples)."""
    import torchaudio  # the [train] extra; pictures and depth maps do without

    length = clips.shape[1]
    clips = torchaudio.functional.resample(clips, *PACES[number])
    return clips.repeat(1, -(-length // clips.shape[1]))[:, :length]


def sound(mel: Tensor, behind: Tensor, rng: Generator) -> Tensor:
    """Time shift, another sound faintly behind, a coloured hiss.

    Energies of sounds that know nothing of each other add, so all of this is done on them.

    Args:
        mel: float32 (B, frames, bands), energies of clips of one energy each.
        behind: the same, of other clips.
    """
    rows, frames, bands = mel.shape
    shift = torch.randint(frames, (rows, 1), generator=rng)
    mel = mel[torch.arange(rows)[:, None], (torch.arange(frames) + shift) % frames]
    faint = 10 ** (-(torch.rand(rows, 1, 1, generator=rng) * 25 + 5) / 10)
    faint = faint * (torch.rand(rows, 1, 1, generator=rng) < 0.5)
    colour = F.interpolate(torch.randn(rows, 1, 4, generator=rng), size=bands, mode="linear").exp()
    grain = -torch.rand(mel.shape, generator=rng).clamp(min=1e-6).log()  # a hiss's energies are spread so
    hiss = colour * grain * 10 ** (-(torch.rand(rows, 1, 1, generator=rng) * 40 + 8) / 10)
    hiss = hiss * (torch.rand(rows, 1, 1, generator=rng) < 0.5)
    return (mel + faint * behind + hiss) / (1 + faint)


def spectrum(mel: Tensor, rng: Generator) -> Tensor:
    """Bands and stretches of time blanked (SpecAugment, Park et al. 2019), and a random tone colour.

    Args:
        mel: float32 (B, 1, mels, frames), standardised log energies.
    """
    from torchaudio.transforms import FrequencyMasking, TimeMasking

    rows, _, mels, _ = mel.shape
    bends = torch.randn(rows, 1, 5, 1, generator=rng) * 0.15
    mel = mel + F.interpolate(bends, size=(mels, 1), mode="bilinear", align_corners=True)
    floor = float(mel.mean())
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=rng)))  # torchaudio's masks draw from the global state
    bands, stretch = FrequencyMasking(12, iid_masks=True), TimeMasking(60, iid_masks=True)
    for mask in (bands, stretch, stretch):
        mel = mask(mel, floor)
    return mel

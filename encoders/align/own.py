"""A modality of one's own, bound to a frozen anchor by pairs with pictures.

As ImageBind does it (Girdhar et al. 2023, section 3.2): the picture's embedding never moves, and only the new encoder
learns to meet it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from .losses import Temperature, info_nce
from .own_pairs import Readings
from .train import Schedule, adamw, fit

RECALLS = (1, 5, 10)
ROWS_AT_ONCE = 256

Vary = Callable[[Tensor, Generator], Tensor]  # how training rows may change without showing something else


def align_own(
    encoder: nn.Module,
    readings: Readings,
    schedule: Schedule,
    checkpoint: Path,
    console: Console,
    *,
    vary: Vary | None = None,
    batch: int = 64,
    name: str = "own",
) -> nn.Module:
    """Trains an encoder on the pairs not set apart; a run that was stopped goes on from `checkpoint`.

    Args:
        encoder: rows as the recipe says -> float32 (B, D), rows of norm 1.
        vary: changes training rows. Default: not at all.
        batch: pairs compared with each other at a time.

    Returns:
        The encoder with averaged weights, in eval mode.
    """
    torch.manual_seed(schedule.seed)
    task = OwnTask(encoder, readings, batch, vary or (lambda rows, rng: rows))
    return fit(task, schedule, checkpoint, console, name)["encoder"]


class OwnTask:
    """What `fit` trains: the new encoder and its temperature, against the pictures' embeddings."""

    def __init__(self, encoder: nn.Module, readings: Readings, batch: int, vary: Vary) -> None:
        self.model = nn.ModuleDict({"encoder": encoder, "temperature": Temperature()})
        self.readings = readings
        self.vary = vary
        self.train = np.flatnonzero(~readings.is_validation)
        self.batch = min(batch, len(self.train))
        self.steps = len(self.train) // self.batch
        self.clips = np.bincount(readings.pair)
        self.first = self.clips.cumsum() - self.clips

    def batches(self, epoch: int, rng: Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(rows, anchors, which belong together): one row of each pair, another in another epoch."""
        order = self.train[torch.randperm(len(self.train), generator=rng).numpy()]
        for step in range(self.steps):
            pairs = order[step * self.batch : (step + 1) * self.batch]
            clip = (torch.rand(len(pairs), generator=rng).numpy() * self.clips[pairs]).astype(np.int64)
            rows = torch.from_numpy(self.readings.rows[self.first[pairs] + clip])
            keys = torch.from_numpy(self.readings.keys[pairs])
            yield self.vary(rows, rng), torch.from_numpy(self.readings.anchors[pairs]), keys[:, None] == keys

    def loss(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        rows, anchors, together = batch
        return info_nce(self.model["encoder"](rows), anchors, self.model["temperature"](), together)

    def optimizers(self, schedule: Schedule) -> list[torch.optim.Optimizer]:
        return [adamw(self.model.parameters(), schedule)]

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Recall@1 and @5 of the pairs set apart, both ways."""
        found = measure(model["encoder"], self.readings)
        return {f"→{way.split()[-1]} R@{k}": found[way][f"R@{k}"] for way in found for k in (1, 5)}


@torch.no_grad()
def measure(encoder: nn.Module, readings: Readings) -> dict[str, dict[str, float]]:
    """Recall@K among the pairs set apart, each beside chance.

    Returns:
        {"other → image": {"R@1": ..., "chance R@1": ..., "R@5": ...}, "image → other": ...}
    """
    apart = np.flatnonzero(readings.is_validation)
    anchors, keys = torch.from_numpy(readings.anchors[apart]), torch.from_numpy(readings.keys[apart])
    scores, together = embed(encoder, readings, apart) @ anchors.T, keys[:, None] == keys
    return {"other → image": _recalls(scores, together), "image → other": _recalls(scores.T, together)}


@torch.no_grad()
def embed(encoder: nn.Module, readings: Readings, pairs: NDArray[np.int64]) -> Tensor:
    """The embeddings of some pairs' readings, as a server gives them: the clips' average, scaled to norm 1.

    Args:
        pairs: (N,), rising.

    Returns:
        float32 (N, D).
    """
    encoder.eval()
    use = np.flatnonzero(np.isin(readings.pair, pairs))
    parts = np.array_split(use, -(-len(use) // ROWS_AT_ONCE))
    rows = torch.cat([encoder(torch.from_numpy(readings.rows[part])) for part in parts])
    place = torch.from_numpy(np.searchsorted(pairs, readings.pair[use]))
    return F.normalize(torch.zeros(len(pairs), rows.shape[1]).index_add(0, place, rows), dim=-1)


def _recalls(scores: Tensor, together: Tensor) -> dict[str, float]:
    """Recall@K, and that of a random order, exactly. Among equal scores the wrong one stands first."""
    nearest_right = scores.masked_fill(~together, -torch.inf).amax(dim=1, keepdim=True)
    ahead = ((scores >= nearest_right) & ~together).sum(dim=1)
    gallery, right = scores.shape[1], together.sum(dim=1, keepdim=True)
    found = {}
    for k in RECALLS:
        left = gallery - torch.arange(min(k, gallery))
        missed = ((left - right).clamp(min=0) / left).prod(dim=1)
        found[f"R@{k}"] = (ahead < k).float().mean().item()
        found[f"chance R@{k}"] = (1 - missed).mean().item()
    return found


def vary_maps(rows: Tensor, rng: Generator) -> Tensor:
    """Moves each map by up to an eighth, zeros coming in, and mirrors half of them. (B, H, W) or (B, H, W, 3)"""
    most = rows.shape[1] // 8
    moves = torch.randint(-most, most + 1, (len(rows), 2), generator=rng).tolist()
    mirrored = (torch.rand(len(rows), generator=rng) < 0.5).tolist()
    moved = [_moved(_moved(row, down, 0), right, 1) for row, (down, right) in zip(rows, moves, strict=True)]
    return torch.stack([row.flip(1) if flip else row for row, flip in zip(moved, mirrored, strict=True)])


def vary_signals(rows: Tensor, rng: Generator) -> Tensor:
    """Moves each signal in time by up to an eighth, zeros coming in, and scales it by 0.8 to 1.25. (B, ..., samples)"""
    most = rows.shape[-1] // 8
    moves = torch.randint(-most, most + 1, (len(rows),), generator=rng).tolist()
    moved = torch.stack([_moved(row, by, -1) for row, by in zip(rows, moves, strict=True)])
    loudness = 1.25 ** (2 * torch.rand(len(rows), generator=rng) - 1)
    return moved * loudness.view(-1, *[1] * (rows.ndim - 1))


def _moved(row: Tensor, by: int, axis: int) -> Tensor:
    moved = row.roll(by, axis)
    if by:
        moved.narrow(axis, 0 if by > 0 else row.shape[axis] + by, abs(by)).zero_()
    return moved

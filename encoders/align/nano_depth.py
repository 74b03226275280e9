"""Stage `depth`: depth maps against the frozen image anchor, frame by frame.

A random rectangle is cut out of the picture and out of its map together, so that a few hundred frames make as many
pairs as are asked for; the picture's side is embedded by the frozen anchor on the way. A batch holds runs of
neighbouring frames, each run cut alike: what tells neighbours apart is then where the camera was, and nothing else.
Besides, a map is held to the mean picture of its place among the places: one way only, because a mean picture that had
to find its maps would want them all alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from .. import nano
from . import augment, muon
from .data import Tables
from .losses import info_nce
from .nano_audio import Aligned
from .nano_image import embed_pictures
from .train import Schedule

STEPS = 24
RUN = 8  # neighbouring frames
PLACE_WEIGHT = 0.3


@dataclass
class Batch:
    metres: Tensor  # float32 (B, 64, 64)
    pictures: Tensor  # float32 (B, 256), embeddings
    places: Tensor  # int64 (B,), where each was taken


class DepthTask:
    """See the module."""

    def __init__(self, tables: Tables, model: Aligned, anchor: nano.ImageEncoder, batch: int = 64) -> None:
        self.tables, self.model, self.anchor, self.batch = tables, model, anchor, batch
        train = tables.depth_split("train")
        # The last frames of each scene's training part are kept for development; the stretch before them is close.
        scenes = np.array([tables.depths[i]["scene"] for i in train])
        last = np.concatenate([np.flatnonzero(scenes == s)[-8:] for s in np.unique(scenes)])
        self.dev, self.rows = train[last], np.delete(train, last)
        names, self.places = np.unique([row["scene"] for row in tables.depths], return_inverse=True)
        shown = embed_pictures(anchor, centre(tables.frames[self.rows])).clone()
        means = [shown[self.places[self.rows] == place].mean(0) for place in range(len(names))]
        self.means = F.normalize(torch.stack(means), dim=-1)
        self.steps = STEPS

    def optimizers(self, schedule: Schedule) -> list[torch.optim.Optimizer]:
        return muon.optimizers(self.model.parameters(), schedule)

    def batches(self, epoch: int, rng: Generator) -> Iterator[Batch]:
        for _ in range(self.steps):
            first = torch.randperm(len(self.rows) - RUN, generator=rng)[: self.batch // RUN].numpy()
            rows = self.rows[(first[:, None] + np.arange(RUN)).reshape(-1)]
            height, width = self.tables.frames.shape[1:3]
            left = int(torch.randint(width - height + 1, (1,), generator=rng))  # a square, as the recipe cuts one
            frames = torch.from_numpy(self.tables.frames[rows, :, left : left + height])
            maps = torch.from_numpy(self.tables.maps[rows, :, left : left + height].astype(np.float32))
            pictures, metres = augment.same_crop(frames, maps, nano.DEPTH_SIZE, rng, alike=RUN)
            places = torch.from_numpy(self.places[rows])
            yield Batch(augment.depth(metres, rng), embed_pictures(self.anchor, pictures.numpy()), places)

    def loss(self, batch: Batch) -> Tensor:
        model = self.model
        with torch.autocast("cpu", torch.bfloat16):
            features = model.encoder.features(batch.metres)
        depth, scale = model.encoder.head(features.float()), model.scale()
        by_place = F.cross_entropy(scale * depth @ self.means.T, batch.places)
        return info_nce(depth, batch.pictures.clone(), scale) + PLACE_WEIGHT * by_place

    @torch.inference_mode()
    def measure(self, model: Aligned) -> dict[str, float]:
        """Development frames: a picture's own map among all of them."""
        pictures = embed_pictures(self.anchor, centre(self.tables.frames[self.dev]))
        metres = torch.from_numpy(centre(self.tables.maps[self.dev]).astype(np.float32))
        maps = model.encoder(F.interpolate(metres[:, None], size=nano.DEPTH_SIZE, mode="nearest")[:, 0])
        rank = (pictures @ maps.T > (pictures * maps).sum(1, keepdim=True)).sum(1)
        return {f"R@{k}": (rank < k).float().mean().item() for k in (1, 5)}


def centre(frames: np.ndarray) -> np.ndarray:
    """The middle square of wide frames, (N, 72, 96, ...) -> (N, 72, 72, ...)."""
    left = (frames.shape[2] - frames.shape[1]) // 2
    return frames[:, :, left : left + frames.shape[1]]

"""The tables of a data folder as arrays, decoded once and cached.

A cache file is an `.npy` or `.npz` under the runs folder; delete it to have it made again.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from . import heldout, prompts, teacher

PICTURE_SIZE = 72  # pixels kept of a picture; training cuts its 64 or fewer out of them
DEV_EVERY = 47  # one training picture in so many is kept for development


@dataclass(frozen=True)
class Tables:
    """`data/` with a cache beside the runs."""

    data: Path
    cache: Path

    def rows(self, name: str) -> list[dict[str, str]]:
        """One table's rows, in the file's order."""
        with (self.data / f"{name}.csv").open(newline="") as table:
            return list(csv.DictReader(table))

    def lines(self, name: str) -> list[str]:
        """One list of sentences."""
        return [line.strip() for line in (self.data / f"{name}.txt").read_text().splitlines() if line.strip()]

    @cached_property
    def images(self) -> list[dict[str, str]]:
        return self.rows("images")

    @cached_property
    def depths(self) -> list[dict[str, str]]:
        return self.rows("depth")

    @cached_property
    def pictures(self) -> np.ndarray:
        """uint8 (N, 72, 72, 3), in the order of `images`."""
        return self._cached("pictures.npy", lambda: self._read_pictures("images", [r["file"] for r in self.images]))

    @cached_property
    def frames(self) -> np.ndarray:
        """uint8 (N, 72, 96, 3): the colour pictures of `depths`, stretched to one size."""
        return self._cached("frames.npy", self._read_frames)

    def split(self, name: str) -> np.ndarray:
        """Row numbers of `images` in "train", "dev" or "val"; the three share no row."""
        apart = heldout.load()["images"]
        free = [i for i, row in enumerate(self.images) if row["file"] not in apart]
        if name == "val":
            return np.array([i for i, row in enumerate(self.images) if row["file"] in apart])
        return np.array([i for n, i in enumerate(free) if (n % DEV_EVERY == 0) == (name == "dev")])

    def depth_split(self, name: str) -> np.ndarray:
        """Row numbers of `depths` in "train" or "val"; margins are in neither."""
        names = heldout.load()
        if name == "val":
            return np.array([i for i, row in enumerate(self.depths) if row["depth"] in names["depth"]])
        apart = names["depth"] | names["margin"]
        return np.array([i for i, row in enumerate(self.depths) if row["depth"] not in apart])

    def taught(self, name: str, sentences: list[str]) -> np.ndarray:
        """The teacher's embeddings of the sentences, float16 (N, 384), cached under `name`."""
        found = self._cached(f"{name}.npy", lambda: teacher.embed(sentences).astype(np.float16))
        if len(found) != len(sentences):
            raise ValueError(f"{self.cache / name}.npy holds {len(found)} rows for {len(sentences)} sentences; delete it")
        return found

    def taught_words(self, names: list[str], templates: tuple[str, ...], cache: str) -> np.ndarray:
        """float32 (names, templates, 384): every name in every template."""
        sentences = [s for name in names for s in prompts.sentences(name, templates)]
        return self.taught(cache, sentences).astype(np.float32).reshape(len(names), len(templates), -1)

    def _cached(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        path = self.cache / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path.with_suffix(".part.npy"), make())
            path.with_suffix(".part.npy").rename(path)
        return np.load(path, mmap_mode="r")

    def _read_pictures(self, archive: str, files: list[str]) -> np.ndarray:
        out = np.zeros((len(files), PICTURE_SIZE, PICTURE_SIZE, 3), np.uint8)
        with zipfile.ZipFile(self.data / f"{archive}.zip") as members:
            for i, file in enumerate(files):
                out[i] = fit(Image.open(io.BytesIO(members.read(file))).convert("RGB"), PICTURE_SIZE)
        return out

    def _read_frames(self) -> np.ndarray:
        with zipfile.ZipFile(self.data / "depth.zip") as members:
            frames = [Image.open(io.BytesIO(members.read(row["rgb"]))).convert("RGB") for row in self.depths]
        return np.stack([np.asarray(f.resize((96, PICTURE_SIZE), Image.Resampling.BICUBIC)) for f in frames])


def fit(picture: Image.Image, size: int) -> np.ndarray:
    """Short side to `size`, bicubic, and the centre cut out: uint8 (size, size, 3)."""
    width, height = picture.size
    scale = size / min(width, height)
    width, height = max(size, round(width * scale)), max(size, round(height * scale))
    left, top = (width - size) // 2, (height - size) // 2
    scaled = picture.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(scaled.crop((left, top, left + size, top + size)))

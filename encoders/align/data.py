"""The tables of a data folder as arrays, decoded once and cached.

A cache file is an `.npy` or `.npz` under the runs folder; delete it to have it made again.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from ...proto.v1 import manifest_pb2 as pb
from .. import nano
from . import augment, heldout, media, prompts, teacher

SMALL_JPEGS = "tiny-imagenet-32"  # the source whose files are JPEG files of 32 pixels, as most training pictures are
DEV_EVERY = 47  # one training picture in so many is kept for development
DEV_AUDIO_EVERY = 10  # the same for groups of recordings, of labels with so many:
DEV_AUDIO_GROUPS = 10


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
    def audio(self) -> list[dict[str, str]]:
        return self.rows("audio")

    @cached_property
    def depths(self) -> list[dict[str, str]]:
        return self.rows("depth")

    @cached_property
    def pictures(self) -> np.ndarray:
        """uint8 (N, 72, 72, 3), in the order of `images`."""
        return self._cached("pictures.npy", self._read_pictures)

    @cached_property
    def frames(self) -> np.ndarray:
        """uint8 (N, 72, 96, 3): the colour pictures of `depths`."""
        return self._cached("frames.npy", self._read_frames)

    @cached_property
    def clean(self) -> np.ndarray:
        """Row numbers of the `pictures` whose files are not small JPEG files themselves, ascending."""
        return np.array([i for i, row in enumerate(self.images) if row["source"] != SMALL_JPEGS])

    @cached_property
    def worn(self) -> np.ndarray:
        """The `clean` pictures as small JPEG files would have them: uint8 (len(clean), 72, 72, 3)."""
        return self._cached("worn.npy", lambda: np.stack([media.wear(self.pictures[i], i) for i in self.clean]))

    @cached_property
    def worn_frames(self) -> np.ndarray:
        """`frames` as small JPEG files would have them: uint8 (N, 72, 96, 3)."""
        return self._cached("worn_frames.npy", lambda: np.stack([media.wear(f, i) for i, f in enumerate(self.frames)]))

    @cached_property
    def maps(self) -> np.ndarray:
        """float16 (N, 72, 96), metres, 0 where nothing was seen, in the order of `depths`."""
        return self._cached("maps.npy", self._read_depths)

    @cached_property
    def sounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Clips of 5 s, int16 (M, 80000), full scale 32767, and the row of `audio` each comes from, (M,)."""
        found = self._cached("sounds.npy", self._read_sounds)
        return found[:, 1:], found[:, 0].astype(np.int64)

    def mels(self, encoder: nano.AudioEncoder) -> np.ndarray:
        """Band energies of `sounds` at every pace of `augment.PACES`: float16 (paces, M, frames, 64)."""
        return self._cached("mels.npy", lambda: self._hear(encoder))

    def split(self, name: str) -> np.ndarray:
        """Row numbers of `images` in "train", "dev" or "val"; the three share no row."""
        apart = heldout.load()["images"]
        free = [i for i, row in enumerate(self.images) if row["file"] not in apart]
        if name == "val":
            return np.array([i for i, row in enumerate(self.images) if row["file"] in apart])
        return np.array([i for n, i in enumerate(free) if (n % DEV_EVERY == 0) == (name == "dev")])

    def audio_split(self, name: str) -> np.ndarray:
        """Row numbers of `audio` in "train", "dev" or "val", whole groups. Labels of few groups have none in "dev"."""
        apart = heldout.load()["audio"]
        if name == "val":
            return np.array([i for i, row in enumerate(self.audio) if row["file"] in apart])
        free = [i for i, row in enumerate(self.audio) if row["file"] not in apart]
        groups: dict[str, set[str]] = {}
        for i in free:
            groups.setdefault(self.audio[i]["label"], set()).add(self.audio[i]["group"])
        many = [sorted(found) for found in groups.values() if len(found) >= DEV_AUDIO_GROUPS]
        dev = {group for found in many for group in found[::DEV_AUDIO_EVERY]}
        return np.array([i for i in free if (self.audio[i]["group"] in dev) == (name == "dev")])

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
            path = self.cache / f"{name}.npy"
            raise ValueError(f"{path} holds {len(found)} rows for {len(sentences)} sentences; delete it.")
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

    def _read_pictures(self) -> np.ndarray:
        return self._read("images", [row["file"] for row in self.images], media.WIDE_PICTURE)

    def _read_frames(self) -> np.ndarray:
        return self._read("depth", [row["rgb"] for row in self.depths], media.WIDE_FRAME)

    def _read_depths(self) -> np.ndarray:
        return self._read("depth", [row["depth"] for row in self.depths], media.WIDE_DEPTH).astype(np.float16)

    def _read_sounds(self) -> np.ndarray:
        """Every clip, its row's number before its samples."""
        with zipfile.ZipFile(self.data / "audio.zip") as members:
            clips = [media.read(media.RECIPES["audio"], members.read(row["file"])) for row in self.audio]
        owners = np.repeat(np.arange(len(clips)), [len(c) for c in clips])
        samples = np.clip(np.concatenate(clips) * 32767, -32767, 32767).round().astype(np.int16)
        return np.concatenate([owners.astype(np.int16)[:, None], samples], axis=1)

    @torch.inference_mode()
    def _hear(self, encoder: nano.AudioEncoder) -> np.ndarray:
        clips, _ = self.sounds
        heard = []
        for number in range(len(augment.PACES)):
            for start in range(0, len(clips), 64):
                samples = torch.from_numpy(clips[start : start + 64].astype(np.float32) / 32767)
                heard.append(encoder.mel(encoder.fast_power(nano.level(augment.pace(samples, number)))).half().numpy())
        return np.concatenate(heard).reshape(len(augment.PACES), len(clips), -1, encoder.MELS)

    def _read(self, archive: str, files: list[str], recipe: pb.PictureRecipe | pb.DepthRecipe) -> np.ndarray:
        with zipfile.ZipFile(self.data / f"{archive}.zip") as members:
            return np.concatenate([media.read(recipe, members.read(file)) for file in files])

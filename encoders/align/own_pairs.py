"""Pairs of a picture and another reading of the same moment: from a table to what an encoder takes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...proto.v1 import manifest_pb2 as pb
from ...server.errors import ServingError
from . import media

KINDS = ("grey", "series", "picture", "depth", "waveform")
Recipe = pb.GreyRecipe | pb.SeriesRecipe | pb.PictureRecipe | pb.DepthRecipe | pb.WaveformRecipe

VALIDATION = {"val", "validation", "test"}
VALIDATION_PART = 5  # without a `split` column one picture in so many is set apart


class PairsError(ValueError):
    """A table of pairs cannot be learned from. The message says what to do."""


@dataclass(frozen=True)
class Pair:
    """A picture and the other reading that belongs to it; pairs of one `label`, if there is one, show the same."""

    image: Path
    other: Path
    label: str
    is_validation: bool


@dataclass(frozen=True)
class Readings:
    """What the new modality's encoder takes, for every pair: one row each, or several where a reading is cut to clips.

    Attributes:
        rows: (M, ...), as the recipe says.
        pair: (M,), the pair each row is of, rising; every pair has at least one.
        anchors: float32 (N, D), the pictures' embeddings, norm 1.
        keys: (N,), pairs of equal key belong together: the label, or the picture where there is none.
        is_validation: bool (N,), the pairs set apart.
    """

    rows: NDArray
    pair: NDArray[np.int64]
    anchors: NDArray[np.float32]
    keys: NDArray[np.int64]
    is_validation: NDArray[np.bool_]


def read_pairs(table: Path) -> list[Pair]:
    """The rows of a `pairs.csv`: columns `image` and `other`, paths beside the table; `split` and `label` if known.

    Without `split`, a picture's name decides: one in five is set apart, with all its pairs.

    Raises:
        PairsError: no such table, a column is missing, or there are too few pairs to learn from and to measure.
    """
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise PairsError(f"{table} cannot be read: {error.strerror}.") from error
    found = list(rows[0]) if rows else []
    if not {"image", "other"} <= set(found):
        raise PairsError(f"{table} needs the columns image and other; it has {', '.join(found) or 'no rows'}.")
    pairs = [
        Pair(
            table.parent / row["image"],
            table.parent / row["other"],
            row.get("label") or "",
            row["split"] in VALIDATION if row.get("split") else _is_apart(row["image"]),
        )
        for row in rows
    ]
    check_enough(pairs, table)
    return pairs


def check_enough(pairs: Sequence[Pair], table: Path) -> None:
    """Raises PairsError where fewer than two pairs are left to learn from, or two to measure with."""
    apart = sum(pair.is_validation for pair in pairs)
    if apart < 2 or len(pairs) - apart < 2:
        raise PairsError(
            f"{table} gives {len(pairs) - apart} pairs to learn from and {apart} set apart; at least 2 of each are "
            "needed, and hundreds for anything useful. The column split says `val` for those set apart."
        )


def recipe_for(
    kind: str,
    *,
    size: int = 64,
    channels: int = 6,
    samples: int = 200,
    sample_rate_hz: int = 16_000,
    clip_s: float = 5.0,
) -> Recipe:
    """How a reading of some kind is cut to size.

    Args:
        size: height and width of a grey, picture or depth map, in pixels.
        channels: of a series.
        samples: of a series; a longer one keeps its centre.
        sample_rate_hz: of a waveform.
        clip_s: seconds of a waveform heard at once; a longer one is cut to at most three clips.
    """
    match kind:
        case "grey":
            return pb.GreyRecipe(height=size, width=size, resample=pb.RESAMPLE_BILINEAR)
        case "picture":
            return pb.PictureRecipe(height=size, width=size, resample=pb.RESAMPLE_BICUBIC)
        case "depth":
            return pb.DepthRecipe(height=size, width=size, resample=pb.RESAMPLE_BILINEAR)
        case "series":
            return pb.SeriesRecipe(channels=channels, samples=samples)
        case "waveform":
            return pb.WaveformRecipe(
                sample_rate_hz=sample_rate_hz,
                clip_s=clip_s,
                clips=3,
                plan=pb.CLIP_PLAN_TILE,
                channel=pb.CHANNEL_MEAN,
                short_clip=pb.SHORT_CLIP_LOOP,
            )
    raise PairsError(f"There is no kind {kind!r}; there are {', '.join(KINDS)}.")


def read_others(pairs: Iterable[Pair], recipe: Recipe) -> tuple[dict[int, NDArray], dict[Path, str]]:
    """The other readings' rows, through the decoder that serves.

    Returns:
        By number of the pair, (clips, ...) as the recipe says; and why each reading that is left out was.
    """
    rows: dict[int, NDArray] = {}
    failures: dict[Path, str] = {}
    for number, pair in enumerate(pairs):
        try:
            rows[number] = media.read(recipe, pair.other.read_bytes())
        except OSError as error:
            failures[pair.other] = error.strerror or str(error)
        except ServingError as error:
            failures[pair.other] = str(error)
    return rows, failures


def gather(pairs: Sequence[Pair], rows: Sequence[NDArray], anchors: NDArray[np.float32]) -> Readings:
    """Brings pairs, their rows and their pictures' embeddings together, all in the same order."""
    names = [f"label {pair.label}" if pair.label else f"image {pair.image}" for pair in pairs]
    return Readings(
        rows=np.concatenate(rows),
        pair=np.repeat(np.arange(len(rows)), [len(each) for each in rows]),
        anchors=np.ascontiguousarray(anchors, dtype=np.float32),
        keys=np.unique(names, return_inverse=True)[1],
        is_validation=np.array([pair.is_validation for pair in pairs]),
    )


def _is_apart(image: str) -> bool:
    return int.from_bytes(sha256(image.encode()).digest()[:4]) % VALIDATION_PART == 0

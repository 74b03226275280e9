"""nano becomes an artifact: its trained encoders, made-up golden rows, and its model card."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ..encoders import nano
from ..encoders.align import media, teacher
from ..encoders.align.recipe_nano import load_nano, names_by_words
from ..proto.v1 import manifest_pb2 as pb
from .artifact import write_artifact
from .entry import FP16_WEIGHTS, ExportEntry
from .nano_card import card, read_lines

NAME = "nano"
LICENCE = "Research and non-commercial use, as the training data asks; see MODEL_CARD.md"
SOURCE = "made for this project: anybind align --recipe nano"
# What each encoder met in pairs. Sounds that have no picture met words; rooms and words met only through pictures.
TRAINED_WITH = {"image": ("text",), "text": ("image",), "audio": ("image", "text"), "depth": ("image",)}
GOLDEN_SENTENCES = ("a dog", "waves breaking on the shore", "a helicopter over a crowded street at night")


def export_nano(runs: Path, folder: Path) -> pb.Manifest:
    """Writes nano's artifact from the stages `align_nano` left in `runs`.

    The card holds the numbers in `runs/eval.jsonl`, what `anybind eval --json` printed of this model; where there is
    none, it says so.

    Returns: the manifest as written.

    Raises:
      FileNotFoundError: a stage has not been run.
      ExportError: a graph differs from its encoder.
    """
    tokenizer, text = teacher.folder() / "tokenizer.json", card(read_lines(runs / "eval.jsonl"))
    return write_artifact(_entries(runs, tokenizer), folder, name=NAME, licence=LICENCE, card=text, tokenizer=tokenizer)


def _entries(runs: Path, tokenizer: Path) -> Iterator[ExportEntry]:
    for modality, module in load_nano(runs).items():
        yield ExportEntry(
            modality=modality,
            module=module,
            recipe=media.RECIPES[modality],
            golden=golden_rows(modality, tokenizer),
            weights_source=SOURCE,
            licence=LICENCE,
            precision=FP16_WEIGHTS,
            trained_with=TRAINED_WITH[modality],
            trained_names=names_by_words(runs) if modality == "audio" else (),
        )


def golden_rows(modality: str, tokenizer: Path) -> np.ndarray:
    """Three made-up rows, the same everywhere, as nano's graph of a modality takes them."""
    random = np.random.default_rng(0)
    size = nano.IMAGE_SIZE if modality == "image" else nano.DEPTH_SIZE
    down, across = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j].astype(np.float32)
    waves = np.stack([np.sin(9 * across + 4 * down), np.cos(12 * down * across), np.sin(25 * down)])  # (3, size, size)
    match modality:
        case "image":
            colours = np.stack([waves, np.roll(waves, 20, axis=2), waves[:, ::-1]], axis=-1)
            return (127.5 + 127.5 * colours).astype(np.uint8)
        case "audio":
            seconds = np.arange(round(nano.AudioEncoder.SAMPLE_RATE_HZ * nano.AudioEncoder.CLIP_S), dtype=np.float32)
            seconds = seconds / nano.AudioEncoder.SAMPLE_RATE_HZ
            sweep = 0.4 * np.sin(2 * np.pi * (200 + 400 * seconds) * seconds)
            ticks = 0.5 * np.sin(2 * np.pi * 1800 * seconds) * np.exp(-60 * (seconds % 0.5))
            return np.stack([sweep, ticks, 0.1 * random.standard_normal(len(seconds))]).astype(np.float32)
        case "depth":
            return np.where(np.abs(waves) < 0.05, 0, 2.5 + 2 * waves).astype(np.float32)
        case _:
            tokens = Tokenizer.from_file(str(tokenizer))
            tokens.no_padding()
            rows = [encoded.ids for encoded in tokens.encode_batch(GOLDEN_SENTENCES)]
            longest = max(map(len, rows))
            return np.array([row + [nano.TextEncoder.PAD_ID] * (longest - len(row)) for row in rows], np.int64)

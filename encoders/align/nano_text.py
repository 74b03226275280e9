"""Stage `text`: a small sentence encoder learns to give what the teacher gives.

It starts as three of the teacher's six layers and its word embeddings' first 128 principal directions, and sees
captions of pictures and sounds, the prompts, and every whole word of the vocabulary in short templates: the last is why
a word no picture was ever shown with still lands near its kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from .. import nano
from . import prompts, teacher
from .data import Tables
from .losses import info_nce
from .train import Schedule, adamw

KEPT_LAYERS = (0, 2, 5)
WORD_TEMPLATES = ("{}", "a photo of a {}")
DEV_EVERY = 97
SCALE = 30.0  # of the contrast between a batch's sentences
POOL = 16  # batches sorted by length together, so that little is padding


@dataclass
class Batch:
    ids: Tensor  # int64 (B, L), padded with 0
    taught: Tensor  # float32 (B, 384)


class TextTask:
    """See the module."""

    def __init__(self, tables: Tables, model: nano.TextEncoder, batch: int = 256) -> None:
        self.model, self.batch = model, batch
        sentences = corpus(tables)
        self.taught = tables.taught("corpus", sentences)
        self.ids = [np.array(e.ids) for e in _unpadded(teacher.tokenizer()).encode_batch(sentences)]
        rows = np.arange(len(sentences))
        self.dev, self.train = rows[rows % DEV_EVERY == 0], rows[rows % DEV_EVERY != 0]
        self.steps = len(self.train) // batch

    def optimizers(self, schedule: Schedule) -> list[torch.optim.Optimizer]:
        trunk = [p for name, p in self.model.named_parameters() if not name.startswith("head.")]
        return [adamw(trunk, schedule)]

    def batches(self, epoch: int, rng: Generator) -> Iterator[Batch]:
        order = self.train[torch.randperm(len(self.train), generator=rng).numpy()]
        pool = POOL * self.batch
        groups = []
        for start in range(0, len(order), pool):
            rows = sorted(order[start : start + pool], key=lambda i: len(self.ids[i]))
            groups += [rows[i : i + self.batch] for i in range(0, len(rows), self.batch)]
        full = [rows for rows in groups if len(rows) == self.batch][: self.steps]
        for i in torch.randperm(len(full), generator=rng).tolist():
            yield self._batch(full[i])

    def _batch(self, rows: list[int] | np.ndarray) -> Batch:
        longest = max(len(self.ids[i]) for i in rows)
        ids = np.zeros((len(rows), longest), np.int64)
        for line, i in zip(ids, rows, strict=True):
            line[: len(self.ids[i])] = self.ids[i]
        taught = np.asarray(self.taught[np.asarray(rows)], np.float32)
        return Batch(torch.from_numpy(ids), F.normalize(torch.from_numpy(taught), dim=-1))

    def loss(self, batch: Batch) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            given = self.model.features(batch.ids)
        given = given.float()
        near = 1 - (given * batch.taught).sum(1).mean()
        return 20 * near + info_nce(given, batch.taught, SCALE)

    @torch.inference_mode()
    def measure(self, model: nano.TextEncoder) -> dict[str, float]:
        """Mean cosine with the teacher, and how often a sentence's own teaching is the nearest of all."""
        batches = [self._batch(self.dev[i : i + 256]) for i in range(0, len(self.dev), 256)]
        with torch.autocast("cpu", torch.bfloat16):
            given = torch.cat([model.features(b.ids).float() for b in batches])
        taught = torch.cat([b.taught for b in batches])
        nearest = (given @ taught.T).argmax(1)
        return {
            "cosine": (given * taught).sum(1).mean().item(),
            "R@1": (nearest == torch.arange(len(given))).float().mean().item(),
        }


def corpus(tables: Tables) -> list[str]:
    """Every sentence the student sees, each once, in a fixed order."""
    names = sorted({row[k] for row in tables.images for k in ("label", "concept") if row[k]})
    sounds = sorted({row[k] for row in tables.rows("audio") for k in ("label", "concept") if row[k]})
    places = sorted({row["scene"] for row in tables.depths})
    lines = [row["caption"] for row in tables.rows("captions")]
    lines += tables.lines("image_captions") + tables.lines("sound_captions")
    lines += [s for name in names for s in prompts.sentences(name)]
    lines += [s for name in sounds for s in prompts.sentences(name, prompts.SOUND_TEMPLATES)]
    lines += [s for name in places for s in prompts.sentences(name, prompts.PLACE_TEMPLATES)]
    lines += [t.format(w) for w in vocabulary() for t in WORD_TEMPLATES]
    return list(dict.fromkeys(line.strip("' ") for line in lines if line.strip("' ")))


def vocabulary() -> list[str]:
    """Whole words of the tokenizer's vocabulary, of three letters or more."""
    words = _unpadded(teacher.tokenizer()).get_vocab()
    return sorted(w for w in words if len(w) > 2 and w.isascii() and w.isalpha())


def start_from_teacher(model: nano.TextEncoder) -> None:
    """Copies what fits: the principal directions of the word embeddings, the places, three layers."""
    source = teacher.load()
    parts = source.embeddings
    with torch.no_grad():
        table = parts.word_embeddings.weight
        mean = table.mean(0)
        _, _, directions = torch.linalg.svd(table - mean, full_matrices=False)
        kept = directions[: model.words.embedding_dim]
        model.words.weight.copy_((table - mean) @ kept.T)
        model.widen.weight.copy_(kept.T)
        model.widen.bias.copy_(mean + parts.token_type_embeddings.weight[0])
        model.places.copy_(parts.position_embeddings.weight[: model.CONTEXT_LENGTH])
        model.norm.load_state_dict(parts.LayerNorm.state_dict())
        for mine, number in zip(model.layers, KEPT_LAYERS, strict=True):
            _copy_layer(mine, source.encoder.layer[number])


def _copy_layer(mine: nano.BertLayer, theirs: Any) -> None:
    inputs = [theirs.attention.self.query, theirs.attention.self.key, theirs.attention.self.value]
    mine.inputs.weight.copy_(torch.cat([part.weight for part in inputs]))
    mine.inputs.bias.copy_(torch.cat([part.bias for part in inputs]))
    mine.outputs.load_state_dict(theirs.attention.output.dense.state_dict())
    mine.norm1.load_state_dict(theirs.attention.output.LayerNorm.state_dict())
    mine.up.load_state_dict(theirs.intermediate.dense.state_dict())
    mine.down.load_state_dict(theirs.output.dense.state_dict())
    mine.norm2.load_state_dict(theirs.output.LayerNorm.state_dict())


def _unpadded(tokens):
    tokens.no_padding()
    return tokens

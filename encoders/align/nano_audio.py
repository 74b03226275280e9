"""Stages `audio` and `audio_text`: sounds against the frozen image anchor.

`audio` knows a sound only by pictures of the same concept. `audio_text` goes on with that and adds, by the words of
their label, the sounds that have no picture, and those whose pictures do not tell their name (see `labels_by_words`).
What all other sounds have to do with words stays emergent.

A label without pictures is given a place where its pictures would be, not where its words are: pictures are further
from words than sounds trained on words would be, and in a list of both the latter would always come first.

At the end `settle` fits the last layer to sounds as they are, so that they come to lie where their pictures do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from .. import nano
from . import augment, losses, muon
from .data import Tables
from .losses import Temperature, info_nce
from .train import Schedule

PICTURES_EACH = 6  # pictures of every concept in a batch
MAX_SCALE = 20.0  # sounds must come close to their pictures, because they meet words through them only
SOFT = 0.3  # share of the rows that are two sounds at once
SETTLE_STEPS, SETTLE_BATCH, SETTLE_RATE, SETTLE_SCALE = 400, 256, 1e-3, 10.0


class Aligned(nn.Module):
    """What a pair stage learns: one encoder and a temperature."""

    def __init__(self, encoder: nn.Module, max_scale: float = losses.MAX_SCALE) -> None:
        super().__init__()
        self.encoder = encoder
        self.scale = Temperature(0.07, most=max_scale)


@dataclass
class Batch:
    mel: Tensor  # float32 (B, 1, 64, frames)
    concepts: Tensor  # float32 (B, K), how much of each concept with pictures is heard
    labels: Tensor  # float32 (B, W), how much of each label that is known by words
    pictures: Tensor  # float32 (P, 256), embeddings
    shown: Tensor  # int64 (P,), the concept of each


class AudioTask:
    """See the module.

    Args:
        anchors: float32 (N, 256), the embeddings of `tables.pictures`.
        words: float32 (W, 256), the text embedding of every label in `label_names`; None in stage `audio`.
        places: float32 (W, 256), where pictures of the labels would be, see `imagine`; None in stage `audio`.
    """

    def __init__(
        self,
        tables: Tables,
        model: Aligned,
        anchors: Tensor,
        words: Tensor | None = None,
        places: Tensor | None = None,
        batch: int = 64,
    ) -> None:
        self.tables, self.model, self.anchors, self.batch = tables, model, anchors, batch
        self.words, self.places = words, places
        self.mels, (_, self.owners) = tables.mels(model.encoder), tables.sounds
        train = tables.split("train")
        concept_of = np.array([row["concept"] for row in tables.images])
        heard = {row["concept"] for row in tables.audio} - {""}
        self.names = sorted(heard & set(concept_of[train]))
        self.by_concept = [train[concept_of[train] == name] for name in self.names]
        self.means = F.normalize(torch.stack([anchors[rows].mean(0) for rows in self.by_concept]), dim=-1)
        self.concepts = np.array([self._index(self.names, row["concept"]) for row in tables.audio])
        self.label_names = label_names(tables)
        self.labels = np.array([self._index(self.label_names, row["label"]) for row in tables.audio])
        self.by_words = np.isin([row["label"] for row in tables.audio], labels_by_words(tables))
        wanted = np.isin(np.arange(len(tables.audio)), tables.audio_split("train"))
        if words is None:
            wanted &= self.concepts >= 0
        self.rows = np.flatnonzero(wanted[self.owners])  # clips
        self.weights = self._balance()
        self.steps = -(-len(self.rows) // batch)

    @staticmethod
    def _index(names: list[str], name: str) -> int:
        return names.index(name) if name in names else -1

    def _balance(self) -> Tensor:
        """Clips of a rare label are drawn more often: by the root of how rare it is."""
        labels = self.labels[self.owners[self.rows]]
        count = np.bincount(labels)[labels]
        return torch.from_numpy(count**-0.5)

    def optimizers(self, schedule: Schedule) -> list[torch.optim.Optimizer]:
        return muon.optimizers(self.model.parameters(), schedule)

    def batches(self, epoch: int, rng: Generator) -> Iterator[Batch]:
        for _ in range(self.steps):
            drawn = torch.multinomial(self.weights, 3 * self.batch, replacement=True, generator=rng)
            first, second, behind = self.rows[drawn.numpy()].reshape(3, -1)
            yield self._batch(first, second, behind, rng)

    def _batch(self, first: np.ndarray, second: np.ndarray, behind: np.ndarray, rng: Generator) -> Batch:
        heard = augment.sound(self._heard(first, rng), self._heard(behind, rng), rng)
        share = torch.ones(len(first))
        doubled = torch.rand(len(first), generator=rng) < SOFT
        share[doubled] = 0.5 + 0.5 * torch.rand(int(doubled.sum()), generator=rng)
        part = share[:, None, None]
        heard = part * heard + (1 - part) * self._heard(second, rng)
        mel = augment.spectrum(nano.log(heard), rng)
        a, b = self.owners[first], self.owners[second]
        shown = np.repeat(np.arange(len(self.names)), PICTURES_EACH)
        picked = [rows[torch.randint(len(rows), (PICTURES_EACH,), generator=rng).numpy()] for rows in self.by_concept]
        return Batch(
            mel=mel,
            concepts=_mixed(self.concepts[a], self.concepts[b], share, len(self.names)),
            labels=_mixed(self.worded(a), self.worded(b), share, len(self.label_names)),
            pictures=self.anchors[np.concatenate(picked)],
            shown=torch.from_numpy(shown),
        )

    def _heard(self, clips: np.ndarray, rng: Generator) -> Tensor:
        """Band energies of clips, each at a pace of its own."""
        paces = torch.randint(len(self.mels), (len(clips),), generator=rng).numpy()
        return _floats(self.mels[paces, clips])

    def worded(self, rows: np.ndarray) -> np.ndarray:
        """The label of a sound that is known by words, -1 for the others."""
        return np.where(self.by_words[rows], self.labels[rows], -1)

    def loss(self, batch: Batch) -> Tensor:
        model = self.model
        mel = batch.mel.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            features = model.encoder.features(mel)
        audio = model.encoder.head(features.float())
        scale = model.scale()
        loss = info_nce(audio, batch.pictures, scale, batch.concepts[:, batch.shown])
        loss = loss + info_nce(audio, self.means, scale, batch.concepts)
        if self.places is not None and (batch.labels > 0).any():
            loss = loss + info_nce(audio, self.places, scale, batch.labels)
        return loss

    @torch.inference_mode()
    def measure(self, model: Aligned) -> dict[str, float]:
        """Development sounds: the concept of the nearest mean picture, and pictures of it among the nearest 10."""
        rows = self.tables.audio_split("dev")
        sounds = embed_sounds(model.encoder, self.tables, rows)
        known = torch.from_numpy(self.concepts[rows])
        seen = known >= 0
        right = (sounds @ self.means.T).argmax(1)[seen] == known[seen]
        dev = self.tables.split("dev")
        shown = np.array([self._index(self.names, self.tables.images[i]["concept"]) for i in dev])
        pictures = self.anchors[dev[shown >= 0]]
        near = (sounds[seen] @ pictures.T).topk(10, dim=1).indices
        same = torch.from_numpy(shown[shown >= 0])[near] == known[seen][:, None]
        measured = {"concept": right.float().mean().item(), "P@10": same.float().mean().item()}
        if self.words is not None:
            labels = torch.from_numpy(self.labels[rows])
            measured["label"] = ((sounds @ self.words.T).argmax(1) == labels).float().mean().item()
        return measured


def settle(encoder: nano.AudioEncoder, task: AudioTask) -> None:
    """Fits the head once more, to unchanged sounds at every pace, and draws each to where its pictures are.

    InfoNCE on changed sounds is content when a sound is told from the others: at a cosine of 0.57 to its pictures'
    mean, where another's word is often nearer than its own. With a low scale, and the distance itself in the loss, the
    cosine becomes 0.88.

    Args:
        encoder: as stage `audio_text` trained it; its head is changed.
        task: of stage `audio_text`.
    """
    features = torch.stack([_features(encoder, nano.log(_floats(mels[task.rows]))) for mels in task.mels])
    owners = task.owners[task.rows]
    whole = torch.ones(len(owners))
    concepts = _mixed(task.concepts[owners], task.concepts[owners], whole, len(task.names))
    labels = _mixed(task.worded(owners), task.worded(owners), whole, len(task.label_names))
    aims = F.normalize(labels @ task.places + concepts @ task.means, dim=-1)  # real pictures, imagined ones, or both
    rng = Generator().manual_seed(0)
    head = encoder.head.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(head.parameters(), SETTLE_RATE, weight_decay=0.0)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, SETTLE_STEPS)
    for _ in range(SETTLE_STEPS):
        rows = torch.multinomial(task.weights, SETTLE_BATCH, replacement=True, generator=rng)
        paces = torch.randint(len(features), (SETTLE_BATCH,), generator=rng)
        audio = head(features[paces, rows])
        loss = (1 - (audio * aims[rows]).sum(1)).mean()
        loss = loss + info_nce(audio, task.means, SETTLE_SCALE, concepts[rows])
        loss = loss + info_nce(audio, task.places, SETTLE_SCALE, labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
    head.eval().requires_grad_(False)


def label_names(tables: Tables) -> list[str]:
    """Every label of a sound, sorted."""
    return sorted({row["label"] for row in tables.audio})


def labels_by_words(tables: Tables) -> list[str]:
    """Labels of sounds that have no pictures, share theirs with another label, or are not called what these are.

    A crow and chirping birds are both shown as birds, and the only picture for a trombone is a brass horn's. Sorted.
    """
    shown = {row["concept"] for row in tables.images} - {""}
    pairs = {(row["label"], row["concept"]) for row in tables.audio}
    sharing = Counter(concept for _, concept in pairs)
    return sorted(
        {label for label, concept in pairs if concept not in shown or sharing[concept] > 1 or label != concept}
    )


def imagine(words: Tensor, shown_words: Tensor, shown: Tensor, ridge: float = 1.0) -> Tensor:
    """Where pictures of some words would be, judged by other words and the pictures there are of them.

    A linear map (ridge regression) carries words to the mean of their pictures. What it misses, pictures of one kind
    have in common beside their word: each word is given a direction of its own for it, so long that it is as far from
    its imagined pictures as words are from real ones.

    Args:
        words: float32 (W, D), embeddings.
        shown_words: float32 (N, D), embeddings of words that have pictures.
        shown: float32 (N, D), the mean of each one's pictures, norm 1.
        ridge: weight of the penalty.

    Returns:
        float32 (W, D), rows of norm 1.
    """
    size = words.shape[1]
    normal = shown_words.T @ shown_words + ridge * torch.eye(size)
    change = torch.linalg.solve(normal, shown_words.T @ (shown - shown_words))
    imagined = F.normalize(words + words @ change, dim=-1)
    own = torch.randn(words.shape, generator=Generator().manual_seed(0))
    own = F.normalize(own - (own * imagined).sum(1, keepdim=True) * imagined, dim=-1)
    near = (shown_words * shown).sum(1).mean() / (words * imagined).sum(1, keepdim=True)
    near = near.clamp(max=1)
    return near * imagined + (1 - near.square()).sqrt() * own


@torch.inference_mode()
def embed_sounds(encoder: nano.AudioEncoder, tables: Tables, rows: np.ndarray) -> Tensor:
    """Embeddings of whole sounds, as a server gives them: clips' embeddings averaged. float32 (len(rows), 256)."""
    clips, owners = tables.sounds
    chosen = np.flatnonzero(np.isin(owners, rows))
    out = []
    for start in range(0, len(chosen), 64):
        samples = torch.from_numpy(clips[chosen[start : start + 64]].astype(np.float32) / 32767)
        out.append(encoder.head(_features(encoder, nano.log(encoder.mel(encoder.fast_power(nano.level(samples)))))))
    vectors = torch.cat(out)
    total = torch.zeros(len(tables.audio), vectors.shape[1]).index_add_(0, torch.from_numpy(owners[chosen]), vectors)
    return F.normalize(total[rows], dim=-1)


@torch.no_grad()  # not inference_mode: what comes out is trained with
def _features(encoder: nano.AudioEncoder, mel: Tensor, rows: int = 64) -> Tensor:
    """`encoder.features` in bfloat16, so many rows at once: (N, 1, 64, frames) -> float32 (N, 8 * width)."""
    out = []
    for part in mel.split(rows):
        with torch.autocast("cpu", torch.bfloat16):
            out.append(encoder.features(part.contiguous(memory_format=torch.channels_last)).float())
    return torch.cat(out)


def _floats(mels: np.ndarray) -> Tensor:
    return torch.from_numpy(mels.astype(np.float32))


def _mixed(first: np.ndarray, second: np.ndarray, share: Tensor, classes: int) -> Tensor:
    """Soft classes of two sounds at once, (B, classes); index -1 adds nothing."""
    out = torch.zeros(len(first), classes + 1)
    rows = torch.arange(len(first))
    out[rows, first] += share
    out[rows, second] += 1 - share
    return out[:, :classes]

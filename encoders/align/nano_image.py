"""Stage `image`: pictures against the words and sentences that go with them.

The text side is the teacher's sentence embedding through the text encoder's own head, which learns along; the text
encoder itself is distilled later to give the same. Four terms: a picture and a prompt of its label or its captions, a
picture and a prompt of its concept, that again among the concepts sounds have, and a room's picture and the same view
in another light among its neighbours, because telling where in a room one stands is what depth will be aligned to.

Most of the pictures are JPEG files of 32 pixels. Those that are not are mostly shown as if they were, and all are
blurred at random, so that a picture's quality says nothing about what it shows.
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
from . import augment, muon, prompts
from .data import Tables
from .losses import Temperature, info_nce
from .train import Schedule

PLACES = ("kitchen", "office dining area", "lab")
RARE = 100  # a concept with fewer pictures is rare
REPEATS = 3  # captioned pictures and those of rare concepts are few, and drawn so often in an epoch
# Side of the training pictures from each epoch on. Most sources hold 32 pixels, which cost less.
SIZES = {0: 32, 31: 40, 36: 32, 70: 40, 76: nano.IMAGE_SIZE}
PATCH_EPOCHS = (range(36, 70), range(79, 88))  # the pictures have been seen often: parts of them are exchanged
PATCHED = 0.5  # share of the pictures
CENTRE_EPOCH = 14  # from here on both sides' means are taken away, so that neither sits in a corner of its own
WORN = 0.75  # share of the clean pictures that are shown worn
BLUR = augment.Blur(share=0.4, least=18)
ROOM_RUN = 8  # neighbouring frames of one room
ROOM_WEIGHT = 1.0
MAX_SCALE = 16.0  # pictures must come close to their words, because sounds and depth maps meet words through them only


class Anchor(nn.Module):
    """What the stage learns: the image encoder, the text encoder's head, the temperatures."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nano.ImageEncoder()
        self.text = nano.Head(384)
        self.scale, self.view_scale = Temperature(0.07, most=MAX_SCALE), Temperature(0.1)


@dataclass
class Batch:
    pictures: Tensor  # float32 (B, 3, S, S), standardised; the last 2 V are V rooms seen twice
    rooms: int  # V
    partner: Tensor  # int64 (B,), the picture a part of each was taken from
    share: Tensor  # float32 (B,), how much of each is its own
    labels: Tensor  # int64 (B,), index among the words, -1 where only a caption is known
    concepts: Tensor  # int64 (B,), the same; a label stands for itself where it has no concept
    words: Tensor  # float32 (W, 384), one prompt of every word
    captions: Tensor  # float32 (C, 384)
    owners: Tensor  # int64 (C,), the picture in the batch each caption belongs to


class ImageTask:
    """See the module."""

    def __init__(self, tables: Tables, model: Anchor, batch: int = 256, rooms: int = 24) -> None:
        self.tables, self.model, self.batch, self.rooms = tables, model, batch, rooms
        self.size, self.patched = nano.IMAGE_SIZE, 0.0
        self.names = sorted({r[k] for r in tables.images for k in ("label", "concept") if r[k]} | set(PLACES))
        self.words = torch.from_numpy(tables.taught_words(self.names, prompts.PICTURE_TEMPLATES, "words"))
        index = {name: i for i, name in enumerate(self.names)}
        self.labels = np.array([index.get(r["label"], -1) for r in tables.images])
        self.concepts = np.array([index.get(r["concept"] or r["label"], -1) for r in tables.images])
        self.scenes = np.array([index[r["scene"]] for r in tables.depths])
        self.is_label, self.is_concept, self.is_heard = torch.zeros(3, len(self.names), dtype=torch.bool)
        self.is_label[np.unique(np.r_[self.labels[self.labels >= 0], self.scenes])] = True
        self.is_concept[np.unique(np.r_[self.concepts[self.concepts >= 0], self.scenes])] = True
        self.is_heard[[index[name] for name in {r["concept"] for r in tables.images} - {""}]] = True
        self._read_captions()
        train = tables.split("train")
        concepts = np.array([row["concept"] for row in tables.images])[train]
        heard, captioned = concepts != "", self.labels[train] < 0
        few = captioned | is_rare(concepts)
        self.always = np.concatenate([train[heard & ~few]] + [train[few]] * REPEATS)
        self.sometimes = train[~heard & ~captioned]  # half of them, another half each epoch
        self.rooms_train = tables.depth_split("train")
        self.steps = (len(self.always) + len(self.sometimes) // 2) // batch
        self.run = torch.compile(model.image.features, dynamic=False)

    def _read_captions(self) -> None:
        rows = self.tables.rows("captions")
        vectors = self.tables.taught("captions", [r["caption"] for r in rows])
        at = {r["file"]: i for i, r in enumerate(self.tables.images)}
        self.captions: dict[int, np.ndarray] = {}
        for row, vector in zip(rows, vectors, strict=True):
            self.captions.setdefault(at[row["file"]], []).append(vector.astype(np.float32))

    def optimizers(self, schedule: Schedule) -> list[torch.optim.Optimizer]:
        """The text head moves slowly: its geometry is what unseen words rely on."""
        text = list(self.model.text.parameters())
        slow = {id(each) for each in text}
        fast = [each for each in self.model.parameters() if id(each) not in slow]
        head = torch.optim.AdamW(text, lr=0.1 * schedule.learning_rate, weight_decay=0.0)
        return [*muon.optimizers(fast, schedule), head]

    def batches(self, epoch: int, rng: Generator) -> Iterator[Batch]:
        half = torch.randperm(len(self.sometimes), generator=rng)[: len(self.sometimes) // 2]
        order = np.concatenate([self.always, self.sometimes[half.numpy()]])
        order = order[torch.randperm(len(order), generator=rng).numpy()]
        self.size = SIZES[max(start for start in SIZES if start <= epoch)]
        self.patched = PATCHED if any(epoch in epochs for epochs in PATCH_EPOCHS) else 0.0
        if epoch == CENTRE_EPOCH:
            self._centre()
        for step in range(self.steps):
            rows = order[step * self.batch : (step + 1) * self.batch]
            first = torch.randperm(len(self.rooms_train) - ROOM_RUN, generator=rng)[: self.rooms // ROOM_RUN].numpy()
            seen = self.rooms_train[(first[:, None] + np.arange(ROOM_RUN)).reshape(-1)]
            yield self._batch(rows, seen, rng)

    @torch.no_grad()
    def _centre(self) -> None:
        """Moves both heads' means, as some training pictures and all prompts show them, to the origin."""
        self.model.eval()
        pictures = embed_pictures(self.model.image, self.tables.pictures[self.tables.split("train")[::16]], self.size)
        self.model.image.head.centre.copy_(pictures.mean(0))
        self.model.text.centre.copy_(self.model.text(self.words).mean((0, 1)))
        self.model.train()

    def _batch(self, rows: np.ndarray, seen: np.ndarray, rng: Generator) -> Batch:
        shown = np.array(self.tables.pictures[rows])
        at = np.searchsorted(self.tables.clean, rows).clip(max=len(self.tables.clean) - 1)
        worn = (self.tables.clean[at] == rows) & (torch.rand(len(rows), generator=rng) < WORN).numpy()
        shown[worn] = self.tables.worn[at[worn]]
        single = augment.picture(torch.from_numpy(shown), self.size, rng, BLUR)
        chosen = torch.rand(len(rows), generator=rng) < self.patched
        partner = torch.where(chosen, torch.randperm(len(rows), generator=rng), torch.arange(len(rows)))
        single, share = augment.patch(single, partner, rng)
        rooms = augment.same_view(*self._takes(seen, rng), self.size, rng, BLUR, alike=ROOM_RUN)
        pictures = torch.cat([single, rooms])
        scenes = self.scenes[seen]
        template = torch.randint(self.words.shape[1], (len(self.names),), generator=rng)
        captions, owners = [], []
        for i, row in enumerate(rows):
            if row in self.captions:
                mine = self.captions[row]
                captions.append(mine[int(torch.randint(len(mine), (1,), generator=rng))])
                owners.append(i)
        return Batch(
            pictures=(pictures - self.model.image.mean) / self.model.image.std,
            rooms=len(seen),
            partner=torch.cat([partner, torch.arange(len(rows), len(pictures))]),
            share=torch.cat([share, torch.ones(len(rooms))]),
            labels=torch.from_numpy(np.r_[self.labels[rows], scenes, scenes]),
            concepts=torch.from_numpy(np.r_[self.concepts[rows], scenes, scenes]),
            words=self.words[torch.arange(len(self.names)), template],
            captions=torch.from_numpy(np.array(captions, np.float32).reshape(-1, 384)),
            owners=torch.tensor(owners, dtype=torch.int64),
        )

    def _takes(self, rows: np.ndarray, rng: Generator) -> tuple[Tensor, Tensor]:
        """Two squares of each frame, the same square, each worn or not."""
        height, width = self.tables.frames.shape[1:3]
        left = int(torch.randint(width - height + 1, (1,), generator=rng))
        kinds = [frames[rows, :, left : left + height] for frames in (self.tables.frames, self.tables.worn_frames)]
        worn = (torch.rand(2, len(rows), generator=rng) < WORN).numpy()[..., None, None, None]
        first, second = np.where(worn, kinds[1], kinds[0])
        return torch.from_numpy(first), torch.from_numpy(second)

    def loss(self, batch: Batch) -> Tensor:
        """The four terms; see the module."""
        model = self.model
        pictures = batch.pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            features = self.run(pictures)
        image = model.image.head(features.float())  # (B, 256)
        text = model.text(torch.cat([batch.words, batch.captions]))
        words, captions = text[: len(self.names)], text[len(self.names) :]
        scale = model.scale()
        said = torch.cat([words[self.is_label], captions])
        captioned = batch.owners == torch.arange(len(image))[:, None]
        hits = torch.cat([self._hits(batch.labels, self.is_label), captioned], dim=1)
        by_label = info_nce(image, said, scale, _shared(batch, hits))
        by_concept, by_heard = (
            info_nce(image, words[mask], scale, _shared(batch, self._hits(batch.concepts, mask)))
            for mask in (self.is_concept, self.is_heard)
        )
        first, second = image[-2 * batch.rooms :].chunk(2)
        return by_label + by_concept + by_heard + ROOM_WEIGHT * info_nce(first, second, model.view_scale())

    def _hits(self, index: Tensor, mask: Tensor) -> Tensor:
        """Which of the chosen names each picture has: bool (B, M)."""
        return index[:, None] == torch.arange(len(self.names))[mask]

    @torch.inference_mode()
    def measure(self, model: Anchor) -> dict[str, float]:
        """Accuracy of the development pictures' labels and concepts, and a caption's picture among the captioned."""
        rows = self.tables.split("dev")
        image = embed_pictures(model.image, self.tables.pictures[rows], self.size)
        words = F.normalize(model.text(self.words).mean(1), dim=-1)
        labels, concepts = torch.from_numpy(self.labels[rows]), torch.from_numpy(self.concepts[rows])
        scores = image @ words.T
        known = labels >= 0
        heard = (concepts >= 0) & self.is_heard[concepts]
        right = {
            "heard": scores[:, self.is_heard].argmax(1)[heard] == _position(concepts, self.is_heard)[heard],
            "label": scores[:, self.is_label].argmax(1)[known] == _position(labels, self.is_label)[known],
            "concept": scores[:, self.is_concept].argmax(1)[known] == _position(concepts, self.is_concept)[known],
        }
        captioned = [i for i, row in enumerate(rows) if row in self.captions]
        text = model.text(torch.from_numpy(np.stack([self.captions[rows[i]][0] for i in captioned])))
        rank = (text @ image[captioned].T > (text * image[captioned]).sum(1, keepdim=True)).sum(1)
        return {name: hits.float().mean().item() for name, hits in right.items()} | {
            "caption R@5": (rank < 5).float().mean().item(),
            "scale": model.scale().item(),
        }


def is_rare(concepts: np.ndarray) -> np.ndarray:
    """Which pictures show a concept that fewer than `RARE` do; "" is none. str (N,) -> bool (N,)."""
    count = Counter(concepts)
    return (concepts != "") & (np.array([count[name] for name in concepts]) < RARE)


def _shared(batch: Batch, hits: Tensor) -> Tensor:
    """How much of each answer a picture holds that is partly another one: bool (B, M) -> float32 (B, M)."""
    share = batch.share[:, None]
    return share * hits + (1 - share) * hits[batch.partner]


def _position(index: Tensor, mask: Tensor) -> Tensor:
    """Where each index stands among the chosen ones."""
    return (mask.cumsum(0) - 1)[index.clamp(min=0)]


@torch.inference_mode()
def embed_pictures(encoder: nano.ImageEncoder, pictures: np.ndarray, size: int = nano.IMAGE_SIZE) -> Tensor:
    """Embeddings of cached pictures, uint8 (N, H, W, 3), scaled to `size`: float32 (N, 256)."""
    out = []
    for start in range(0, len(pictures), 256):
        x = torch.from_numpy(np.array(pictures[start : start + 256])).permute(0, 3, 1, 2).float()
        x = F.interpolate(x, size=(size, size), mode="bicubic", antialias=True).round().clamp(0, 255)
        x = ((x / 255 - encoder.mean) / encoder.std).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            out.append(encoder.embed(x).float())
    return torch.cat(out)


def start_text_head(head: nano.Head, sentences: np.ndarray) -> None:
    """The head begins as the principal directions of the teacher's sentences, (N, 384), around their mean."""
    x = torch.from_numpy(np.asarray(sentences, np.float32)).reshape(-1, sentences.shape[-1])
    mean = x.mean(0)
    _, _, directions = torch.linalg.svd(x - mean, full_matrices=False)
    with torch.no_grad():
        head.projection.weight.copy_(directions[: nano.EMBEDDING_SIZE])
        head.projection.bias.copy_(-head.projection.weight @ mean)

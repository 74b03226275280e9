"""How nano is made: five stages in order, each resumable, each leaving `<stage>.pt` in the runs folder.

text -> image -> audio -> audio_text -> depth. Every number of the training is here or a constant of its
stage's module.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

from .. import nano
from . import nano_audio, nano_depth, nano_image, nano_text, prompts, teacher
from .data import Tables
from .nano_audio import Aligned
from .train import Schedule, fit

SCHEDULES = {
    "text": Schedule(epochs=2, learning_rate=4e-4, warmup_epochs=0.1, weight_decay=0.01),
    "image": Schedule(epochs=91, learning_rate=1.5e-3, muon_rate=0.05, restarts=((36, 0.6), (76, 0.1), (79, 0.2))),
    "audio": Schedule(epochs=60, learning_rate=1e-3, warmup_epochs=3, average=0.995),
    "audio_text": Schedule(epochs=108, learning_rate=7e-4, warmup_epochs=3, average=0.995),
    "depth": Schedule(epochs=80, learning_rate=1e-3, warmup_epochs=3, average=0.995),
}
STAGES = tuple(SCHEDULES)


def run_stage(name: str, tables: Tables, runs: Path, console: Console) -> None:
    """Trains one stage and writes `runs/<name>.pt`; the stages it builds on must be there.

    Raises:
        FileNotFoundError: a stage it builds on has not been run; the message names it.
    """
    # The same seed whichever stages ran before in this process.
    torch.manual_seed(SCHEDULES[name].seed)
    result = _MAKERS[name](tables, runs, console)
    beside = runs / f"{name}.part"
    torch.save(result, beside)
    os.replace(beside, runs / f"{name}.pt")


def load_nano(runs: Path) -> dict[str, nn.Module]:
    """The four encoders as trained, in eval mode: {"image", "text", "audio", "depth"}.

    Raises:
        FileNotFoundError: a stage has not been run; the message names it.
    """
    encoders = {
        "image": nano.ImageEncoder(),
        "text": nano.TextEncoder(),
        "audio": nano.AudioEncoder(),
        "depth": nano.DepthEncoder(),
    }
    encoders["image"].load_state_dict(_weights(runs, "image")["image"])
    encoders["text"].load_state_dict(_weights(runs, "text"))
    encoders["text"].head.load_state_dict(_weights(runs, "image")["text_head"])
    encoders["audio"].load_state_dict(_weights(runs, "audio_text")["encoder"])
    encoders["depth"].load_state_dict(_weights(runs, "depth"))
    return {name: encoder.eval().requires_grad_(False) for name, encoder in encoders.items()}


def names_by_words(runs: Path) -> tuple[str, ...]:
    """The labels of sounds that were trained with words.

    Raises:
        FileNotFoundError: the stage has not been run; the message names it.
    """
    return tuple(_weights(runs, "audio_text")["names"])


def _train_text(tables: Tables, runs: Path, console: Console) -> dict[str, Tensor]:
    model = nano.TextEncoder()
    nano_text.start_from_teacher(model)
    return _fit(nano_text.TextTask(tables, model), "text", runs, console).state_dict()


def _train_image(tables: Tables, runs: Path, console: Console) -> dict[str, dict[str, Tensor]]:
    model = nano_image.Anchor()
    model.image = model.image.to(memory_format=torch.channels_last)
    task = nano_image.ImageTask(tables, model)
    sentences = np.concatenate([task.words.flatten(0, 1), *map(np.stack, task.captions.values())])
    nano_image.start_text_head(model.text, sentences)
    trained = _fit(task, "image", runs, console)
    return {"image": trained.image.state_dict(), "text_head": trained.text.state_dict()}


def _train_audio(tables: Tables, runs: Path, console: Console) -> dict[str, Tensor]:
    model = Aligned(nano.AudioEncoder(), nano_audio.MAX_SCALE)
    task = nano_audio.AudioTask(tables, model, anchors(tables, runs))
    return _fit(task, "audio", runs, console).encoder.state_dict()


def _train_audio_text(tables: Tables, runs: Path, console: Console) -> dict[str, Any]:
    model = Aligned(nano.AudioEncoder(), nano_audio.MAX_SCALE)
    model.encoder.load_state_dict(_weights(runs, "audio"))
    text, pictures = _text_encoder(runs), anchors(tables, runs)
    words = embed_prompts(text, nano_audio.label_names(tables), prompts.SOUND_TEMPLATES)
    train = tables.split("train")
    labels = np.array([row["label"] for row in tables.images])[train]
    names = sorted(set(labels) - {""})
    shown = F.normalize(torch.stack([pictures[train[labels == name]].mean(0) for name in names]), dim=-1)
    places = nano_audio.imagine(words, embed_prompts(text, names, prompts.PICTURE_TEMPLATES), shown)
    task = nano_audio.AudioTask(tables, model, pictures, words, places)
    trained = _fit(task, "audio_text", runs, console)
    nano_audio.settle(trained.encoder, task)
    return {"encoder": trained.encoder.state_dict(), "names": nano_audio.labels_by_words(tables)}


def _train_depth(tables: Tables, runs: Path, console: Console) -> dict[str, Tensor]:
    task = nano_depth.DepthTask(tables, Aligned(nano.DepthEncoder()), _image_encoder(runs))
    return _fit(task, "depth", runs, console).encoder.state_dict()


_MAKERS: dict[str, Callable[[Tables, Path, Console], dict]] = {
    "text": _train_text,
    "image": _train_image,
    "audio": _train_audio,
    "audio_text": _train_audio_text,
    "depth": _train_depth,
}


def anchors(tables: Tables, runs: Path) -> Tensor:
    """The frozen anchor's embeddings of all `tables.pictures`, float32 (N, 256), kept beside its weights."""
    path = runs / "anchors.pt"
    if not path.exists() or path.stat().st_mtime < (runs / "image.pt").stat().st_mtime:
        torch.save(nano_image.embed_pictures(_image_encoder(runs), tables.pictures).clone(), path)
    return torch.load(path, weights_only=True)


@torch.no_grad()  # not inference_mode: what comes out is trained against
def embed_prompts(text: nano.TextEncoder, names: list[str], templates: tuple[str, ...]) -> Tensor:
    """One embedding for each name: its prompts' mean, norm 1. float32 (len(names), 256)."""
    tokens = teacher.tokenizer()
    out = []
    for name in names:
        ids = torch.tensor([e.ids for e in tokens.encode_batch(prompts.sentences(name, templates))])
        out.append(F.normalize(text(ids).mean(0), dim=0))
    return torch.stack(out)


def _fit(task, name: str, runs: Path, console: Console) -> nn.Module:
    return fit(task, SCHEDULES[name], runs / f"{name}.ckpt", console, name)


def _image_encoder(runs: Path) -> nano.ImageEncoder:
    encoder = nano.ImageEncoder()
    encoder.load_state_dict(_weights(runs, "image")["image"])
    return encoder.eval().requires_grad_(False)


def _text_encoder(runs: Path) -> nano.TextEncoder:
    encoder = nano.TextEncoder()
    encoder.load_state_dict(_weights(runs, "text"))
    encoder.head.load_state_dict(_weights(runs, "image")["text_head"])
    return encoder.eval().requires_grad_(False)


def _weights(runs: Path, stage: str) -> dict:
    path = runs / f"{stage}.pt"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: run stage {stage} first (anybind align --stage {stage}).")
    return torch.load(path, weights_only=True)

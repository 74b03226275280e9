"""The training loop: one for every stage.

A stage is a `Task`: what is trained, its batches, its loss and its measure. `fit` runs it, writes a checkpoint after
every epoch and goes on from the last one when it is started again; the result is the same, bit for bit, as that of a
run never stopped.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Generator, Tensor, nn


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a stage learns."""

    epochs: int
    learning_rate: float
    warmup_epochs: float = 1.0
    weight_decay: float = 0.05
    average: float = 0.998  # share of the old weights in the running average, a step
    seed: int = 0


class Task(Protocol):
    """What a stage trains."""

    model: nn.Module  # everything learned, temperature included
    steps: int  # batches an epoch

    def batches(self, epoch: int, rng: Generator) -> Iterator[Any]:
        """The epoch's batches, decided by `rng` alone."""

    def loss(self, batch: Any) -> Tensor:
        """The scalar to lower."""

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups; `scale` in one multiplies its learning rate."""

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Numbers of the development rows for the validation line."""


def fit(task: Task, schedule: Schedule, checkpoint: Path, console: Console, name: str) -> nn.Module:
    """Trains `task.model` and gives its running average.

    Args:
        checkpoint: the file to write after each epoch and to go on from when it exists.

    Returns:
        A copy of the model holding the averaged weights, in eval mode.
    """
    torch.manual_seed(schedule.seed)
    model, average = task.model, _copy(task.model)
    optimizer = torch.optim.AdamW(task.groups(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    first = _resume(checkpoint, model, average, optimizer)
    if first:
        console.print(f"{name}: goes on after epoch {first} of {schedule.epochs}")
    for epoch in range(first, schedule.epochs):
        rng = Generator().manual_seed(schedule.seed * 100_003 + epoch)
        started, total = time.monotonic(), 0.0
        model.train()
        for step, batch in enumerate(_bar(task.batches(epoch, rng), task.steps, f"{name} {epoch + 1}", console)):
            _set_rate(optimizer, schedule, epoch + step / task.steps)
            loss = task.loss(batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            _move_average(average, model, schedule.average, epoch * task.steps + step)
            total += loss.item()
        _save(checkpoint, epoch + 1, model, average, optimizer)
        measured = "  ".join(f"{key} {value:.3f}" for key, value in task.measure(average.eval()).items())
        seconds = time.monotonic() - started
        console.print(
            f"{name} epoch {epoch + 1}/{schedule.epochs}  loss {total / task.steps:.3f}  {measured}  {seconds:.0f} s"
        )
    return average.eval()


def _copy(model: nn.Module) -> nn.Module:
    import copy

    return copy.deepcopy(model).requires_grad_(False)


def _bar(batches: Iterator[Any], steps: int, title: str, console: Console) -> Iterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(batches, total=steps, description=title)


def _set_rate(optimizer: torch.optim.Optimizer, schedule: Schedule, epoch: float) -> None:
    """A straight climb, then half a cosine down to nothing."""
    if epoch < schedule.warmup_epochs:
        share = (epoch + 0.01) / schedule.warmup_epochs
    else:
        done = (epoch - schedule.warmup_epochs) / (schedule.epochs - schedule.warmup_epochs)
        share = (1 + math.cos(math.pi * done)) / 2
    for group in optimizer.param_groups:
        group["lr"] = schedule.learning_rate * share * group.get("scale", 1.0)


@torch.no_grad()
def _move_average(average: nn.Module, model: nn.Module, keep: float, step: int) -> None:
    """The average follows the weights, fast at first."""
    keep = min(keep, (1 + step) / (10 + step))
    theirs = model.state_dict()
    for key, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(theirs[key], 1 - keep)
        else:
            value.copy_(theirs[key])


def _save(path: Path, epoch: int, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Written beside, then renamed: a run killed while writing leaves the checkpoint before."""
    state = {
        "epoch": epoch,
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    torch.save(state, beside)
    os.replace(beside, path)


def _resume(path: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Epochs already done; what was saved is loaded."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    return state["epoch"]

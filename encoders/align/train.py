"""The training loop: one for every stage.

A stage is a `Task`: what is trained, its batches, its loss and its measure. `fit` runs it, writes a checkpoint after
every epoch and goes on from the last one when it is started again; the result is the same, bit for bit, as that of a
run never stopped.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Iterable, Iterator
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
    muon_rate: float = 0.02  # of convolutions, where a stage trains them with Muon
    # Epochs at which the rates climb once more, and to what share of their height (SGDR, Loshchilov and Hutter 2017).
    restarts: tuple[tuple[int, float], ...] = ()


class Task(Protocol):
    """What a stage trains."""

    model: nn.Module  # everything learned, temperature included
    steps: int  # batches an epoch

    def batches(self, epoch: int, rng: Generator) -> Iterator[Any]:
        """The epoch's batches, decided by `rng` alone."""

    def loss(self, batch: Any) -> Tensor:
        """The scalar to lower."""

    def optimizers(self, schedule: Schedule) -> list[torch.optim.Optimizer]:
        """What moves the parameters; each group's `lr` is its highest."""

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
    optimizers = task.optimizers(schedule)
    rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    first = _resume(checkpoint, model, average, optimizers)
    if first:
        console.print(f"{name}: goes on after epoch {first} of {schedule.epochs}")
    for epoch in range(first, schedule.epochs):
        rng = Generator().manual_seed(schedule.seed * 100_003 + epoch)
        started, total = time.monotonic(), 0.0
        model.train()
        for step, batch in enumerate(_bar(task.batches(epoch, rng), task.steps, f"{name} {epoch + 1}", console)):
            _set_rates(optimizers, rates, schedule, epoch + step / task.steps)
            loss = task.loss(batch)
            model.zero_grad(set_to_none=True)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            _move_average(average, model, schedule.average, epoch * task.steps + step)
            total += loss.item()
        _save(checkpoint, epoch + 1, model, average, optimizers)
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


def adamw(parameters: Iterable[nn.Parameter], schedule: Schedule) -> torch.optim.AdamW:
    """What most stages need. Weights decay; norms, biases and temperatures do not."""
    parameters = list(parameters)
    return torch.optim.AdamW(
        [
            {"params": [each for each in parameters if each.ndim > 1]},
            {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
    )


def _set_rates(optimizers: list[torch.optim.Optimizer], rates: list[float], schedule: Schedule, epoch: float) -> None:
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    for group, rate in zip(groups, rates, strict=True):
        group["lr"] = rate * _share(schedule, epoch)


def _share(schedule: Schedule, epoch: float) -> float:
    """A straight climb to the highest rate, then half a cosine down to nothing; after a restart the same, lower."""
    turns = ((0, 1.0), *schedule.restarts, (schedule.epochs, 0.0))
    first, top, last = next((a, top, b) for (a, top), (b, _) in itertools.pairwise(turns) if epoch < b)
    epoch -= first
    if epoch < schedule.warmup_epochs:
        return top * (epoch + 0.01) / schedule.warmup_epochs
    done = (epoch - schedule.warmup_epochs) / (last - first - schedule.warmup_epochs)
    return top * (1 + math.cos(math.pi * done)) / 2


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


def _save(
    path: Path, epoch: int, model: nn.Module, average: nn.Module, optimizers: list[torch.optim.Optimizer]
) -> None:
    """Written beside, then renamed: a run killed while writing leaves the checkpoint before."""
    state = {
        "epoch": epoch,
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "random": torch.get_rng_state(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    torch.save(state, beside)
    os.replace(beside, path)


def _resume(path: Path, model: nn.Module, average: nn.Module, optimizers: list[torch.optim.Optimizer]) -> int:
    """Epochs already done; what was saved is loaded."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    torch.set_rng_state(state["random"])
    return state["epoch"]

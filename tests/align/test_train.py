"""The training loop: it learns, and a run that was stopped ends where one never stopped does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from anybind.encoders.align.losses import Temperature, info_nce
from anybind.encoders.align.train import Schedule, adamw, fit

QUIET = Console(quiet=True)


class Killed(Exception):
    """Stands for the power going out."""


class ToyTask:
    """Two views of 64 hidden points: one is given as it is, the other has to be learned."""

    def __init__(self, die_at: int | None = None) -> None:
        rng = Generator().manual_seed(7)
        hidden = torch.randn(64, 6, generator=rng)
        self.anchors = F.normalize(hidden @ torch.randn(6, 16, generator=rng), dim=1)
        self.others = torch.tanh(hidden @ torch.randn(6, 20, generator=rng))
        torch.manual_seed(1)
        layers = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 16))
        self.model = nn.ModuleDict({"encoder": layers, "temperature": Temperature()})
        self.steps, self.die_at = 4, die_at

    def optimizers(self, schedule: Schedule) -> list[torch.optim.Optimizer]:
        return [adamw(self.model.parameters(), schedule)]

    def batches(self, epoch: int, rng: Generator) -> Iterator[Tensor]:
        if epoch == self.die_at:
            raise Killed
        yield from torch.randperm(48, generator=rng).view(self.steps, -1)

    def loss(self, batch: Tensor) -> Tensor:
        given = F.normalize(self.model["encoder"](self.others[batch]), dim=1)
        return info_nce(given, self.anchors[batch], self.model["temperature"]())

    def measure(self, model: nn.Module) -> dict[str, float]:
        with torch.inference_mode():
            given = F.normalize(model["encoder"](self.others[48:]), dim=1)
        right = (given @ self.anchors[48:].T).argmax(1) == torch.arange(16)
        return {"R@1": right.float().mean().item()}


def test_pairs_never_seen_find_each_other_well_above_chance(tmp_path: Path) -> None:
    task = ToyTask()
    trained = fit(task, Schedule(epochs=60, learning_rate=1e-2, average=0.9), tmp_path / "toy.ckpt", QUIET, "toy")
    assert task.measure(trained)["R@1"] >= 0.5  # chance is 1 of 16


def test_a_run_killed_and_resumed_ends_with_the_same_weights(tmp_path: Path) -> None:
    schedule = Schedule(epochs=5, learning_rate=1e-2)
    whole = fit(ToyTask(), schedule, tmp_path / "whole.ckpt", QUIET, "toy")
    with pytest.raises(Killed):
        fit(ToyTask(die_at=3), schedule, tmp_path / "halves.ckpt", QUIET, "toy")
    resumed = fit(ToyTask(), schedule, tmp_path / "halves.ckpt", QUIET, "toy")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_rates_climb_again_at_each_restart_to_its_share(tmp_path: Path) -> None:
    class Watched(ToyTask):
        def optimizers(self, schedule: Schedule) -> list[torch.optim.Optimizer]:
            self.made, self.rates = super().optimizers(schedule), []
            return self.made

        def loss(self, batch: Tensor) -> Tensor:
            self.rates.append(self.made[0].param_groups[0]["lr"])
            return super().loss(batch)

    task = Watched()
    schedule = Schedule(epochs=12, learning_rate=1.0, restarts=((4, 0.5), (8, 0.1)))
    fit(task, schedule, tmp_path / "toy.ckpt", QUIET, "toy")
    first, second, third = torch.tensor(task.rates).view(3, -1)
    torch.testing.assert_close(second, 0.5 * first)
    torch.testing.assert_close(third, 0.1 * first)
    assert first.argmax() == task.steps  # after one epoch of climbing
    assert first[-1] < 0.1


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    first = fit(ToyTask(), Schedule(epochs=1, learning_rate=1e-2, seed=0), tmp_path / "0.ckpt", QUIET, "toy")
    second = fit(ToyTask(), Schedule(epochs=1, learning_rate=1e-2, seed=1), tmp_path / "1.ckpt", QUIET, "toy")
    assert not torch.equal(first.state_dict()["encoder.0.weight"], second.state_dict()["encoder.0.weight"])


def test_every_epoch_prints_a_validation_line(tmp_path: Path) -> None:
    console = Console(record=True, width=200, force_terminal=False)
    fit(ToyTask(), Schedule(epochs=2, learning_rate=1e-2), tmp_path / "toy.ckpt", console, "toy")
    lines = [line for line in console.export_text().splitlines() if "R@1" in line]
    assert [line.split("  ")[0] for line in lines] == ["toy epoch 1/2", "toy epoch 2/2"]


def test_a_checkpoint_half_written_is_never_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(epochs=2, learning_rate=1e-2)
    fit(ToyTask(), Schedule(epochs=1, learning_rate=1e-2), tmp_path / "toy.ckpt", QUIET, "toy")
    before = (tmp_path / "toy.ckpt").read_bytes()

    def cut_short(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise Killed

    monkeypatch.setattr(torch, "save", cut_short)
    with pytest.raises(Killed):
        fit(ToyTask(), schedule, tmp_path / "toy.ckpt", QUIET, "toy")
    assert (tmp_path / "toy.ckpt").read_bytes() == before

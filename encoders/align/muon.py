"""Muon (Jordan et al. 2024): momentum whose every matrix is brought near the nearest orthogonal one.

PyTorch's own takes matrices only; convolutions need their filters flattened, as here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from .train import Schedule, adamw

# Quintic whose iterates send every singular value near 1 (Jordan et al. 2024).
A, B, C = 3.4445, -4.7750, 2.0315
DECAY = 0.1


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, for parameters of two or more dimensions: (outputs, ...).

    Args:
        params: parameters or groups, as for any optimizer.
        lr: step size: about every singular value of an update, which a tall matrix gets larger.
        momentum: share of the old direction kept.
        weight_decay: decoupled, as AdamW's: weights shrink by `lr * weight_decay` a step.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.02,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                kept = state["momentum"].mul_(group["momentum"]).add_(p.grad)
                direction = p.grad.add(kept, alpha=group["momentum"]).flatten(1)
                update = orthogonal(direction)
                update *= max(1.0, len(update) / update.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.view(p.shape), alpha=-group["lr"])


def optimizers(parameters: Iterable[nn.Parameter], schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Muon for convolutions, AdamW for everything else."""
    parameters = list(parameters)
    return [
        Muon([each for each in parameters if each.ndim == 4], schedule.muon_rate, weight_decay=DECAY),
        adamw([each for each in parameters if each.ndim != 4], schedule),
    ]


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """Near the orthogonal matrix nearest to `matrix`, by Newton-Schulz iteration: float (N, M) -> float32 (N, M)."""
    x = (matrix / (matrix.norm() + 1e-7)).bfloat16()
    turned = x.shape[0] > x.shape[1]
    if turned:
        x = x.T
    for _ in range(steps):
        square = x @ x.T
        x = A * x + (B * square + C * square @ square) @ x
    return (x.T if turned else x).float()

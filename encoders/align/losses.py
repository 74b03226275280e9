"""Contrastive losses. CLIP (Radford et al. 2021), section 2.3; several positives as in SupCon (Khosla et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_SCALE = 100.0  # CLIP section 2.5: above it training becomes unstable


class Temperature(nn.Module):
    """A learned scale of cosines, the inverse of a temperature.

    Args:
        start: first temperature; CLIP begins at 0.07.
        most: the highest scale. A low one asks for cosines that are far apart, not only in the right order.
    """

    def __init__(self, start: float = 0.07, most: float = MAX_SCALE) -> None:
        super().__init__()
        self.most = most
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / start)))

    def forward(self) -> Tensor:
        """The scale, a scalar in (0, most]. The bound lets gradients through below it only."""
        return self.log_scale.exp().clamp(max=self.most)


def info_nce(a: Tensor, b: Tensor, scale: Tensor | float, positive: Tensor | None = None) -> Tensor:
    """Symmetric InfoNCE between two lists of embeddings.

    Args:
        a: float (N, D), rows of norm 1.
        b: float (M, D), rows of norm 1.
        scale: factor on the cosines, see `Temperature`.
        positive: bool (N, M), which pairs belong together, or float, by how much. Default: row i of `a` with
            row i of `b`. A row with no positive is only a negative for others.

    Returns:
        The mean of both directions' cross-entropies, a scalar >= 0; log N where nothing is aligned and N = M.
    """
    logits = scale * a.float() @ b.float().T  # (N, M)
    if positive is None:
        positive = torch.eye(len(a), len(b), dtype=torch.bool, device=logits.device)
    return (_one_way(logits, positive) + _one_way(logits.T, positive.T)) / 2


def _one_way(logits: Tensor, positive: Tensor) -> Tensor:
    """Cross-entropy from rows to columns, the target spread evenly over a row's positives."""
    has = (positive > 0).any(dim=1)
    target = positive[has].float()
    target = target / target.sum(dim=1, keepdim=True)
    return -(target * F.log_softmax(logits[has], dim=1)).sum(dim=1).mean()

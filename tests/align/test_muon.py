"""The optimizer of convolutions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from anybind.encoders.align.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(8, 8), (8, 32), (32, 8)])
def test_every_singular_value_comes_near_one_and_directions_stay(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    given = orthogonal(matrix)
    values = torch.linalg.svdvals(given)
    assert values.min() > 0.5
    assert values.max() < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert F.cosine_similarity(given.flatten(), (left @ right).flatten(), dim=0) > 0.95


def test_it_fits_a_convolution_and_goes_on_from_its_state() -> None:
    torch.manual_seed(0)
    wanted, learned = nn.Conv2d(3, 8, 3, bias=False), nn.Conv2d(3, 8, 3, bias=False)
    x = torch.randn(16, 3, 8, 8)

    def distance() -> torch.Tensor:
        return (learned(x) - wanted(x)).square().mean()

    before = distance().item()
    optimizer = Muon(learned.parameters())
    for step in range(60):
        if step == 30:  # stopped and resumed
            state = optimizer.state_dict()
            optimizer = Muon(learned.parameters())
            optimizer.load_state_dict(state)
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 60)
        learned.zero_grad()
        distance().backward()
        optimizer.step()
    assert distance().item() < before / 20


def test_weights_without_a_gradient_shrink_by_nothing_and_others_by_their_decay() -> None:
    still, moved = nn.Parameter(torch.ones(4, 4)), nn.Parameter(torch.ones(4, 4))
    moved.grad = torch.zeros(4, 4)
    Muon([still, moved], lr=0.1, weight_decay=0.5).step()
    assert torch.equal(still, torch.ones(4, 4))
    torch.testing.assert_close(moved, torch.full((4, 4), 0.95))

"""InfoNCE and its temperature against values worked out by hand."""

import math

import pytest
import torch
from torch.nn import functional as F

from anybind.encoders.align.losses import MAX_SCALE, Temperature, info_nce

AXES = torch.eye(3)


def test_info_nce_equals_the_value_worked_out_by_hand() -> None:
    # Cosines: 1 on the diagonal, 0 off it; scale 2. Each row: -log(e^2 / (e^2 + 2)), each column the same.
    expected = -math.log(math.exp(2) / (math.exp(2) + 2))
    assert info_nce(AXES, AXES, 2.0).item() == pytest.approx(expected, abs=1e-6)


def test_info_nce_of_unrelated_rows_is_the_log_of_their_number() -> None:
    same = AXES[:1].repeat(5, 1)
    assert info_nce(same, same, 10.0).item() == pytest.approx(math.log(5), abs=1e-5)


def test_several_positives_share_the_target_evenly() -> None:
    both = torch.tensor([[True, True, False]])
    # Row: the mean of -log p over the two positives; columns 0 and 1 have one candidate each, so cost nothing.
    a, b = AXES[:1], AXES
    p = [math.exp(1) / (math.exp(1) + 2), 1 / (math.exp(1) + 2)]
    expected = -(math.log(p[0]) + math.log(p[1])) / 2 / 2
    assert info_nce(a, b, 1.0, both).item() == pytest.approx(expected, abs=1e-6)


def test_a_row_without_a_positive_is_only_a_negative() -> None:
    positive = torch.tensor([[True, False], [False, False]])
    alone = info_nce(AXES[:1], AXES[:2], 3.0, positive[:1])
    beside = info_nce(AXES[:2], AXES[:2], 3.0, positive)
    assert beside > alone  # the second row stands in the first column's way
    assert torch.isfinite(beside)


def test_weights_of_positives_count_by_their_size() -> None:
    half = info_nce(AXES[:2], AXES[:2], 3.0, torch.tensor([[0.5, 0.5], [0.5, 0.5]]))
    whole = info_nce(AXES[:2], AXES[:2], 3.0, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert whole < half


def test_info_nce_falls_as_pairs_align() -> None:
    rng = torch.Generator().manual_seed(0)
    a = F.normalize(torch.randn(16, 8, generator=rng), dim=1)
    noise = torch.randn(16, 8, generator=rng)
    losses = [info_nce(a, F.normalize(a + far * noise, dim=1), 10.0).item() for far in (2.0, 0.5, 0.1)]
    assert losses[0] > losses[1] > losses[2]


def test_the_temperature_starts_where_it_is_told_and_is_bounded() -> None:
    temperature = Temperature(0.07)
    assert temperature().item() == pytest.approx(1 / 0.07, rel=1e-5)
    with torch.no_grad():
        temperature.log_scale.fill_(20.0)
    assert temperature().item() == MAX_SCALE


def test_the_temperature_is_learned() -> None:
    temperature = Temperature(1.0)
    info_nce(AXES, AXES, temperature()).backward()
    assert temperature.log_scale.grad < 0  # sharper is better where pairs are already aligned

"""A new encoder learns to meet a frozen anchor."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from anybind.encoders import sensor
from anybind.encoders.align import own, own_pairs
from anybind.encoders.align.train import Schedule

QUIET = Console(quiet=True)
ROWS = {
    "grey": torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8),
    "picture": torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8),
    "depth": torch.rand(3, 32, 32) * 4,
    "waveform": torch.randn(3, 16_000),
    "series": torch.randn(3, 6, 120),
}


def toy_readings(pairs: int = 160, clips: int = 1) -> own_pairs.Readings:
    """Series whose channel offsets are a fixed linear view of the anchor's embedding."""
    random = np.random.default_rng(0)
    anchors = random.standard_normal((pairs, 8)).astype(np.float32)
    anchors /= np.linalg.norm(anchors, axis=1, keepdims=True)
    offsets = anchors @ random.standard_normal((8, 6))
    rows = offsets[:, None, :, None] + 0.1 * random.standard_normal((pairs, clips, 6, 40))
    return own_pairs.Readings(
        rows=rows.reshape(-1, 6, 40).astype(np.float32),
        pair=np.repeat(np.arange(pairs), clips),
        anchors=anchors,
        keys=np.arange(pairs),
        is_validation=np.arange(pairs) % 4 == 0,
    )


@pytest.mark.parametrize("kind", own_pairs.KINDS)
def test_each_kind_of_sensor_gives_unit_vectors(kind: str) -> None:
    encoder = sensor.sensor_encoder(kind, 24)
    encoder.standardise(ROWS[kind])
    vectors = encoder.eval()(ROWS[kind])
    assert vectors.shape == (3, 24)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-5)


def test_standardising_makes_the_training_rows_even() -> None:
    encoder = sensor.sensor_encoder("series", 8)
    rows = ROWS["series"] * 50 + torch.arange(6).view(6, 1) * 1000
    encoder.standardise(rows)
    even = (rows - encoder.mean) / encoder.std
    assert torch.allclose(even.mean(dim=(0, 2)), torch.zeros(6), atol=1e-3)
    assert torch.allclose(even.std(dim=(0, 2)), torch.ones(6), atol=1e-2)


def test_a_projector_begins_as_no_change() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(5, 12), dim=1)
    assert torch.allclose(sensor.Projector(12)(vectors), vectors, atol=1e-6)


@pytest.mark.parametrize("clips", [1, 3])
def test_pairs_set_apart_are_found_far_above_chance(tmp_path: Path, clips: int) -> None:
    readings = toy_readings(clips=clips)
    encoder = sensor.sensor_encoder("series", 8)
    encoder.standardise(torch.from_numpy(readings.rows))
    schedule = Schedule(12, 2e-3, average=0.9)
    aligned = own.align_own(encoder, readings, schedule, tmp_path / "own.ckpt", QUIET, batch=24)
    found = own.measure(aligned, readings)
    for way in found.values():
        assert way["chance R@1"] == pytest.approx(1 / 40)
        assert way["R@5"] > 3 * way["chance R@5"]


def test_a_run_stopped_and_gone_on_with_ends_where_one_never_stopped_does(tmp_path: Path) -> None:
    def run(checkpoint: Path, stop_after: int | None = None) -> dict[str, torch.Tensor]:
        torch.manual_seed(5)
        encoder = sensor.sensor_encoder("series", 8)
        epochs = iter(range(100))

        def vary(rows: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
            if stop_after is not None and next(epochs) >= stop_after:
                raise KeyboardInterrupt
            return own.vary_signals(rows, rng)

        schedule = Schedule(4, 1e-3)
        return own.align_own(encoder, toy_readings(), schedule, checkpoint, QUIET, vary=vary).state_dict()

    whole = run(tmp_path / "whole.ckpt")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped.ckpt", stop_after=3)
    gone_on = run(tmp_path / "stopped.ckpt")
    assert all(torch.equal(whole[key], gone_on[key]) for key in whole)


def test_equal_scores_count_against_the_encoder() -> None:
    found = own._recalls(torch.ones(4, 4), torch.eye(4, dtype=torch.bool))
    assert found["R@1"] == 0
    assert found["chance R@1"] == pytest.approx(0.25)


def test_maps_move_and_signals_keep_their_length() -> None:
    rng = torch.Generator().manual_seed(0)
    maps = own.vary_maps(ROWS["grey"], rng)
    assert maps.shape == ROWS["grey"].shape
    assert not torch.equal(maps, ROWS["grey"])
    signals = own.vary_signals(ROWS["series"], rng)
    assert signals.shape == ROWS["series"].shape
    loudness = signals.norm(dim=(1, 2)) / ROWS["series"].norm(dim=(1, 2))
    assert math.log(loudness.max()) <= math.log(1.25)

"""nano's encoders: unit vectors, the same through ONNX, and what their inputs mean."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from anybind.encoders import nano
from anybind.export.graph import export_graph

RNG = np.random.default_rng(0)
ROWS = {
    "image": (nano.ImageEncoder, RNG.integers(0, 256, (3, 48, 48, 3), dtype=np.uint8), {0: "batch"}),
    "audio": (nano.AudioEncoder, RNG.normal(0, 0.1, (3, 80_000)).astype(np.float32), {0: "batch"}),
    "depth": (nano.DepthEncoder, RNG.uniform(0, 5, (3, 64, 64)).astype(np.float32), {0: "batch"}),
    "text": (nano.TextEncoder, np.array([[101, 2054, 102, 0], [101, 2003, 2023, 102]]), {0: "batch", 1: "length"}),
}


def _encoder(modality: str) -> nn.Module:
    torch.manual_seed(0)
    return ROWS[modality][0]().eval()


def _embed(encoder: nn.Module, rows: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return encoder(torch.from_numpy(rows)).numpy()


@pytest.mark.parametrize("modality", ROWS)
def test_every_row_becomes_a_unit_vector(modality: str) -> None:
    rows = ROWS[modality][1]
    vectors = _embed(_encoder(modality), rows)
    assert vectors.shape == (len(rows), nano.EMBEDDING_SIZE)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("modality", ROWS)
def test_the_graph_gives_what_torch_gives_at_any_batch(modality: str, tmp_path: Path) -> None:
    _, rows, axes = ROWS[modality]
    encoder = _encoder(modality)
    path = tmp_path / "graph.onnx"
    export_graph(encoder, torch.from_numpy(rows), path, input_name="rows", output_name="unit_vector", dynamic_axes=axes)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for part in (rows, rows[:1]):
        (given,) = session.run(None, {"rows": part})
        np.testing.assert_allclose(given, _embed(encoder, part), atol=1e-4)


def test_padding_changes_no_sentence() -> None:
    encoder = _encoder("text")
    short = np.array([[101, 2054, 2003, 102]])
    padded = np.pad(short, ((0, 0), (0, 7)))
    np.testing.assert_allclose(_embed(encoder, padded), _embed(encoder, short), atol=1e-5)


def test_loudness_changes_no_sound() -> None:
    encoder, rows = _encoder("audio"), ROWS["audio"][1]
    np.testing.assert_allclose(_embed(encoder, rows * 0.2), _embed(encoder, rows), atol=1e-3)


def test_silence_and_a_map_of_nothing_are_still_unit_vectors() -> None:
    for encoder, rows in (
        (_encoder("audio"), np.zeros((1, 80_000), np.float32)),
        (_encoder("depth"), np.zeros((1, 64, 64), np.float32)),
    ):
        np.testing.assert_allclose(np.linalg.norm(_embed(encoder, rows), axis=1), 1, atol=1e-5)


def test_the_filter_bank_hears_a_tone_at_its_pitch() -> None:
    encoder = _encoder("audio")
    seconds = torch.arange(80_000) / encoder.SAMPLE_RATE_HZ
    tones = torch.stack([torch.sin(2 * torch.pi * hz * seconds) for hz in (200.0, 1000.0, 4000.0)])
    loudest = encoder.mel(encoder.power(nano.level(tones))).mean(1).argmax(1)
    mel = 2595 * np.log10(1 + np.array([200.0, 1000.0, 4000.0]) / 700)
    low, high = 2595 * np.log10(1 + np.array([40.0, 8000.0]) / 700)
    expected = (mel - low) / (high - low) * (encoder.MELS + 1) - 1
    np.testing.assert_allclose(loudest.numpy(), expected, atol=1)


def test_the_fast_transform_of_training_is_the_graphs_own() -> None:
    encoder, rows = _encoder("audio"), torch.from_numpy(ROWS["audio"][1])
    torch.testing.assert_close(encoder.fast_power(rows), encoder.power(rows), atol=1e-4, rtol=1e-3)


def test_all_encoders_together_fit_in_40_megabytes_at_half_precision() -> None:
    values = sum(p.numel() for make, _, _ in ROWS.values() for p in make().state_dict().values())
    assert values * 2 < 40e6


def test_the_filter_keeps_flat_pictures_and_takes_fine_colour_away() -> None:
    flat = torch.tensor([0.2, 0.5, -0.3]).view(1, 3, 1, 1).expand(1, 3, 48, 48)
    torch.testing.assert_close(nano.Soften()(flat), flat)
    stripes = torch.zeros(1, 3, 48, 48)
    stripes[:, 0, :, ::2], stripes[:, 2, :, ::2] = 1.0, -0.299 / 0.114  # colour alone: its brightness is even
    assert nano.Soften()(stripes)[:, 0].std() < 0.02 * stripes[:, 0].std()


@pytest.mark.parametrize("modality", ["image", "depth"])
def test_a_picture_or_map_and_its_mirror_image_have_one_embedding(modality: str) -> None:
    encoder, rows = _encoder(modality), ROWS[modality][1]
    mirrored = np.ascontiguousarray(rows[:, :, ::-1])
    np.testing.assert_allclose(_embed(encoder, mirrored), _embed(encoder, rows), atol=1e-5)

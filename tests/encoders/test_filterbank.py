import numpy as np
import pytest
import torch

from anybind.encoders.filterbank import FilterBank


def kaldi_by_hand(waveform: np.ndarray, rate_hz: int, mels: int, frame: int, shift: int) -> np.ndarray:
    """Kaldi's filter bank step by step in double precision: (samples,) -> (frames, mels)."""
    padded = 2 ** int(np.ceil(np.log2(frame)))
    rows = []
    for start in range(0, len(waveform) - frame + 1, shift):
        x = waveform[start : start + frame].astype(np.float64)
        x = x - x.mean()
        x = x - 0.97 * np.concatenate([x[:1], x[:-1]])
        x = x * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / (frame - 1)))
        power = np.abs(np.fft.rfft(x, padded)) ** 2
        corners_mel = np.linspace(1127 * np.log(1 + 20 / 700), 1127 * np.log(1 + rate_hz / 2 / 700), mels + 2)
        row = []
        for left, centre, right in zip(corners_mel, corners_mel[1:], corners_mel[2:], strict=False):
            energy = 0.0
            for index in range(padded // 2):
                mel = 1127 * np.log(1 + index * rate_hz / padded / 700)
                if left < mel < right:
                    rising = (mel - left) / (centre - left)
                    energy += power[index] * min(rising, (right - mel) / (right - centre))
            row.append(np.log(max(energy, np.finfo(np.float32).eps)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(
    ("rate_hz", "mels", "frame_ms", "shift_ms"), [(16_000, 128, 25, 10), (16_000, 64, 32, 20), (8_000, 40, 25, 10)]
)
def test_the_filter_bank_is_kaldis(rate_hz: int, mels: int, frame_ms: float, shift_ms: float) -> None:
    random = np.random.default_rng(3)
    seconds = np.arange(rate_hz // 8) / rate_hz
    waveform = (0.3 + 0.2 * np.sin(2 * np.pi * 440 * seconds) + 0.05 * random.standard_normal(len(seconds))).astype(
        "f4"
    )
    bank = FilterBank(rate_hz, mels, frame_ms, shift_ms)
    given = bank(torch.from_numpy(waveform)[None])[0].numpy()
    expected = kaldi_by_hand(waveform, rate_hz, mels, bank.frame_samples, bank.shift_samples)
    assert given.shape == expected.shape == (bank.frames_in(len(waveform)), mels)
    assert np.abs(given - expected).max() < 1e-3


def test_silence_has_the_least_energy_there_is() -> None:
    energies = FilterBank()(torch.zeros(1, 800))
    assert torch.equal(energies, torch.full_like(energies, float(np.log(np.finfo(np.float32).eps))))


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2), (32_000, 198)])
def test_frames_lie_wholly_inside_the_waveform(samples: int, frames: int) -> None:
    bank = FilterBank()
    assert bank.frames_in(samples) == frames
    if frames:
        assert bank(torch.zeros(1, samples)).shape == (1, frames, 128)
        assert bank.frames_in(bank.samples_for(frames)) == frames
        assert bank.frames_in(bank.samples_for(frames) - 1) == frames - 1


def test_the_filter_bank_matches_torchaudio(shared) -> None:
    with np.load(shared / "reference/imagebind/kaldi_fbank.npz") as stored:
        waveform, expected = stored["waveform"], stored["fbank"]
    given = FilterBank()(torch.from_numpy(waveform)).numpy()
    difference = np.abs(given - expected)
    # One of the waveforms is a fading tone, so that most of its bins hold 1e-8 of the frame's energy and less.
    # There a float32 Fourier transform gives its own rounding noise, and two builds of torchaudio differ by 0.01.
    audible = expected > expected.max(axis=2, keepdims=True) - np.log(10**7.5)
    assert audible.mean() > 0.75
    assert difference[audible].max() < 1e-3
    assert difference.mean() < 1e-4
    assert np.allclose(given, expected, rtol=1e-3, atol=1e-3)

"""A log-mel filter bank as Kaldi defines it, in operators that a graph can hold.

Everything Kaldi does to a frame before the power spectrum (removing its mean, pre-emphasis, the window, the
Fourier transform) is linear, so all of it is one matrix, made once in double precision and applied by a strided
convolution. Source: Kaldi's `feature-fbank.cc` and `mel-computations.cc`; `torchaudio.compliance.kaldi.fbank`
with `htk_compat=True, use_energy=False, window_type="hanning", dither=0` gives the same.
"""

import numpy as np
import torch
from torch import Tensor, nn

PREEMPHASIS = 0.97
LOW_HZ = 20.0
FLOOR = float(np.finfo(np.float32).eps)  # energies below are taken as this before the logarithm


class FilterBank(nn.Module):
    """Waveform -> log-mel energies.

    Frames lie wholly inside the waveform (Kaldi's "snip edges"): `frames_in(samples)` of them.
    """

    def __init__(self, rate_hz: int = 16_000, mels: int = 128, frame_ms: float = 25.0, shift_ms: float = 10.0) -> None:
        super().__init__()
        self.frame_samples = int(rate_hz * frame_ms * 0.001)
        self.shift_samples = int(rate_hz * shift_ms * 0.001)
        padded = 1 << (self.frame_samples - 1).bit_length()  # to a power of two
        spectrum = _framed_spectrum(self.frame_samples, padded)
        self.register_buffer("spectrum", torch.from_numpy(spectrum).float().unsqueeze(1), persistent=False)
        self.register_buffer("mel", torch.from_numpy(_mel_triangles(rate_hz, mels, padded)).float(), persistent=False)

    def frames_in(self, samples: int) -> int:
        """How many frames a waveform of so many samples gives; 0 if it is shorter than one."""
        return max(0, (samples - self.frame_samples) // self.shift_samples + 1)

    def samples_for(self, frames: int) -> int:
        """The shortest waveform that gives so many frames."""
        return (frames - 1) * self.shift_samples + self.frame_samples

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, samples) float32 -> (B, frames, mels), natural logarithm. At least one frame of samples is needed."""
        parts = nn.functional.conv1d(waveform.unsqueeze(1), self.spectrum, stride=self.shift_samples)
        real, imaginary = parts.chunk(2, dim=1)  # (B, bins, frames) each
        power = (real.square() + imaginary.square()).transpose(1, 2)
        return (power @ self.mel).clamp(min=FLOOR).log()


def _framed_spectrum(frame: int, padded: int) -> np.ndarray:
    """Rows that give the real, then the imaginary parts of bins 0 .. padded/2 - 1 of a raw frame, float64."""
    remove_mean = np.eye(frame) - 1.0 / frame
    emphasise = np.eye(frame) - PREEMPHASIS * np.eye(frame, k=-1)
    emphasise[0, 0] -= PREEMPHASIS  # the sample before the first is taken to equal it
    window = np.diag(np.hanning(frame))
    phase = 2 * np.pi / padded * np.outer(np.arange(padded // 2), np.arange(frame))
    return np.concatenate([np.cos(phase), -np.sin(phase)]) @ window @ emphasise @ remove_mean


def _mel_triangles(rate_hz: int, mels: int, padded: int) -> np.ndarray:
    """(bins, mels): triangles that are even in mel, from 20 Hz to half the rate, float64."""

    def to_mel(hz: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(hz) / 700.0)

    corners = np.linspace(to_mel(LOW_HZ), to_mel(rate_hz / 2), mels + 2)
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    bins = to_mel(rate_hz / padded * np.arange(padded // 2))[:, None]
    return np.maximum(0.0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))

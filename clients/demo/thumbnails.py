"""Small pictures of media for the contact sheet: what a picture, a sound and a depth map look like."""

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageOps

Array = np.ndarray

WIDTH, HEIGHT = 168, 126
_NIGHT = ((13, 8, 35), (84, 20, 99), (190, 55, 82), (250, 140, 60), (252, 240, 180))  # quiet to loud
_DISTANCE = ((255, 240, 180), (250, 150, 80), (180, 60, 120), (80, 40, 130), (20, 20, 70))  # near to far
_LONGEST_S = 10  # of a sound that is drawn and played
_BANDS = 72


def picture(path: Path) -> bytes:
    """A JPEG of a picture, cut to the thumbnail's shape."""
    with Image.open(path) as image:
        image.draft("RGB", (2 * WIDTH, 2 * HEIGHT))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    return _encoded(ImageOps.fit(upright, (WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def sound(path: Path) -> bytes:
    """A JPEG of a sound's spectrogram: time to the right, pitch upwards on an octave scale, 60 dB of loudness."""
    samples, rate_hz = _beginning(path)
    size = 1024
    samples = np.pad(samples, (0, max(0, size - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: max(1, (len(samples) - size) // (2 * WIDTH))]
    power = np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2
    pitches = np.geomspace(60, rate_hz / 2, _BANDS + 1) / rate_hz * size
    bands = [power[:, int(low) : max(int(high), int(low) + 1)].mean(axis=1) for low, high in pairwise(pitches)]
    decibels = 10 * np.log10(np.array(bands[::-1]) + 1e-10)
    loudness = np.clip((decibels - decibels.max()) / 60 + 1, 0, 1)
    return _encoded(Image.fromarray(_coloured(loudness, _NIGHT)).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))


def depth(path: Path) -> bytes:
    """A JPEG of a depth map: near is light and warm, far is dark, unseen is grey."""
    metres = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.asarray(Image.open(path))
    metres = np.nan_to_num(metres.astype(np.float32), posinf=0, neginf=0)
    seen = metres > 0
    near, far = np.percentile(metres[seen], [2, 98]) if seen.any() else (0, 1)
    colours = _coloured(np.clip((metres - near) / max(far - near, 1e-6), 0, 1), _DISTANCE)
    colours[~seen] = 210
    return _encoded(ImageOps.fit(Image.fromarray(colours), (WIDTH, HEIGHT), Image.Resampling.NEAREST))


def playable(path: Path) -> bytes:
    """A sound's first seconds as a small MP3, which every browser plays."""
    samples, rate_hz = _beginning(path)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()


def _beginning(path: Path) -> tuple[Array, int]:
    """The first seconds of a sound, mono: float32 (N,), and its rate."""
    with soundfile.SoundFile(path) as file:
        samples = file.read(_LONGEST_S * file.samplerate, dtype="float32", always_2d=True)
        return samples.mean(axis=1), file.samplerate


def _coloured(values: Array, colours: tuple[tuple[int, int, int], ...]) -> Array:
    """Values from 0 to 1 as colours between those given: (H, W) -> uint8 (H, W, 3)."""
    stops = np.linspace(0, 1, len(colours))
    channels = [np.interp(values, stops, channel) for channel in zip(*colours, strict=True)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()

"""What sounds are made of: shaped noise, tones, strings, strokes, and the track they are mixed into."""

from collections.abc import Mapping

import numpy as np

Array = np.ndarray
Random = np.random.Generator

RATE_HZ = 16_000
SECONDS = 5.0
SAMPLES = int(RATE_HZ * SECONDS)
TIME = np.arange(SAMPLES) / RATE_HZ  # seconds


def frequencies() -> Array:
    """Of a whole track's spectrum, in hertz: (SAMPLES / 2 + 1,)."""
    return np.fft.rfftfreq(SAMPLES, 1 / RATE_HZ)


def noise(random: Random, levels: Mapping[float, float]) -> Array:
    """Gaussian noise of rms 1; its spectrum goes through (hertz: decibels) points, straight between them in octaves."""
    octaves = np.log2(np.maximum(frequencies(), 20))
    decibels = np.interp(octaves, np.log2(list(levels)), list(levels.values()))
    spectrum = np.fft.rfft(random.standard_normal(SAMPLES)) * 10 ** (decibels / 20)
    sound = np.fft.irfft(spectrum, SAMPLES)
    return sound / np.sqrt((sound**2).mean())


def slow(random: Random, hertz: float) -> Array:
    """A wandering value of rms 1 that changes no faster than `hertz`."""
    spectrum = np.fft.rfft(random.standard_normal(SAMPLES)) * (frequencies() < hertz)
    wander = np.fft.irfft(spectrum, SAMPLES)
    return wander / np.sqrt((wander**2).mean())


def tone(pitch_hz: Array, strengths: Array | list[float]) -> Array:
    """Harmonics of a gliding pitch; those above 7 kHz fall silent."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    partials = enumerate(strengths, 1)
    return sum(s * np.sin(n * phase) * np.clip((7800 - n * pitch_hz) / 800, 0, 1) for n, s in partials)


def decay(length_s: float, fall_s: float) -> Array:
    """An exponential fall to 1/e every `fall_s` seconds."""
    return np.exp(-np.arange(int(length_s * RATE_HZ)) / (fall_s * RATE_HZ))


def ping(pitch_hz: float, fall_s: float, length_s: float) -> Array:
    """A tone that is loudest at once and dies away."""
    return np.sin(2 * np.pi * pitch_hz * TIME[: int(length_s * RATE_HZ)]) * decay(length_s, fall_s)


def plucked(random: Random, pitch_hz: float, length_s: float) -> Array:
    """A string plucked near its end, float64 (length_s * RATE_HZ,) (Karplus and Strong 1983)."""
    period = round(RATE_HZ / pitch_hz)
    string = random.uniform(-1, 1, period)
    string = string - np.roll(string, int(0.13 * period))
    turns = []
    for _ in range(-(-int(length_s * RATE_HZ) // period)):
        turns.append(string)
        string = 0.996 * (0.75 * string + 0.25 * np.roll(string, 1))
    return np.concatenate(turns)[: int(length_s * RATE_HZ)]


def struck(
    random: Random, modes_hz: Array, strengths: tuple[float, ...], fall_s: float, length_s: float, snap: float = 0.4
) -> Array:
    """Something hard that was hit: its modes ring and die, with a snap of noise at the start."""
    rings = sum(s * ping(pitch, fall_s, length_s) for pitch, s in zip(modes_hz, strengths, strict=True))
    return rings + snap * random.standard_normal(len(rings)) * decay(length_s, 0.002)


def add(track: Array, sound: Array, start_s: float) -> None:
    """Mixes a sound into a track, in place, from a time on; what passes the end is lost."""
    first = int(start_s * RATE_HZ)
    room = track[first : first + len(sound)]
    room += sound[: len(room)]


def finished(track: Array, *, peak: float | None = None, rms: float | None = None) -> Array:
    """The track at a level, its ends faded, never beyond full scale."""
    level = peak / np.abs(track).max() if peak else rms / np.sqrt((track**2).mean())
    fade = np.clip(np.minimum(np.arange(len(track)), np.arange(len(track))[::-1]) / (0.01 * RATE_HZ), 0, 1)
    return np.clip(track * level * fade, -1, 1).astype(np.float32)

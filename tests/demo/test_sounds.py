"""The synthesised sounds: sound files' worth, and physically what they claim to be."""

import numpy as np
import pytest

from anybind.clients.demo import media
from anybind.clients.demo.sounds import SOUNDS
from anybind.clients.demo.synthesis import RATE_HZ, SECONDS, plucked


def spectrum(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Power and the frequencies it stands at."""
    return np.abs(np.fft.rfft(sound)) ** 2, np.fft.rfftfreq(len(sound), 1 / RATE_HZ)


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_is_sound(name: str) -> None:
    sound = SOUNDS[name](np.random.default_rng(3))
    assert sound.dtype == np.float32
    assert 1.0 * RATE_HZ <= len(sound) <= SECONDS * RATE_HZ
    assert np.isfinite(sound).all()
    assert 0.01 < np.abs(sound).max() <= 1
    assert abs(sound.mean()) < 0.01


def test_every_sound_has_pictures_of_its_concept() -> None:
    assert set(SOUNDS) <= set(media.CONCEPTS)


def test_crickets_chirp_high_and_strings_sound_low() -> None:
    def centre(name: str) -> float:
        power, hertz = spectrum(SOUNDS[name](np.random.default_rng(0)))
        return float((power * hertz).sum() / power.sum())

    assert centre("insect") > 3000
    assert centre("guitar") < 1200
    assert centre("sea") < centre("rain")


def test_a_plucked_string_sounds_at_its_pitch_and_dies_away() -> None:
    string = plucked(np.random.default_rng(0), 220.0, 2.0)
    power, hertz = spectrum(string)
    assert abs(hertz[power.argmax()] / 220 - round(hertz[power.argmax()] / 220)) < 0.02
    assert string[-2000:].std() < 0.2 * string[:2000].std()


def test_a_clock_ticks_evenly() -> None:
    sound = SOUNDS["clock"](np.random.default_rng(0))
    loud = np.flatnonzero(np.abs(sound) > 0.5 * np.abs(sound).max()) / RATE_HZ
    ticks = loud[np.r_[True, np.diff(loud) > 0.1]]
    assert len(ticks) >= 9
    assert np.diff(ticks).std() < 0.02


def test_a_saxophone_has_harmonics_and_ends() -> None:
    sound = SOUNDS["saxophone"](np.random.default_rng(0))
    power, hertz = spectrum(sound)
    pitch = next(
        f for f in (207.7, 220.0, 233.1, 246.9, 261.6) if power[np.abs(hertz - f) < 2].max() > 1e-2 * power.max()
    )
    harmonics = [power[np.abs(hertz - n * pitch) < 6].max() for n in (1, 2, 3)]
    between = [power[np.abs(hertz - (n + 0.5) * pitch) < 6].max() for n in (1, 2, 3)]
    assert min(harmonics) > 30 * max(between)
    assert np.abs(sound[-200:]).max() < 0.1 * np.abs(sound).max()


def test_two_seeds_give_two_sounds() -> None:
    for name, make in SOUNDS.items():
        one, other = make(np.random.default_rng(1)), make(np.random.default_rng(2))
        assert len(one) != len(other) or not np.array_equal(one, other), name

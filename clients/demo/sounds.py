"""Sounds made from scratch: noise, impulses, strings and tones, shaped as the things that make them shape them.

Each takes a random generator and gives at most `SECONDS` of mono sound, float32 in [-1, 1] at `RATE_HZ`.
"""

from collections.abc import Callable, Mapping

import numpy as np

from .synthesis import (
    RATE_HZ,
    SAMPLES,
    SECONDS,
    TIME,
    Array,
    Random,
    add,
    decay,
    finished,
    noise,
    ping,
    plucked,
    slow,
    struck,
    tone,
)


def clock(random: Random) -> Array:
    """A clock ticking: each tick strikes a few stiff, quickly dying modes; every other one a little lower."""
    beats = float(random.choice([1.0, 2.0, 2.5]))
    modes = np.sort(random.uniform([400, 1100, 1900, 2900, 4300], [700, 1600, 2700, 3900, 5600]))
    track = 0.02 * noise(random, {60: 4, 125: 2, 250: 0, 500: -4, 1000: -8, 4000: -16, 8000: -24})
    for number, start in enumerate(np.arange(0.1, SECONDS - 0.1, 1 / beats)):
        pitch = 1.0 if number % 2 else 0.93
        tick = struck(random, modes * pitch, (0.6, 1.0, 1.0, 0.7, 0.3), 0.006, 0.12)
        add(track, tick * random.uniform(0.85, 1.0), start)
        add(track, struck(random, modes * pitch, (0.4, 1, 1, 0.6, 0.3), 0.005, 0.05), start + 0.022)
    return finished(track, peak=0.4)


def sea(random: Random) -> Array:
    """Surf: two swells of broad noise, each brighter as it breaks."""
    track = 0.25 * noise(random, {60: -8, 125: -6, 250: -2, 500: 0, 1000: -2, 2000: -6, 4000: -12, 8000: -22})
    for _ in range(2):
        swell = 0.5 - 0.5 * np.cos(2 * np.pi * (TIME / random.uniform(3.2, 4.8) + random.uniform()))
        body = noise(random, {60: -9, 250: -2, 500: 0, 1000: -1, 2000: -5, 4000: -12, 8000: -24})
        spray = noise(random, {250: -30, 1000: -6, 2000: 0, 4000: -1, 8000: -8})
        track = track + swell**1.5 * body + 0.6 * swell**4 * spray
    return finished(track, rms=0.1)


def rain(random: Random) -> Array:
    """Steady rain: bright, even noise and thousands of small drops."""
    track = noise(random, {60: 4, 125: 0, 250: -1, 500: -2, 1000: -2, 2000: -1, 4000: 0, 6000: -3, 8000: -8})
    for start in random.uniform(0, SECONDS - 0.05, 900):
        pitch = random.uniform(1200, 6000)
        add(track, random.exponential(0.9) * ping(pitch, 0.003, 0.015), start)
    return finished(track, rms=0.09)


def fire(random: Random) -> Array:
    """A fire: crackling of every loudness over a low, uneven roar."""
    roar = noise(random, {30: 4, 60: 2, 125: 0, 250: -3, 500: -8, 1000: -14, 4000: -22}) * (1 + 0.4 * slow(random, 3.0))
    track = 0.05 * roar + 0.02 * noise(random, {500: -10, 2000: 0, 8000: -2})
    for start in random.uniform(0, SECONDS - 0.06, int(25 * SECONDS)):
        crack = noise(random, {500: -12, 1500: -2, 4000: 0, 8000: -3})[: int(0.03 * RATE_HZ)]
        add(track, random.exponential(0.3) ** 1.5 * crack * decay(0.03, random.uniform(0.001, 0.006)), start)
    return finished(track, peak=0.7)


def guitar(random: Random) -> Array:
    """One note on a guitar: a plucked string over the knock of the body."""
    note = float(random.choice([110.0, 146.8, 164.8, 196.0, 220.0, 246.9]))
    string = plucked(random, note, 3.0) * np.clip((3.0 - TIME[: int(3.0 * RATE_HZ)]) / 0.3, 0, 1)
    body = noise(random, {100: 0, 250: -3, 1000: -20})[: len(string)] * decay(3.0, 0.02)
    return finished(string + 0.1 * body, rms=0.06)


def siren(random: Random) -> Array:
    """A wailing siren, its pitch rising and falling, with an echo from the street."""
    period = random.uniform(2.2, 3.6)
    sweep = 0.5 - 0.5 * np.cos(2 * np.pi * (TIME / period + random.uniform()))
    wail = tone(620 * (1380 / 620) ** sweep, [1, 0.5, 0.55, 0.22, 0.2, 0.08, 0.05])
    echo = np.zeros(SAMPLES)
    for late, loud in ((0.09, 0.35), (0.17, 0.25), (0.31, 0.15)):
        echo[int(late * RATE_HZ) :] += loud * wail[: -int(late * RATE_HZ)]
    street = 0.03 * noise(random, {60: 0, 250: -4, 1000: -10, 4000: -22})
    return finished(wail + echo + street, rms=0.12)


def saxophone(random: Random) -> Array:
    """A held note on a saxophone: a rich, reedy tone with breath and a slow vibrato."""
    note = float(random.choice([207.7, 220.0, 233.1, 246.9, 261.6]))
    vibrato = 1 + 0.004 * np.sin(2 * np.pi * 5 * TIME) * np.clip(TIME - 0.5, 0, 1)
    partials = np.arange(1, 21)
    strength = 1 / (1 + (partials * note / 700) ** 2.2) * (1 + 0.8 * np.exp(-((partials * note - 1100) ** 2) / 400**2))
    strength[0] *= 0.7
    reed = tone(note * vibrato, strength)
    breath = 0.02 * noise(random, {500: -6, 1500: 0, 4000: -8})
    swell = np.clip(TIME / 0.06, 0, 1) * np.clip((2.6 - TIME) / 0.15, 0, 1) * (0.85 + 0.15 * np.sin(np.pi * TIME / 2.6))
    return finished(((reed + breath) * swell)[: int(2.9 * RATE_HZ)], rms=0.05)


def insect(random: Random) -> Array:
    """Crickets at night: a near one that chirps without rest, a chorus of far ones in a band of its own."""
    pitch, every = random.uniform(4300, 5200), random.uniform(0.15, 0.24)
    track = np.zeros(SAMPLES)
    pulse = tone(np.full(320, pitch), [1.0]) * np.hanning(320)
    for start in np.arange(random.uniform(0, every), SECONDS - 0.2, every):
        for number in range(3):
            add(track, pulse * random.uniform(0.7, 1.0), start + 0.024 * number)
    octave = np.log2(pitch)
    far = {2 ** (octave + step): level for step, level in ((-2, -40), (-0.4, -24), (-0.1, 0), (0.15, 0), (0.6, -14))}
    chorus = noise(random, far) * (1 + 0.4 * slow(random, 25.0))
    night = noise(random, {30: 10, 60: 4, 125: 0, 250: -2, 500: -4, 1000: -6, 4000: -12, 8000: -18})
    return finished(track + track.std() * (0.5 * chorus + 0.22 * night), rms=0.035)


def keyboard(random: Random) -> Array:
    """Typing: bursts of keys, each a click and a faint knock going down, with a fainter one coming up."""
    track = 0.004 * noise(random, {60: 0, 250: -8, 1000: -12, 8000: -20})
    start = 0.15
    while start < SECONDS - 0.3:
        for late, loud, bright in ((0, 1.0, 0.009), (0.012, 0.5, 0.018), (0.08, 0.35, 0.0075)):
            length = int(0.06 * RATE_HZ)
            click = noise(random, {125: -16, 250: -8, 1000: -3, 2500: 0, 5000: -2, 8000: -10})[:length]
            knock = ping(random.uniform(180, 320), 0.012, 0.06)
            add(track, loud * random.uniform(0.5, 1.0) * (click * decay(0.06, bright) + 0.15 * knock), start + late)
        start += random.uniform(0.09, 0.2) if random.uniform() < 0.88 else random.uniform(0.4, 0.7)
    return finished(track, peak=0.45)


def bottle(random: Random) -> Array:
    """A bottle or can being opened: a snap, a short hiss, and the pull of the tab."""
    track = 0.0006 * noise(random, {60: 0, 1000: -10})
    snap_at = float(random.uniform(0.5, 0.8))
    for late, loud, length, hiss in ((0, 0.4, 0.01, 0.05), (0.34, 1.0, 0.02, 0.22), (0.62, 0.5, 0.015, 0.06)):
        snap = struck(
            random, random.uniform([1400, 2800, 4600], [2200, 4000, 7000]), (0.6, 1, 1), length, 0.12, snap=1.0
        )
        add(track, loud * snap, snap_at + late)
        gas = noise(random, {1000: -22, 2000: -7, 4000: 0, 8000: -2})[: int(0.6 * RATE_HZ)]
        add(track, 0.3 * loud * gas * decay(0.6, hiss), snap_at + late + 0.004)
    return finished(track, peak=0.95)


_MAKERS = (bottle, clock, fire, guitar, insect, keyboard, rain, saxophone, sea, siren)
SOUNDS: Mapping[str, Callable[[Random], Array]] = {make.__name__: make for make in _MAKERS}

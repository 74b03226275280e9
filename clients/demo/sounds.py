"""Sounds made from scratch: noise, impulses, strings and tones, shaped as the things that make them shape them.

Each takes a random generator and gives `SECONDS` of mono sound, float32 in [-1, 1] at `RATE_HZ`.
"""

from collections.abc import Callable, Mapping

import numpy as np

Array = np.ndarray
Random = np.random.Generator

RATE_HZ = 16_000
SECONDS = 5.0
SAMPLES = int(RATE_HZ * SECONDS)
_TIME = np.arange(SAMPLES) / RATE_HZ


def clock(random: Random) -> Array:
    """A clock ticking: each tick strikes a few stiff, quickly dying modes; every other one a little lower."""
    beats = float(random.choice([2.0, 2.5, 4.0]))
    modes = np.sort(random.uniform([450, 900, 1700, 2900, 4300], [700, 1400, 2400, 3900, 5600]))
    track = 0.0008 * _noise(random, {60: 0, 500: -8, 4000: -20})
    for number, start in enumerate(np.arange(0.1, SECONDS - 0.1, 1 / beats)):
        pitch = 1.0 if number % 2 else 0.93
        tick = _struck(random, modes * pitch, (1.0, 0.9, 1.0, 0.6, 0.35), 0.012, 0.12)
        _add(track, tick * random.uniform(0.85, 1.0), start)
        _add(track, 0.35 * _struck(random, modes * pitch, (0.5, 1, 1, 0.6, 0.3), 0.006, 0.05), start + 0.022)
    return _finished(track, peak=0.4)


def sea(random: Random) -> Array:
    """Surf: two swells of broad noise, each brighter as it breaks."""
    track = 0.25 * _noise(random, {60: -8, 125: -6, 250: -2, 500: 0, 1000: -2, 2000: -6, 4000: -12, 8000: -22})
    for _ in range(2):
        swell = 0.5 - 0.5 * np.cos(2 * np.pi * (_TIME / random.uniform(3.2, 4.8) + random.uniform()))
        body = _noise(random, {60: -9, 250: -2, 500: 0, 1000: -1, 2000: -5, 4000: -12, 8000: -24})
        spray = _noise(random, {250: -30, 1000: -6, 2000: 0, 4000: -1, 8000: -8})
        track = track + swell**1.5 * body + 0.6 * swell**4 * spray
    return _finished(track, rms=0.1)


def rain(random: Random) -> Array:
    """Steady rain: bright, even noise and thousands of small drops."""
    track = _noise(random, {60: -14, 125: -14, 250: -13, 500: -11, 1000: -6, 2000: -3, 4000: 0, 6000: -2, 8000: -6})
    for start in random.uniform(0, SECONDS - 0.05, 900):
        pitch = random.uniform(1200, 6000)
        _add(track, random.exponential(0.9) * _ping(pitch, 0.003, 0.015), start)
    return _finished(track, rms=0.09)


def fire(random: Random) -> Array:
    """A crackling fire: a low breath of flame and sharp cracks, from rare loud to many faint."""
    breath = _noise(random, {30: 4, 60: 0, 125: -3, 250: -9, 500: -14, 1000: -20, 4000: -30})
    track = 0.05 * breath * (1 + 0.3 * np.sin(2 * np.pi * 0.7 * _TIME))
    track += 0.008 * _noise(random, {500: -10, 2000: 0, 8000: -4})
    for start in random.uniform(0, SECONDS - 0.05, 170):
        loud = min(random.pareto(1.1) * 0.02, 1.0)
        length = random.uniform(0.0008, 0.005)
        crack = random.standard_normal(int(0.03 * RATE_HZ)) * _decay(0.03, length)
        _add(track, loud * crack, start)
    return _finished(track, peak=0.8)


def helicopter(random: Random) -> Array:
    """A rotor: low noise chopped at the blades' rate, over the motor's drone."""
    blades_hz = random.uniform(11, 15)
    phase = _TIME * blades_hz + 0.02 * np.sin(2 * np.pi * 0.4 * _TIME)
    chop = np.exp(-(((phase % 1) - 0.3) ** 2) / 0.018)
    thump = _noise(random, {40: -2, 60: 0, 125: 0, 250: -1, 500: -6, 1000: -14, 4000: -28}) * (0.18 + chop)
    hiss = 0.16 * _noise(random, {250: -4, 500: 0, 1000: -2, 2000: -8, 8000: -26}) * (0.5 + chop)
    drone = _tone(np.full(SAMPLES, blades_hz * 6), [1, 0.6, 0.4, 0.3, 0.15]) * 0.12
    return _finished(thump + hiss + drone, rms=0.13)


def airplane(random: Random) -> Array:
    """A propeller aircraft passing: the engine's many harmonics in a wide roar, its pitch falling as it goes by."""
    pass_by = np.tanh((_TIME - SECONDS / 2) / 1.2)
    pitch = random.uniform(80, 105) * (1 - 0.07 * pass_by)
    engine = _tone(pitch, [1.0, 0.9, 0.8, 0.7, 0.55, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.18, 0.15, 0.12, 0.1])
    roar = _noise(random, {60: -10, 125: -2, 250: 0, 500: 0, 1000: -3, 2000: -8, 4000: -14, 8000: -30})
    flutter = 1 + 0.25 * _slow(random, 3.0)
    nearness = 0.35 + 0.65 / (1 + ((_TIME - SECONDS / 2) / 1.6) ** 2)
    return _finished((0.5 * engine + roar * flutter) * nearness, rms=0.2)


def train(random: Random) -> Array:
    """A train going by: a deep rumble and the wheels' double knock at each joint of the rails."""
    track = _noise(random, {40: -3, 60: -2, 125: -1, 250: 0, 500: -6, 1000: -14, 2000: -22, 8000: -40})
    track = track * (1 + 0.3 * _slow(random, 2.0))
    step = random.uniform(0.62, 0.8)
    for start in np.arange(0.2, SECONDS - 0.4, step):
        for late, loud in ((0, 1.0), (0.13, 0.8)):
            knock = _noise(random, {60: -2, 200: 0, 500: -4, 1500: -12, 6000: -26})[: int(0.12 * RATE_HZ)]
            _add(track, 3.2 * loud * knock * _decay(0.12, 0.03), start + late)
    squeal = 0.05 * _tone(2300 + 60 * _slow(random, 2.0), [1, 0.3]) * np.maximum(_slow(random, 1.0), 0)
    return _finished(track + squeal, rms=0.16)


def car(random: Random) -> Array:
    """A car's horn, twice, over its idling engine."""
    low = random.uniform(390, 420)
    reeds = sum(_tone(np.full(SAMPLES, f), 0.92 ** np.arange(14)) for f in (low, low * 1.25))
    gate = np.zeros(SAMPLES)
    for start, length in ((0.4, 0.55), (1.35, 1.5)):
        gate[int(start * RATE_HZ) : int((start + length) * RATE_HZ)] = 1
    gate = _smoothed(gate, 0.012)
    firing = np.maximum(np.sin(2 * np.pi * 27 * _TIME), 0) ** 3
    engine = _noise(random, {30: 2, 60: 0, 125: -6, 250: -8, 1000: -14, 4000: -26}) * (0.3 + firing)
    return _finished(reeds * gate + 0.05 * engine, rms=0.17)


def siren(random: Random) -> Array:
    """A wailing siren, its pitch rising and falling, with an echo from the street."""
    period = random.uniform(2.2, 3.6)
    sweep = 0.5 - 0.5 * np.cos(2 * np.pi * (_TIME / period + random.uniform()))
    wail = _tone(620 * (1380 / 620) ** sweep, [1, 0.5, 0.55, 0.22, 0.2, 0.08, 0.05])
    echo = np.zeros(SAMPLES)
    for late, loud in ((0.09, 0.35), (0.17, 0.25), (0.31, 0.15)):
        echo[int(late * RATE_HZ) :] += loud * wail[: -int(late * RATE_HZ)]
    street = 0.03 * _noise(random, {60: 0, 250: -4, 1000: -10, 4000: -22})
    return _finished(wail + echo + street, rms=0.12)


def guitar(random: Random) -> Array:
    """A plucked string, left to ring (Karplus and Strong, 1983)."""
    note = float(random.choice([82.4, 110.0, 146.8, 196.0, 246.9]))
    string = _plucked(random, note, 0.9965)
    body = (
        1 + 0.8 * np.exp(-((_frequencies() - 110) ** 2) / 30**2) + 0.6 * np.exp(-((_frequencies() - 220) ** 2) / 50**2)
    )
    soft = body / (1 + (_frequencies() / 900) ** 2)
    string = np.fft.irfft(np.fft.rfft(string) * soft, SAMPLES)
    track = np.zeros(SAMPLES)
    _add(track, string[: SAMPLES - 4000], 0.2)
    return _finished(track, peak=0.12)


def saxophone(random: Random) -> Array:
    """A held note on a saxophone: a rich, reedy tone with breath and a slow vibrato."""
    note = float(random.choice([155.6, 207.7, 233.1, 277.2, 311.1]))
    vibrato = 1 + 0.004 * np.sin(2 * np.pi * 5 * _TIME) * np.clip(_TIME - 0.5, 0, 1)
    partials = np.arange(1, 21)
    strength = 1 / (1 + (partials * note / 700) ** 2.2) * (1 + 0.8 * np.exp(-((partials * note - 1100) ** 2) / 400**2))
    strength[0] *= 0.7
    reed = _tone(note * vibrato, strength)
    breath = 0.02 * _noise(random, {500: -6, 1500: 0, 4000: -8})
    swell = (
        np.clip(_TIME / 0.06, 0, 1) * np.clip((2.6 - _TIME) / 0.15, 0, 1) * (0.85 + 0.15 * np.sin(np.pi * _TIME / 2.6))
    )
    return _finished(((reed + breath) * swell)[: int(2.9 * RATE_HZ)], rms=0.05)


def insect(random: Random) -> Array:
    """Crickets at night: chirps of a few pulses, high and nearly pure, each animal at its own pace."""
    track = 0.02 * _noise(random, {60: 0, 500: -12, 4000: -16, 8000: -20})
    for _ in range(3):
        pitch, every, pulses = random.uniform(4100, 4900), random.uniform(0.36, 0.6), int(random.integers(3, 6))
        loud = random.uniform(0.4, 1.0)
        for start in np.arange(random.uniform(0, every), SECONDS - 0.2, every):
            for pulse in range(pulses):
                chirp = np.sin(2 * np.pi * pitch * _TIME[:240]) * np.hanning(240)
                _add(track, loud * chirp, start + 0.024 * pulse)
    return _finished(track, rms=0.03)


def bird(random: Random) -> Array:
    """Birdsong: short whistled phrases, their pitch swooping, with a little room behind them."""
    track = np.zeros(SAMPLES)
    start = 0.15
    while start < SECONDS - 0.6:
        base, span = random.uniform(2400, 4200), random.uniform(300, 1500)
        length, notes = random.uniform(0.06, 0.16), int(random.integers(1, 6))
        swoop = random.choice([-1, 1]) * np.sin(
            np.linspace(0, random.choice([np.pi, 2 * np.pi]), int(length * RATE_HZ))
        )
        note = _tone(base + span * swoop, [1, 0.12, 0.04]) * np.hanning(len(swoop)) ** 0.6
        for _ in range(notes):
            _add(track, note, start)
            start += length * random.uniform(1.1, 1.4)
        start += random.uniform(0.12, 0.5)
    echo = np.convolve(track, random.standard_normal(3000) * _decay(3000 / RATE_HZ, 0.05))[:SAMPLES]
    garden = _noise(random, {60: 4, 250: 0, 1000: -6, 4000: -8, 8000: -14})
    return _finished(track + 0.2 * track.std() / echo.std() * echo + 0.04 * track.std() * garden, rms=0.06)


def frog(random: Random) -> Array:
    """A frog croaking: each croak a quick train of throaty pulses, over a quiet pond."""
    track = np.zeros(SAMPLES)
    rate, throat, every = random.uniform(38, 60), random.uniform(700, 1100), random.uniform(0.5, 0.8)
    for start in np.arange(0.2, SECONDS - 0.5, every):
        for number in range(int(0.3 * rate)):
            pulse = (
                _ping(throat, 0.004, 0.03)
                + 0.6 * _ping(2.4 * throat, 0.003, 0.03)
                + 0.25 * _ping(4 * throat, 0.002, 0.03)
            )
            _add(
                track,
                pulse * np.sin(np.pi * (number + 1) / (0.3 * rate + 1)) * random.uniform(0.8, 1),
                start + number / rate,
            )
    pond = _noise(random, {60: 2, 250: 0, 1000: -4, 2500: 2, 4000: -2, 8000: -10})
    return _finished(track + 0.06 * track.std() * pond, rms=0.08)


def keyboard(random: Random) -> Array:
    """Typing: bursts of keys, each a click going down and a fainter one coming up."""
    track = 0.004 * _noise(random, {60: 0, 250: -10, 1000: -16, 8000: -22})
    start = 0.15
    while start < SECONDS - 0.3:
        modes = random.uniform([250, 1300, 2600, 3800], [500, 2200, 3600, 5400])
        loud = random.uniform(0.5, 1.0)
        _add(track, loud * _struck(random, modes, (0.4, 0.6, 1, 0.6), 0.006, 0.09, snap=0.8), start)
        _add(track, 0.4 * loud * _struck(random, modes * 1.1, (0.2, 0.5, 1, 0.8), 0.004, 0.05, snap=0.8), start + 0.075)
        start += random.uniform(0.09, 0.2) if random.uniform() < 0.88 else random.uniform(0.4, 0.7)
    return _finished(track, peak=0.45)


def bottle(random: Random) -> Array:
    """A bottle or can being opened: a snap, a short hiss, and the pull of the tab."""
    track = 0.0006 * _noise(random, {60: 0, 1000: -10})
    snap_at = float(random.uniform(0.5, 0.8))
    for late, loud, length, hiss in ((0, 0.4, 0.01, 0.05), (0.34, 1.0, 0.02, 0.22), (0.62, 0.5, 0.015, 0.06)):
        snap = _struck(
            random, random.uniform([1400, 2800, 4600], [2200, 4000, 7000]), (0.6, 1, 1), length, 0.12, snap=1.0
        )
        _add(track, loud * snap, snap_at + late)
        gas = _noise(random, {1000: -22, 2000: -7, 4000: 0, 8000: -2})[: int(0.6 * RATE_HZ)]
        _add(track, 0.3 * loud * gas * _decay(0.6, hiss), snap_at + late + 0.004)
    return _finished(track, peak=0.95)


_MAKERS = (
    *(airplane, bird, bottle, car, clock, fire, frog, guitar, helicopter),
    *(insect, keyboard, rain, saxophone, sea, siren, train),
)
SOUNDS: Mapping[str, Callable[[Random], Array]] = {make.__name__: make for make in _MAKERS}


def _frequencies() -> Array:
    return np.fft.rfftfreq(SAMPLES, 1 / RATE_HZ)


def _noise(random: Random, levels: Mapping[float, float]) -> Array:
    """Gaussian noise of rms 1; its spectrum goes through (hertz: decibels) points, straight between them in octaves."""
    octaves = np.log2(np.maximum(_frequencies(), 20))
    decibels = np.interp(octaves, np.log2(list(levels)), list(levels.values()))
    spectrum = np.fft.rfft(random.standard_normal(SAMPLES)) * 10 ** (decibels / 20)
    sound = np.fft.irfft(spectrum, SAMPLES)
    return sound / np.sqrt((sound**2).mean())


def _slow(random: Random, hertz: float) -> Array:
    """A wandering value of rms 1 that changes no faster than `hertz`."""
    spectrum = np.fft.rfft(random.standard_normal(SAMPLES)) * (_frequencies() < hertz)
    wander = np.fft.irfft(spectrum, SAMPLES)
    return wander / np.sqrt((wander**2).mean())


def _tone(pitch_hz: Array, strengths: Array | list[float]) -> Array:
    """Harmonics of a gliding pitch; those above 7 kHz fall silent."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    partials = enumerate(strengths, 1)
    return sum(s * np.sin(n * phase) * np.clip((7800 - n * pitch_hz) / 800, 0, 1) for n, s in partials)


def _plucked(random: Random, pitch_hz: float, keep: float) -> Array:
    """A string: a burst of noise that goes round a delay line and loses its highs at every turn."""
    period = round(RATE_HZ / pitch_hz)
    turn = random.uniform(-1, 1, period)
    turns = []
    for _ in range(SAMPLES // period + 1):
        turns.append(turn)
        turn = keep * 0.5 * (turn + np.roll(turn, 1))
    return np.concatenate(turns)[:SAMPLES]


def _decay(length_s: float, fall_s: float) -> Array:
    """An exponential fall to 1/e every `fall_s` seconds."""
    return np.exp(-np.arange(int(length_s * RATE_HZ)) / (fall_s * RATE_HZ))


def _ping(pitch_hz: float, fall_s: float, length_s: float) -> Array:
    return np.sin(2 * np.pi * pitch_hz * _TIME[: int(length_s * RATE_HZ)]) * _decay(length_s, fall_s)


def _struck(
    random: Random, modes_hz: Array, strengths: tuple[float, ...], fall_s: float, length_s: float, snap: float = 0.4
) -> Array:
    """Something hard that was hit: its modes ring and die, with a snap of noise at the start."""
    rings = sum(s * _ping(pitch, fall_s, length_s) for pitch, s in zip(modes_hz, strengths, strict=True))
    return rings + snap * random.standard_normal(len(rings)) * _decay(length_s, 0.002)


def _smoothed(signal: Array, over_s: float) -> Array:
    width = int(over_s * RATE_HZ)
    return np.convolve(signal, np.ones(width) / width, "same")


def _add(track: Array, sound: Array, start_s: float) -> None:
    """Mixes a sound into a track, in place, from a time on; what passes the end is lost."""
    first = int(start_s * RATE_HZ)
    room = track[first : first + len(sound)]
    room += sound[: len(room)]


def _finished(track: Array, *, peak: float | None = None, rms: float | None = None) -> Array:
    """The track at a level, its ends faded, never beyond full scale."""
    level = peak / np.abs(track).max() if peak else rms / np.sqrt((track**2).mean())
    fade = np.clip(np.minimum(np.arange(len(track)), np.arange(len(track))[::-1]) / (0.01 * RATE_HZ), 0, 1)
    return np.clip(track * level * fade, -1, 1).astype(np.float32)

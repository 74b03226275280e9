"""Scenes of the elements: the sea, the rain, a fire. Each takes its variety from a random generator."""

from collections.abc import Callable

import numpy as np

from .render import Body, Scene, body, floor
from .shapes import Array, Shape, box, capsule, cone, cylinder, ellipsoid, repeated, sphere, union
from .textures import clouds, cloudy, gradient, noise, speckled

BLUE_SKY = gradient((0.55, 0.72, 0.9), (0.13, 0.32, 0.72))

Random = np.random.Generator
Finish = Callable[[Array, Random], Array]


def sea(random: Random) -> Scene:
    """Waves rolling onto a beach, under a summer sky."""
    seed = int(random.integers(99))
    shore = float(random.uniform(-0.5, 1.5))

    def swell(p: Array) -> Array:
        long_waves = 0.12 * np.sin(p[2] * 1.3 + 2.5 * noise(p * 0.25, seed))
        return long_waves + 0.25 * clouds(p * np.array([[0.5], [1], [1.6]], np.float32), 4, seed)

    def surf(p: Array) -> Array:
        line = p[2] - shore - 0.6 * np.sin(p[0] * 0.35 + seed) - 0.8 * noise(p * 0.4, seed)
        crests = clouds(p * np.array([[0.25], [1], [1.1]], np.float32), 4, seed + 7)
        breaking = np.clip(1 - np.abs(line + 6) / 1.6, 0, 1) + np.clip(1 - np.abs(line + 15) / 2.0, 0, 1)
        foam = np.clip(line + 1.2, 0, 1) * np.clip(2.2 - line, 0, 1) + breaking * np.clip(crests * 4 - 1.3, 0, 1)
        sand = np.clip(line - 0.9, 0, 1)
        near, deep = np.array([[0.1], [0.42], [0.45]]), np.array([[0.015], [0.13], [0.32]])
        depth_share = np.clip(-line / 45, 0, 1) ** 0.5
        water = near + (deep - near) * depth_share
        beach = np.array([[0.72], [0.58], [0.38]]) * (0.85 + 0.3 * clouds(p * 3, 3, seed))
        ground = water * (1 - sand) + beach * sand
        return (ground * (1 - np.clip(foam, 0, 1)) + 0.85 * np.clip(foam, 0, 1)).astype(np.float32)

    return Scene(
        bodies=[floor(0, (1, 1, 1), texture=surf, bumps=swell, mirror=0.25)],
        eye=(0, float(random.uniform(2.6, 3.6)), 7.5),
        target=(float(random.uniform(-2, 2)), 0.9, -8),
        sky=cloudy(BLUE_SKY, 0.4, (0.9, 0.92, 0.95), seed),
        field_of_view=58,
        haze_m=500,
    )


def rain(random: Random) -> Scene:
    """A person under an umbrella on a wet, grey street."""
    colour = random.choice([(0.75, 0.04, 0.05), (0.06, 0.2, 0.6), (0.8, 0.6, 0.05)])
    dome = (ellipsoid(1.05, 0.62, 1.05) - ellipsoid(1.03, 0.6, 1.03)) & box(3, 0.7, 3).at(0, 0.35, 0)
    ribs = union([box(2.12, 0.02, 0.03).turned("y", angle) for angle in (0, 45, 90, 135)])

    def panels(p: Array) -> Array:
        return np.where(np.sin(4 * np.arctan2(p[2], p[0])) > 0, 1.0, 0.82)

    coat = cone(0.34, 0.2, 0.95, 0.05).at(0, 1.0, 0) | capsule((0.2, 1.35, 0), (0.2, 1.15, 0.35), 0.08)
    legs = capsule((-0.1, 0.55, 0), (-0.1, 0.05, 0), 0.09) | capsule((0.1, 0.55, 0), (0.12, 0.05, 0.1), 0.09)
    stick = capsule((0.16, 1.1, 0.3), (0.05, 2.45, 0.05), 0.018)

    def puddles(p: Array) -> Array:
        return 0.6 + 0.6 * clouds(p * 0.8, 3, 5)

    return Scene(
        bodies=[
            body(dome.at(0.05, 1.85, 0.05), colour, texture=panels, shine=0.1),
            body(ribs.at(0.05, 1.86, 0.05), (0.05, 0.05, 0.05)),
            body(coat, (0.1, 0.12, 0.16)),
            body(sphere(0.13).at(0, 1.6, 0), (0.5, 0.33, 0.25)),
            body(legs | stick, (0.04, 0.04, 0.05)),
            *facade(random, colour=(0.24, 0.24, 0.26), far=9),
            floor(0, (0.14, 0.14, 0.15), texture=puddles, mirror=0.5, bumps=lambda p: 0.01 * noise(p * 9, 3)),
        ],
        eye=(float(random.uniform(-1.2, 1.2)), 1.5, 4.6),
        target=(0, 1.35, 0),
        sky=gradient((0.42, 0.44, 0.47), (0.3, 0.32, 0.35)),
        sunlight=(0.12, 0.12, 0.13),
        skylight=0.75,
        field_of_view=42,
        haze_m=25,
        finish=_streaks,
    )


def fire(random: Random) -> Scene:
    """Candles in the dark, their flames alight."""
    stands = [(float(x) + random.uniform(-0.008, 0.008), 0.05 + random.uniform(0, 0.04)) for x in (-0.055, 0, 0.055)]
    wax = union([cylinder(0.013, height, 0.002).at(x, height / 2, 0) for x, height in stands])
    wicks = union([capsule((x, height, 0), (x + 0.001, height + 0.006, 0), 0.0012) for x, height in stands])
    flames = union([_flame().at(x, height + 0.004, 0) for x, height in stands])
    hearts = union([ellipsoid(0.0035, 0.01, 0.0035).at(x, height + 0.017, 0.0075) for x, height in stands])

    def warm(p: Array) -> Array:
        light = sum(
            1.0 / (1 + ((p[0] - x) ** 2 + (p[1] - height - 0.02) ** 2 + p[2] ** 2) / 0.0012) for x, height in stands
        )
        return light.astype(np.float32)

    return Scene(
        bodies=[
            body(wax, (0.9, 0.55, 0.25), texture=warm, glow=0.9),
            body(wicks, (0.02, 0.02, 0.02)),
            body(flames, (1.0, 0.42, 0.06), glow=2.6),
            body(hearts, (1.0, 0.85, 0.45), glow=3.2),
            floor(0, (0.5, 0.22, 0.08), texture=warm, glow=0.35),
        ],
        eye=(float(random.uniform(-0.04, 0.04)), 0.085, 0.3),
        target=(0, 0.065, 0),
        sky=lambda d: np.repeat(np.array([[0.02], [0.006], [0.003]], np.float32), d.shape[1], axis=1),
        sunlight=(0, 0, 0),
        skylight=0.02,
        field_of_view=36,
        finish=bloom(0.5),
    )


def _flame() -> Shape:
    """A teardrop on its base at the origin."""
    return (
        ellipsoid(0.0075, 0.015, 0.0075)
        .at(0, 0.014, 0)
        .blended(capsule((0, 0.02, 0), (0, 0.042, 0), 0.005, 0.0006), 0.012)
    )


def facade(random: Random, colour: tuple[float, float, float] = (0.5, 0.4, 0.32), far: float = 7) -> list[Body]:
    """A row of houses across the street."""
    front = box(60, 12, 1).at(0, 6, -far)
    panes = repeated(box(1.1, 1.6, 0.2), (2.6, 3.0, 1), (21, 3, 1)).at(float(random.uniform(-1, 1)), 4.6, -far + 0.5)
    return [
        body(front, colour, texture=speckled(0.8, 0.3)),
        body(panes, (0.05, 0.06, 0.08), mirror=0.3),
    ]


def bloom(strength: float) -> Finish:
    """What is brighter than white spills over its surroundings."""

    def finish(light: Array, _: Random) -> Array:
        spill = np.maximum(light - 0.75, 0)
        for reach in (2, 6, 14):
            light = light + strength * _blurred(spill, reach)
        return light

    return finish


def _blurred(light: Array, reach: int) -> Array:
    """A Gaussian blur by the Fourier transform: (H, W, 3), sigma in pixels."""
    frequencies = [np.fft.fftfreq(light.shape[0])[:, None], np.fft.rfftfreq(light.shape[1])]
    response = np.exp(-2 * (np.pi * reach) ** 2 * sum(f**2 for f in frequencies))
    spectrum = np.fft.rfft2(light, axes=(0, 1)) * response[..., None]
    return np.fft.irfft2(spectrum, light.shape[:2], axes=(0, 1))


def _streaks(light: Array, random: Random) -> Array:
    """Falling rain, drawn as faint bright lines."""
    height, width, _ = light.shape
    wet = light.copy()
    for _ in range(height * 2):
        x, y = random.integers(0, width), random.integers(-height // 8, height)
        length = int(random.uniform(0.04, 0.11) * height)
        rows = np.arange(max(y, 0), min(y + length, height))
        columns = np.clip(x - (rows - y) // 6, 0, width - 1)
        wet[rows, columns] += random.uniform(0.03, 0.12)
    return wet

"""Patterns for surfaces and skies, from value noise."""

from collections.abc import Callable

import numpy as np

from .shapes import Array, Vector


def noise(p: Array, seed: int = 0) -> Array:
    """Smooth noise in [0, 1], changing over about one unit: (3, N) -> (N,)."""
    cell = np.floor(p).astype(np.int64)
    t = p - cell
    t = t * t * (3 - 2 * t)
    value = np.zeros(p.shape[1], np.float32)
    for corner in range(8):
        bits = np.array([corner & 1, corner >> 1 & 1, corner >> 2 & 1])[:, None]
        x, y, z = np.where(bits, t, 1 - t)
        value += x * y * z * _hashed(cell + bits, seed)
    return value


def clouds(p: Array, octaves: int = 4, seed: int = 0) -> Array:
    """Fractal noise in [0, 1], half as strong at each finer octave: (3, N) -> (N,)."""
    total = sum(noise(p * 2.0**k, seed + k) / 2.0**k for k in range(octaves))
    return total / (2 - 2.0 ** (1 - octaves))


def speckled(scale_m: float, strength: float, seed: int = 0) -> Callable[[Array], Array]:
    """Brightness around 1 that wanders by `strength` over about `scale_m` metres."""
    return lambda p: 1 + strength * (2 * clouds(p / scale_m, 3, seed) - 1)


def grain(scale: Vector, strength: float, seed: int = 0) -> Callable[[Array], Array]:
    """Wood: noise drawn out along its grain; `scale` is metres along x, y and z."""
    stretch = np.array(scale, np.float32)[:, None]
    return lambda p: 1 + strength * (2 * clouds(p / stretch, 3, seed) - 1)


def tiles(size_m: float, joint: float, dark: float = 0.6, axes: tuple[int, int] = (0, 2)) -> Callable[[Array], Array]:
    """Square tiles with joints a share of their size wide, as brightness."""

    def pattern(p: Array) -> Array:
        inside = np.ones(p.shape[1], bool)
        for axis in axes:
            inside &= p[axis] / size_m % 1 > joint
        return np.where(inside, 1.0, dark)

    return pattern


def gradient(horizon: Vector, zenith: Vector, ground: Vector | None = None) -> Callable[[Array], Array]:
    """A clear sky; below the horizon the ground's colour, or the horizon's."""
    low, high = (np.array(colour, np.float32)[:, None] for colour in (horizon, zenith))
    under = low if ground is None else np.array(ground, np.float32)[:, None]

    def sky(d: Array) -> Array:
        height = np.clip(d[1], 0, 1) ** 0.6
        return np.where(d[1] < 0, under, low + (high - low) * height).astype(np.float32)

    return sky


def cloudy(clear: Callable[[Array], Array], cover: float, colour: Vector, seed: int = 0) -> Callable[[Array], Array]:
    """A sky with clouds over a share `cover` of it."""
    white = np.array(colour, np.float32)[:, None]

    def sky(d: Array) -> Array:
        up = np.maximum(d[1], 0.04)
        flat = np.stack([d[0] / up, d[2] / up, np.zeros_like(up)]) * 0.7
        share = np.clip((clouds(flat, 5, seed) - (1 - cover)) * 4, 0, 1) * np.clip(d[1] * 12, 0, 1)
        return clear(d) * (1 - share) + white * share

    return sky


def studio(brightness: float) -> Callable[[Array], Array]:
    """The even light of a product photograph."""
    return lambda d: np.full(d.shape, brightness, np.float32)


def _hashed(cell: Array, seed: int) -> Array:
    """A number in [0, 1) for each lattice cell, by integer mixing."""
    x, y, z = (part.astype(np.uint32) for part in cell)
    mixed = x * np.uint32(73856093) ^ y * np.uint32(19349663) ^ z * np.uint32(83492791)
    mixed ^= np.uint32(seed * 2654435761 % 2**32)
    mixed = (mixed ^ mixed >> np.uint32(16)) * np.uint32(0x45D9F3B)
    mixed = (mixed ^ mixed >> np.uint32(16)) * np.uint32(0x45D9F3B)
    return ((mixed ^ mixed >> np.uint32(16)) >> np.uint32(8)).astype(np.float32) / 2**24

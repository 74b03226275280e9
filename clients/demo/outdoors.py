"""Scenes under the sky: what flies, drives, burns and gets wet. Each takes its variety from a random generator."""

import numpy as np

from .render import Body, Scene, body, floor
from .shapes import Array, Shape, box, capsule, cone, cylinder, ellipsoid, prism, repeated, sphere, torus, union
from .textures import clouds, cloudy, gradient, noise, speckled

_WHITE = (0.85, 0.85, 0.86)
_GLASS = (0.03, 0.04, 0.05)
_RUBBER = (0.02, 0.02, 0.022)
_ASPHALT = (0.13, 0.13, 0.14)
_GRASS = (0.12, 0.24, 0.05)
_BLUE_SKY = gradient((0.55, 0.72, 0.9), (0.13, 0.32, 0.72))

Random = np.random.Generator


def airplane(random: Random) -> Scene:
    """An airliner in a blue sky, seen from the side."""
    stripe = random.choice([(0.05, 0.15, 0.6), (0.7, 0.05, 0.06)])
    fuselage = capsule((-13, 0, 0), (12, 0, 0), 1.9) | capsule((-13, 0, 0), (-21, 1.2, 0), 1.85, 0.5)
    wing = prism([(5, 1.5), (1.5, 1.5), (-6.5, 16), (-4.5, 16)], 0.5, 0.2).turned("x", 90)
    other_wing = prism([(5, -1.5), (1.5, -1.5), (-6.5, -16), (-4.5, -16)], 0.5, 0.2).turned("x", 90)
    stabiliser = prism([(-16, -6.5), (-18, -6.5), (-15.5, 0), (-18, 6.5), (-20, 6.5), (-20.5, 0)], 0.35).turned("x", 90)
    fin = prism([(-14.5, 1.4), (-19, 7.6), (-21.5, 7.6), (-20, 1.2)], 0.45, 0.15)
    engines = union([capsule((0.5, -2.1, z), (4, -2.1, z), 1.15) for z in (-5.5, 5.5)])
    windows = repeated(box(0.55, 0.6, 5), (1.3, 1, 1), (19, 1, 1)).at(-1, 0.5, 0) & capsule(
        (-20, 0, 0), (20, 0, 0), 1.93
    )
    cockpit = box(1.6, 0.8, 4).at(13, 0.7, 0) & capsule((-13, 0, 0), (12, 0, 0), 1.95)
    side = float(random.uniform(-14, 14))
    tilt = float(random.uniform(2, 9))

    def posed(shape: Shape) -> Shape:
        return shape.turned("z", tilt)

    return Scene(
        bodies=[
            body(posed(fuselage | wing | other_wing | stabiliser), _WHITE, shine=0.3),
            body(posed(fin), stripe),
            body(posed(engines), (0.45, 0.47, 0.5), shine=0.3),
            body(posed(windows | cockpit), _GLASS),
        ],
        eye=(side, -8, 50),
        target=(-3, 0.6, 0),
        sky=cloudy(_BLUE_SKY, 0.3, (0.85, 0.87, 0.9), int(random.integers(99))),
        field_of_view=46,
    )


def helicopter(random: Random) -> Scene:
    """A helicopter in the air, from the side."""
    colour = random.choice([(0.75, 0.06, 0.04), (0.05, 0.16, 0.5), (0.8, 0.78, 0.75)])
    cabin = ellipsoid(2.2, 1.35, 1.2).blended(capsule((-1, 0.5, 0), (-7.6, 1.1, 0), 0.55, 0.2), 0.8)
    motor = box(2.2, 0.7, 1.0, 0.25).at(-0.5, 1.5, 0)
    fin = prism([(-7, 1), (-8.3, 2.6), (-8.9, 2.6), (-8.2, 0.9), (-8.5, 0.1), (-7.8, 0.2)], 0.12)
    mast = cylinder(0.1, 0.9).at(-0.2, 2.1, 0)
    turn = float(random.uniform(5, 40))
    blades = (box(11.5, 0.07, 0.36) | box(0.36, 0.07, 11.5)).turned("y", turn).at(-0.2, 2.55, 0)
    tail_rotor = box(0.14, 2.0, 0.05).turned("z", 30).at(-8.4, 1.8, 0.25)
    skids = union(
        [capsule((-1.8, -2, z), (2.2, -2, z), 0.08) for z in (-1, 1)]
        + [capsule((x, -0.8, z * 0.5), (x, -2, z), 0.06) for x in (-0.9, 1) for z in (-1, 1)]
    )
    glass = (ellipsoid(2.24, 1.38, 1.24) & box(2.2, 1.5, 3).at(1.5, 0.55, 0)) - box(0.12, 3, 3).at(1.0, 0, 0)
    return Scene(
        bodies=[
            body(cabin | motor | fin, colour, shine=0.4, mirror=0.2),
            body(glass, _GLASS, shine=0.6, mirror=0.6),
            body(mast | blades | tail_rotor | skids, (0.06, 0.06, 0.07)),
        ],
        eye=(float(random.uniform(-1, 7)), -2.5, 17),
        target=(-2.4, 0.5, 0),
        sky=cloudy(_BLUE_SKY, float(random.uniform(0.1, 0.4)), (0.85, 0.87, 0.9), int(random.integers(99))),
        field_of_view=44,
    )


def car(random: Random) -> Scene:
    """A car on a road."""
    colour = random.choice([(0.7, 0.04, 0.03), (0.04, 0.1, 0.4), (0.75, 0.55, 0.04)])
    return Scene(
        bodies=[*_saloon(colour), *_road(random)],
        eye=(float(random.uniform(2.0, 3.4)), 1.6, 6.4),
        target=(0.1, 0.62, 0),
        sky=cloudy(_BLUE_SKY, 0.35, (0.85, 0.87, 0.9), int(random.integers(99))),
        field_of_view=44,
        haze_m=400,
    )


def siren(random: Random) -> Scene:
    """A police van, its blue lights on."""
    outline = [(-2.5, 0.35), (2.5, 0.35), (2.5, 1.05), (2.15, 1.2), (1.45, 2.2), (1.1, 2.3), (-2.5, 2.3)]
    van = prism(outline, 1.9, 0.06) - union(
        [cylinder(0.42, 0.7).turned("x", 90).at(x, 0.38, 0.95) for x in (-1.5, 1.6)]
    )
    windscreen = prism([(2.18, 1.2), (2.22, 1.24), (1.56, 2.14), (1.5, 2.1)], 1.66)
    side_windows = repeated(box(0.95, 0.55, 2.0), (1.15, 1, 1), (3, 1, 1)).at(-0.55, 1.72, 0) & prism(
        outline, 1.94, 0.06
    )
    stripe = box(5.0, 0.28, 1.96).at(0, 1.12, 0) & prism(outline, 1.94, 0.06)
    checks = repeated(box(0.25, 0.14, 1.98), (0.5, 1, 1), (10, 1, 1)).at(0, 1.05, 0)
    lights = union([box(0.3, 0.16, 0.4, 0.04).at(0.9, 2.42, z) for z in (-0.6, 0.6)])
    lamps = union([sphere(0.13).at(2.45, 0.8, z) for z in (-0.7, 0.7)])
    street = _facade(random)
    return Scene(
        bodies=[
            body(van, _WHITE, shine=0.3),
            body(windscreen | side_windows, _GLASS, mirror=0.4),
            body(stripe, random.choice([(0.02, 0.08, 0.5), (0.03, 0.3, 0.12)])),
            body(checks & prism(outline, 1.98, 0.06), (0.8, 0.75, 0.05)),
            body(lights, (0.1, 0.35, 1.0), glow=3.0),
            body(box(0.35, 0.08, 1.7).at(0.9, 2.33, 0), (0.1, 0.1, 0.1)),
            body(lamps, (1.0, 0.95, 0.8), glow=0.8),
            *_wheels((-1.5, 1.6), 0.38, 0.82),
            *street,
            floor(0, _ASPHALT, texture=speckled(0.3, 0.25)),
        ],
        eye=(float(random.uniform(3.6, 5.0)), 1.7, 6.2),
        target=(0.2, 1.15, 0),
        sky=gradient((0.6, 0.65, 0.72), (0.4, 0.5, 0.65)),
        field_of_view=48,
        finish=_bloom(0.55),
    )


def train(random: Random) -> Scene:
    """A bullet train on its track."""
    stripe = random.choice([(0.02, 0.12, 0.5), (0.6, 0.05, 0.05)])
    section = [(-1.5, 0.4), (1.5, 0.4), (1.6, 1.6), (1.35, 3.2), (0.8, 3.7), (-0.8, 3.7), (-1.35, 3.2), (-1.6, 1.6)]
    hull = prism(section, 60, 0.2).turned("y", 90).at(-30, 0, 0)
    nose = (ellipsoid(9, 3.3, 1.65).at(-1, 0.4, 0) - box(30, 4, 9).at(0, -1.6, 0)) - box(20, 20, 9).at(-11, 0, 0)
    screen = ellipsoid(9.03, 3.33, 1.68).at(-1, 0.4, 0) & box(2.6, 0.8, 1.7).turned("z", -25).at(3.5, 3.1, 0)
    slope = -9.0  # degrees, of the side above the waist
    pane = box(1.2, 0.7, 0.06).turned("x", slope).at(0, 2.35, 1.68)
    windows = repeated(pane, (1.9, 1, 1), (28, 1, 1)).at(-30, 0, 0)
    band = box(59, 0.35, 0.06).at(-30, 1.35, 1.79)
    joints = repeated(box(0.25, 3, 0.1).at(0, 2, 1.75), (14, 1, 1), (5, 1, 1)).at(-28, 0, 0)
    rails = union([box(160, 0.15, 0.08).at(-30, 0.08, z) for z in (-0.75, 0.75, 3.25, 4.75)])

    def bed(p: Array) -> Array:
        sleepers = (p[0] % 0.7 < 0.28) & ((np.abs(p[2]) < 1.3) | (np.abs(p[2] - 4) < 1.3))
        return np.where(sleepers, 0.55, 0.8 + 0.5 * clouds(p * 4, 2, 3))

    poles = repeated(cylinder(0.12, 8), (16, 1, 1), (6, 1, 1)).at(-20, 4, -3)
    return Scene(
        bodies=[
            body(hull, _WHITE, shine=0.4, mirror=0.25),
            body(nose, _WHITE, shine=0.4, mirror=0.25),
            body(windows | joints, _GLASS, mirror=0.3),
            body(screen, _GLASS, mirror=0.3),
            body(band, stripe),
            body(rails, (0.4, 0.38, 0.36), mirror=0.3),
            body(poles, (0.3, 0.3, 0.3)),
            floor(0, (0.26, 0.24, 0.22), texture=bed),
        ],
        eye=(float(random.uniform(11.5, 14)), 2.6, 6.6),
        target=(0, 1.7, 0.4),
        sky=cloudy(_BLUE_SKY, 0.5, (0.8, 0.82, 0.85), int(random.integers(99))),
        sun=(0.5, 0.7, 0.7),
        field_of_view=44,
        haze_m=300,
    )


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
        sky=cloudy(_BLUE_SKY, 0.4, (0.9, 0.92, 0.95), seed),
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
            *_facade(random, colour=(0.24, 0.24, 0.26), far=9),
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
        finish=_bloom(0.5),
    )


def _flame() -> Shape:
    """A teardrop on its base at the origin."""
    return (
        ellipsoid(0.0075, 0.015, 0.0075)
        .at(0, 0.014, 0)
        .blended(capsule((0, 0.02, 0), (0, 0.042, 0), 0.005, 0.0006), 0.012)
    )


def _saloon(colour: tuple[float, float, float]) -> list[Body]:
    """A car about 4.2 m long, facing +x, on the ground."""
    lower = prism(
        [(-2.1, 0.3), (2.1, 0.3), (2.15, 0.55), (2.05, 0.72), (1.0, 0.92), (-1.7, 0.95), (-2.1, 0.85)], 1.75, 0.1
    )
    cabin = [(1.05, 0.9), (0.35, 1.42), (-0.9, 1.45), (-1.65, 0.9)]
    arches = union([cylinder(0.4, 0.6).turned("x", 90).at(x, 0.33, 0.85) for x in (-1.3, 1.35)])
    roof = prism(cabin, 1.5, 0.08)
    side_glass = prism([(0.78, 0.95), (0.28, 1.34), (-0.3, 1.36), (-0.3, 0.95)], 1.54) | prism(
        [(-0.4, 0.95), (-0.4, 1.36), (-0.85, 1.36), (-1.35, 0.95)], 1.54
    )
    screen = prism([(1.08, 0.97), (1.12, 0.97), (0.48, 1.4), (0.42, 1.38)], 1.3)
    lamps = union([ellipsoid(0.12, 0.09, 0.18).at(2.08, 0.62, z) for z in (-0.62, 0.62)])
    bumper = box(0.14, 0.12, 1.6, 0.05).at(2.15, 0.4, 0)
    return [
        body((lower - arches) | roof, colour, shine=0.6, mirror=0.35),
        body(side_glass | screen, _GLASS, mirror=0.5),
        body(lamps, (0.9, 0.9, 0.8), shine=0.5),
        body(bumper, (0.5, 0.5, 0.5), mirror=0.4),
        *_wheels((-1.3, 1.35), 0.33, 0.78),
    ]


def _wheels(places: tuple[float, ...], radius: float, side: float) -> list[Body]:
    tyre = torus(radius * 0.78, radius * 0.24).turned("x", 90)
    hub = cylinder(radius * 0.58, 0.16).turned("x", 90)
    spots = [(x, z) for x in places for z in (-side, side)]
    return [
        body(union([tyre.at(x, radius, z) for x, z in spots]), _RUBBER),
        body(union([hub.at(x, radius, z) for x, z in spots]), (0.5, 0.5, 0.52), mirror=0.3),
    ]


def _road(random: Random) -> list[Body]:
    """Asphalt with a kerb, grass and trees behind."""

    def lanes(p: Array) -> Array:
        grass = np.array([_GRASS]).T * (0.6 + 0.8 * clouds(p * 2, 3, 1))
        asphalt = np.array([_ASPHALT]).T * (0.85 + 0.3 * clouds(p * 5, 2, 2))
        line = (np.abs(p[2] - 2.6) < 0.07) & (p[0] % 3 < 1.8)
        ground = np.where(p[2] < -2.4, grass, np.where(line, 0.7, asphalt))
        return ground.astype(np.float32)

    trees = union(
        [
            sphere(float(random.uniform(1.4, 2.4))).at(float(x), float(random.uniform(2.2, 3.4)), -14)
            for x in np.arange(-16, 12, 3.1)
        ]
    )
    trunks = repeated(cylinder(0.2, 4), (3.1, 1, 1), (9, 1, 1)).at(-3.6, 1, -14)
    return [
        floor(0, (1, 1, 1), texture=lanes),
        body(trees, (0.07, 0.17, 0.04), texture=speckled(0.5, 0.8)),
        body(trunks, (0.12, 0.08, 0.05)),
    ]


def _facade(random: Random, colour: tuple[float, float, float] = (0.5, 0.4, 0.32), far: float = 7) -> list[Body]:
    """A row of houses across the street."""
    front = box(60, 12, 1).at(0, 6, -far)
    panes = repeated(box(1.1, 1.6, 0.2), (2.6, 3.0, 1), (21, 3, 1)).at(float(random.uniform(-1, 1)), 4.6, -far + 0.5)
    return [
        body(front, colour, texture=speckled(0.8, 0.3)),
        body(panes, (0.05, 0.06, 0.08), mirror=0.3),
    ]


def _bloom(strength: float):
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

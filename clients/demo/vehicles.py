"""Scenes of vehicles: in the air, on the road, on rails."""

import numpy as np

from .outdoors import BLUE_SKY, bloom, facade
from .render import Body, Scene, body, floor
from .shapes import Array, Shape, box, capsule, cylinder, ellipsoid, prism, repeated, sphere, torus, union
from .textures import clouds, cloudy, gradient, speckled

_WHITE = (0.85, 0.85, 0.86)
_GLASS = (0.03, 0.04, 0.05)
_RUBBER = (0.02, 0.02, 0.022)
_ASPHALT = (0.13, 0.13, 0.14)
_GRASS = (0.12, 0.24, 0.05)

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
        sky=cloudy(BLUE_SKY, 0.3, (0.85, 0.87, 0.9), int(random.integers(99))),
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
        sky=cloudy(BLUE_SKY, float(random.uniform(0.1, 0.4)), (0.85, 0.87, 0.9), int(random.integers(99))),
        field_of_view=44,
    )


def car(random: Random) -> Scene:
    """A car on a road."""
    colour = random.choice([(0.7, 0.04, 0.03), (0.04, 0.1, 0.4), (0.75, 0.55, 0.04)])
    return Scene(
        bodies=[*_saloon(colour), *_road(random)],
        eye=(float(random.uniform(2.0, 3.4)), 1.6, 6.4),
        target=(0.1, 0.62, 0),
        sky=cloudy(BLUE_SKY, 0.35, (0.85, 0.87, 0.9), int(random.integers(99))),
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
    street = facade(random)
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
        finish=bloom(0.55),
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
        sky=cloudy(BLUE_SKY, 0.5, (0.8, 0.82, 0.85), int(random.integers(99))),
        sun=(0.5, 0.7, 0.7),
        field_of_view=44,
        haze_m=300,
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

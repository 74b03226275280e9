"""Scenes of single things, close up: watches, instruments, keyboards, bottles, an insect."""

import numpy as np

from .render import Body, Scene, Texture, body, floor, wall
from .shapes import (
    Array,
    Shape,
    box,
    capsule,
    cylinder,
    ellipsoid,
    prism,
    repeated,
    sphere,
    torus,
    turned_profile,
    union,
)
from .textures import clouds, gradient, grain, noise, speckled, studio

_STEEL = (0.55, 0.56, 0.58)
_BLACK = (0.015, 0.015, 0.018)
_BRASS = (0.85, 0.55, 0.12)

Random = np.random.Generator


def clock(random: Random) -> Scene:
    """A wrist watch lying on white."""
    face, strap = [
        ((0.85, 0.84, 0.8), (0.16, 0.08, 0.03)),
        ((0.02, 0.05, 0.2), _STEEL),
        ((0.03, 0.03, 0.035), (0.04, 0.04, 0.045)),
    ][random.integers(3)]
    marks = (0.9, 0.9, 0.88) if sum(face) < 1 else (0.03, 0.03, 0.03)
    case = cylinder(1.0, 0.34, 0.06).turned("x", 90) - cylinder(0.86, 0.2).turned("x", 90).at(0, 0, 0.2)
    bezel = torus(0.93, 0.07).turned("x", 90).at(0, 0, 0.15)
    crown = cylinder(0.12, 0.2, 0.02).turned("z", 90).at(1.08, 0, 0)
    band = prism([(-0.55, 0.7), (0.55, 0.7), (0.45, 2.6), (-0.45, 2.6)], 0.16, 0.05)
    links = repeated(box(0.9, 0.02, 0.02), (1, 0.2, 1), (1, 9, 1)).at(0, 1.75, 0.09)
    ticks = union(
        [box(0.05, 0.17 if hour % 3 else 0.24, 0.02).at(0, 0.68, 0.13).turned("z", 30 * hour) for hour in range(12)]
    )
    hour, minute = float(random.uniform(0, 360)), float(random.uniform(0, 360))
    hands = (
        capsule((0, -0.1, 0.15), (0, 0.42, 0.15), 0.035).turned("z", -hour)
        | capsule((0, -0.12, 0.16), (0, 0.64, 0.16), 0.024).turned("z", -minute)
        | sphere(0.06).at(0, 0, 0.15)
    )
    second = capsule((0, -0.2, 0.18), (0, 0.72, 0.18), 0.012).turned("z", -float(random.uniform(0, 360)))
    lean = float(random.uniform(-12, 12))

    def laid(shape: Shape) -> Shape:
        return shape.turned("z", lean)

    return Scene(
        bodies=[
            body(laid(band | band.turned("z", 180)).at(0, 0, -0.06), strap, shine=0.2),
            body(laid(links | links.turned("z", 180)).at(0, 0, -0.06), (0.05, 0.04, 0.04)),
            body(laid(case | bezel | crown), _STEEL, shine=0.8, mirror=0.5),
            body(laid(cylinder(0.87, 0.02).turned("x", 90).at(0, 0, 0.11)), face),
            body(laid(ticks | hands), marks),
            body(laid(second), (0.7, 0.05, 0.03)),
            wall((0, 0, 1), -0.22, (0.82, 0.82, 0.82)),
        ],
        eye=(float(random.uniform(-0.6, 0.6)), -0.6, 6.0),
        target=(0, 0, 0),
        sky=studio(0.9),
        sun=(-0.4, 0.6, 0.8),
        skylight=0.4,
        field_of_view=34,
    )


def guitar(random: Random) -> Scene:
    """A guitar on white, its neck to the right."""
    wood = random.choice([(0.6, 0.27, 0.07), (0.5, 0.03, 0.02), (0.66, 0.4, 0.16)])
    lower = cylinder(0.2, 0.09, 0.01).at(-0.28, 0, 0)
    upper = cylinder(0.15, 0.09, 0.01).at(0.02, 0, 0)
    corpus = lower.blended(upper, 0.16).turned("x", 90) & box(1, 1, 0.09)
    rim = cylinder(0.206, 0.075).at(-0.28, 0, 0).blended(cylinder(0.156, 0.075).at(0.02, 0, 0), 0.16)
    rim = rim.turned("x", 90) & box(1, 1, 0.075)
    neck = box(0.5, 0.055, 0.03, 0.005).at(0.4, 0, 0.04)
    head = prism([(0.64, -0.03), (0.84, -0.045), (0.84, 0.045), (0.64, 0.03)], 0.025, 0.004).at(0, 0, 0.035)
    pegs = union([sphere(0.014).at(0.69 + 0.05 * i, side * 0.055, 0.035) for i in range(3) for side in (-1, 1)])
    hole = cylinder(0.055, 0.02).turned("x", 90).at(-0.06, 0, 0.046)
    rosette = torus(0.06, 0.005).turned("x", 90).at(-0.06, 0, 0.046)
    bridge = box(0.03, 0.16, 0.015, 0.003).at(-0.32, 0, 0.05)
    strings = union([box(1.0, 0.0016, 0.0016).at(0.18, -0.02 + 0.008 * i, 0.06) for i in range(6)])
    frets = repeated(box(0.004, 0.055, 0.004), (0.035, 1, 1), (13, 1, 1)).at(0.4, 0, 0.057)
    lean = float(random.uniform(-6, 28))

    def laid(shape: Shape) -> Shape:
        return shape.turned("z", lean)

    return Scene(
        bodies=[
            body(laid(corpus), wood, texture=grain((0.5, 0.03, 0.5), 0.3), shine=0.35),
            body(laid(rim), (0.07, 0.03, 0.015)),
            body(laid(hole), _BLACK),
            body(laid(rosette | frets | strings), (0.7, 0.66, 0.55)),
            body(laid(neck | bridge), (0.12, 0.06, 0.03)),
            body(laid(head), (0.1, 0.05, 0.025)),
            body(laid(pegs), _STEEL, shine=0.6),
            wall((0, 0, 1), -0.08, (0.85, 0.85, 0.85)),
        ],
        eye=(0.18, 0.02, 2.1),
        target=(0.18, 0.08, 0),
        sky=studio(0.9),
        sun=(-0.3, 0.5, 0.9),
        skylight=0.42,
        field_of_view=36,
    )


def saxophone(random: Random) -> Scene:
    """A saxophone on a dark ground."""
    neck = capsule((-0.13, 0.66, 0), (-0.04, 0.72, 0), 0.011, 0.012) | capsule((-0.04, 0.72, 0), (0, 0.62, 0), 0.013)
    tube = capsule((0, 0.62, 0), (0.02, 0, 0), 0.014, 0.034)
    bow = capsule((0.02, 0, 0), (0.075, -0.06, 0), 0.034, 0.04) | capsule((0.075, -0.06, 0), (0.14, 0, 0), 0.04, 0.044)
    horn = turned_profile(
        [(0, 0), (0.044, 0), (0.05, 0.14), (0.065, 0.24), (0.105, 0.31), (0.098, 0.312), (0.05, 0.24), (0, 0.2)]
    )
    bell = horn.turned("z", -12).at(0.14, -0.01, 0)
    mouthpiece = capsule((-0.13, 0.66, 0), (-0.19, 0.63, 0), 0.014, 0.009)
    keys = union(
        [
            cylinder(0.021 + 0.0015 * i, 0.012).turned("x", 90).at(0.004 * i + 0.002, 0.52 - 0.075 * i, 0.04)
            for i in range(7)
        ]
        + [cylinder(0.03, 0.012).turned("x", 90).at(0.17, 0.08 + 0.09 * i, 0.055) for i in range(2)]
    )
    rods = capsule((0.035, 0.55, 0.02), (0.06, 0.06, 0.04), 0.005) | capsule(
        (-0.02, 0.5, 0.02), (-0.02, 0.1, 0.03), 0.005
    )
    lean = float(random.uniform(-14, 22))

    def laid(shape: Shape) -> Shape:
        return shape.at(-0.04, -0.32, 0).turned("z", lean)

    return Scene(
        bodies=[
            body(laid(neck | tube | bow | bell), _BRASS, shine=1.0, mirror=0.45),
            body(laid(keys | rods), (0.95, 0.68, 0.25), shine=0.8, mirror=0.3),
            body(laid(mouthpiece), _BLACK, shine=0.3),
            wall((0, 0, 1), -0.2, (0.035, 0.04, 0.05), texture=speckled(0.4, 0.4)),
        ],
        eye=(float(random.uniform(-0.2, 0.2)), 0.05, 1.75),
        target=(0, 0.03, 0),
        sky=gradient((0.9, 0.85, 0.75), (0.4, 0.38, 0.35), (0.06, 0.05, 0.04)),
        sun=(-0.5, 0.6, 0.7),
        field_of_view=36,
    )


def keyboard(random: Random) -> Scene:
    """A computer keyboard on a desk, seen aslant."""
    dark = bool(random.integers(2))
    caps, frame = ((0.05, 0.05, 0.055), (0.02, 0.02, 0.022)) if dark else ((0.72, 0.71, 0.66), (0.45, 0.44, 0.4))
    key = box(0.0155, 0.009, 0.0155, 0.002)
    rows = union([repeated(key, (0.019, 1, 1), (14, 1, 1)).at(0.005 * row, 0, 0.019 * (row - 2)) for row in range(4)])
    space = box(0.11, 0.009, 0.0155, 0.002).at(-0.01, 0, 0.038)
    sides = repeated(key, (0.025, 1, 1), (3, 1, 1)).at(-0.1, 0, 0.038) | repeated(key, (0.025, 1, 1), (3, 1, 1)).at(
        0.09, 0, 0.038
    )
    plate = box(0.31, 0.012, 0.115, 0.004).at(0.002, -0.008, 0)
    legends = repeated(box(0.003, 0.0006, 0.004), (0.019, 1, 1), (14, 1, 1))
    letters = union([legends.at(0.005 * row - 0.003, 0.0046, 0.019 * (row - 2) - 0.002) for row in range(4)])
    turn = float(random.uniform(-35, 35))

    def laid(shape: Shape) -> Shape:
        return shape.turned("y", turn)

    return Scene(
        bodies=[
            body(laid(rows | space | sides), caps, shine=0.15),
            body(laid(plate), frame),
            body(laid(letters), (0.85, 0.85, 0.85) if dark else (0.1, 0.1, 0.1)),
            floor(-0.0145, (0.34, 0.2, 0.1), texture=grain((0.3, 1, 0.02), 0.35)),
        ],
        eye=(float(random.uniform(-0.05, 0.05)), 0.19, 0.21),
        target=(0, -0.005, 0.005),
        sky=gradient((0.8, 0.8, 0.8), (0.9, 0.9, 0.9)),
        sun=(-0.6, 0.8, -0.3),
        field_of_view=54,
    )


def bottle(random: Random) -> Scene:
    """Beer bottles on a bar."""
    glass = [(0.16, 0.05, 0.01), (0.02, 0.2, 0.05), (0.22, 0.08, 0.015)]
    bodies: list[Body] = []
    for number, x in enumerate((-0.075, 0, 0.075)):
        z = float(random.uniform(-0.015, 0.015))
        outline = [
            (0, 0),
            (0.03, 0),
            (0.032, 0.004),
            (0.032, 0.13),
            (0.027, 0.15),
            (0.014, 0.185),
            (0.0125, 0.23),
            (0, 0.23),
        ]
        label = random.choice([(0.8, 0.7, 0.4), (0.75, 0.1, 0.08), (0.85, 0.85, 0.82), (0.1, 0.2, 0.5)])
        bodies += [
            body(
                turned_profile(outline).at(x, 0, z),
                glass[(number + int(random.integers(3))) % 3],
                shine=1.0,
                mirror=0.45,
            ),
            body(cylinder(0.0327, 0.055).at(x, 0.075, z), label, texture=_printed(x, z)),
            body(cylinder(0.0137, 0.03).at(x, 0.2, z), label),
            body(cylinder(0.0145, 0.01, 0.002).at(x, 0.234, z), (0.7, 0.6, 0.2), shine=0.6),
        ]
    back = random.choice([(0.35, 0.22, 0.12), (0.5, 0.5, 0.48)])
    return Scene(
        bodies=[
            *bodies,
            floor(0, (0.3, 0.16, 0.07), texture=grain((0.2, 1, 0.015), 0.4), mirror=0.15),
            wall((0, 0, 1), -0.5, back, texture=speckled(0.15, 0.35)),
        ],
        eye=(float(random.uniform(-0.1, 0.1)), 0.15, 0.5),
        target=(0, 0.112, 0),
        sky=gradient((0.75, 0.7, 0.6), (0.9, 0.9, 0.9)),
        field_of_view=33,
    )


def _printed(x: float, z: float) -> Texture:
    """A label with a dark badge on its front and bands above and below."""

    def pattern(p: Array) -> Array:
        badge = ((p[0] - x) ** 2 + (p[1] - 0.075) ** 2 < 0.014**2) & (p[2] > z)
        band = np.abs(np.abs(p[1] - 0.075) - 0.023) < 0.0025
        return np.where(badge | band, 0.25, 1.0)

    return pattern


def insect(random: Random) -> Scene:
    """A ladybug on a leaf."""
    shell = ellipsoid(1.0, 0.75, 0.85) & box(3, 2, 3).at(0, 1.0, 0)
    dots = union(
        [
            sphere(0.17).at(x, y, z)
            for x, y, z in ((0.45, 0.6, 0.28), (-0.1, 0.66, 0.4), (-0.6, 0.5, 0.3), (0.1, 0.35, 0.72))
        ]
    )
    dots = (
        dots
        | union([sphere(0.17).at(x, y, -z) for x, y, z in ((0.45, 0.6, 0.28), (-0.1, 0.66, 0.4), (-0.6, 0.5, 0.3))])
    ) & (ellipsoid(1.015, 0.765, 0.865))
    seam = box(1.9, 2, 0.03) & ellipsoid(1.01, 0.76, 0.86)
    head = ellipsoid(0.36, 0.32, 0.45).at(1.05, 0.24, 0)
    eyes = sphere(0.1).at(1.2, 0.42, 0.3) | sphere(0.1).at(1.2, 0.42, -0.3)
    legs = union(
        [
            capsule((x, 0.1, side * 0.6), (x + 0.15, -0.1, side * 1.15), 0.06)
            for x in (-0.5, 0.15, 0.7)
            for side in (-1, 1)
        ]
        + [capsule((1.3, 0.4, s * 0.1), (1.7, 0.75, s * 0.35), 0.025) for s in (-1, 1)]
    )

    def veins(p: Array) -> Array:
        ribs = np.abs(np.sin((np.abs(p[2]) * 1.2 + p[0]) * 2.2)) < 0.07
        return np.where(ribs | (np.abs(p[2] + 0.4) < 0.06), 1.5, 1) * (0.75 + 0.5 * clouds(p, 3, 3))

    turn = float(random.uniform(-50, 50))

    def posed(shape: Shape) -> Shape:
        return shape.turned("y", turn)

    return Scene(
        bodies=[
            body(posed(shell), random.choice([(0.75, 0.03, 0.01), (0.8, 0.2, 0.01)]), shine=0.9, mirror=0.15),
            body(posed(dots | seam | head | legs), _BLACK, shine=0.4),
            body(posed(eyes), (0.85, 0.85, 0.8)),
            floor(-0.12, (0.13, 0.36, 0.05), texture=veins, bumps=lambda p: 0.05 * noise(p * 3, 1)),
        ],
        eye=(float(random.uniform(-0.8, 0.8)), 2.2, 4.2),
        target=(0.1, 0.25, 0),
        sky=gradient((0.3, 0.5, 0.15), (0.6, 0.75, 0.4)),
        field_of_view=38,
        haze_m=14,
    )

"""Scenes of animals: a songbird on its branch, a frog on a lily pad, a ladybug on a leaf."""

import numpy as np

from .render import Scene, body, floor
from .shapes import Array, Shape, box, capsule, cone, cylinder, ellipsoid, sphere, union
from .textures import clouds, gradient, noise, speckled

_BLACK = (0.012, 0.012, 0.012)

Random = np.random.Generator


def bird(random: Random) -> Scene:
    """A songbird on a branch, before a garden out of focus."""
    back, breast = [
        ((0.16, 0.1, 0.06), (0.75, 0.22, 0.04)),
        ((0.05, 0.14, 0.4), (0.8, 0.7, 0.5)),
        ((0.5, 0.42, 0.05), (0.75, 0.65, 0.1)),
    ][random.integers(3)]
    trunk = ellipsoid(0.75, 0.52, 0.5).turned("z", 28)
    head = sphere(0.36).at(0.68, 0.62, 0)
    plumage = trunk.blended(head, 0.35)
    front = plumage & ellipsoid(0.75, 0.85, 0.6).at(0.75, -0.05, 0)
    wing = ellipsoid(0.62, 0.28, 0.1).turned("z", 30).at(-0.25, 0.06, 0.44)
    tail = box(0.95, 0.07, 0.26, 0.03).turned("z", 24).at(-1.0, -0.42, 0)
    beak = cone(0.1, 0.01, 0.3).turned("z", -95).at(1.12, 0.6, 0)
    eyes = union([sphere(0.06).at(0.83, 0.7, side * 0.3) for side in (-1, 1)])
    legs = union([capsule((0.05, -0.4, z), (0.1, -0.85, z), 0.035) for z in (-0.15, 0.15)])
    branch = capsule((-4, -1.2, 0), (4, -0.85, 0), 0.13, 0.09) | capsule((1.2, -0.95, 0), (2.8, 0.4, -0.6), 0.07, 0.03)
    leaves = union(
        [
            ellipsoid(0.28, 0.03, 0.13).turned("z", a).at(x, y, -0.4)
            for a, x, y in ((40, 2.3, 0.3), (-20, 2.0, -0.35), (70, 1.6, 0.1))
        ]
    )
    turn = float(random.uniform(-25, 25))

    def posed(shape: Shape) -> Shape:
        return shape.turned("y", turn)

    seed = int(random.integers(99))

    def garden(d: Array) -> Array:
        soft = clouds(d * 2.5, 2, seed)
        return (np.array([[0.16], [0.34], [0.1]]) + soft * np.array([[0.35], [0.4], [0.25]])).astype(np.float32)

    return Scene(
        bodies=[
            body(posed(plumage), back, texture=speckled(0.12, 0.25)),
            body(posed(front.blended(front, 0.04)), breast, texture=speckled(0.1, 0.2)),
            body(posed(wing | tail), tuple(0.6 * part for part in back), texture=speckled(0.08, 0.4)),
            body(posed(beak | legs), (0.12, 0.09, 0.05)),
            body(posed(eyes), _BLACK, shine=1.0),
            body(branch, (0.14, 0.09, 0.05), texture=speckled(0.15, 0.5)),
            body(leaves, (0.1, 0.3, 0.04)),
        ],
        eye=(0.1, 0.3, 5.2),
        target=(0.05, 0.0, 0),
        sky=garden,
        field_of_view=38,
    )


def frog(random: Random) -> Scene:
    """A frog sitting on a lily pad."""
    skin = random.choice([(0.14, 0.34, 0.05), (0.24, 0.26, 0.07)])
    trunk = ellipsoid(0.95, 0.52, 0.68).turned("z", 22).at(-0.1, 0.42, 0)
    head = ellipsoid(0.52, 0.34, 0.55).at(0.72, 0.72, 0)
    thighs = union([ellipsoid(0.6, 0.3, 0.26).turned("z", 35).at(-0.45, 0.3, side * 0.68) for side in (-1, 1)])
    shins = union([capsule((-0.1, 0.5, s * 0.78), (-0.6, 0.08, s * 0.9), 0.14, 0.1) for s in (-1, 1)])
    feet = union(
        [
            capsule((-0.6, 0.06, s * 0.9), (0.05, 0.04, s * (0.95 + t)), 0.07, 0.03)
            for s in (-1, 1)
            for t in (-0.12, 0.1, 0.3)
        ]
    )
    arms = union([capsule((0.45, 0.45, s * 0.45), (0.62, 0.07, s * 0.62), 0.13, 0.08) for s in (-1, 1)])
    fingers = union(
        [
            capsule((0.62, 0.06, s * 0.62), (0.92, 0.03, s * (0.55 + t)), 0.05, 0.025)
            for s in (-1, 1)
            for t in (0, 0.15, 0.3)
        ]
    )
    lids = union([sphere(0.19).at(0.68, 0.98, s * 0.32) for s in (-1, 1)])
    eyes = union([sphere(0.155).at(0.73, 1.01, s * 0.38) for s in (-1, 1)])
    pupils = union([ellipsoid(0.08, 0.05, 0.06).at(0.8, 1.02, s * 0.49) for s in (-1, 1)])
    mouth = ellipsoid(0.53, 0.02, 0.56).at(0.725, 0.62, 0)
    pad = cylinder(2.2, 0.08, 0.03).at(0.1, -0.04, 0)
    turn = float(random.uniform(-60, -10))

    def posed(shape: Shape) -> Shape:
        return shape.turned("y", turn)

    def blotches(p: Array) -> Array:
        return 0.6 + 0.9 * np.clip(clouds(p * 3.5, 3, 4) * 2 - 0.6, 0, 1)

    def veins(p: Array) -> Array:
        return 0.8 + 0.35 * (np.abs(np.sin(9 * np.arctan2(p[2], p[0] - 0.1))) < 0.12) + 0.2 * clouds(p * 2, 2, 1)

    return Scene(
        bodies=[
            body(posed(trunk.blended(head, 0.3) | thighs | lids), skin, texture=blotches, shine=0.25),
            body(posed(shins | feet | arms | fingers), skin, texture=blotches, shine=0.15),
            body(posed(eyes), (0.75, 0.55, 0.08), shine=0.6),
            body(posed(pupils | mouth), _BLACK, shine=0.5),
            body(pad, (0.1, 0.3, 0.06), texture=veins),
            floor(-0.1, (0.03, 0.09, 0.08), mirror=0.5, bumps=lambda p: 0.06 * noise(p * 2.5, 2)),
        ],
        eye=(float(random.uniform(-0.5, 0.5)), 1.7, 4.3),
        target=(0.05, 0.4, 0),
        sky=gradient((0.35, 0.5, 0.3), (0.5, 0.65, 0.6)),
        field_of_view=38,
    )


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

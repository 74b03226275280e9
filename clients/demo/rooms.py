"""Scenes within four walls, as a depth camera at arm's reach sees them: kitchen, office, workshop."""

import numpy as np

from .render import Body, Scene, body, floor, wall
from .shapes import Shape, box, capsule, cone, cylinder, ellipsoid, repeated, sphere, torus, union
from .textures import grain, speckled, studio, tiles

_OAK = (0.5, 0.3, 0.14)
_BLACK = (0.02, 0.02, 0.022)
_STEEL = (0.5, 0.51, 0.53)
_WALL = (0.62, 0.61, 0.57)

Random = np.random.Generator


def kitchen(random: Random) -> Scene:
    """A fitted kitchen with a table and chairs."""
    front = random.choice([(0.5, 0.03, 0.03), (0.42, 0.2, 0.07), (0.55, 0.3, 0.03)])
    table_x, table_z = float(random.uniform(-0.6, 0.6)), float(random.uniform(0.1, 0.5))
    doors = repeated(box(0.56, 0.76, 0.03, 0.004), (0.6, 1, 1), (7, 1, 1)).at(0, 0.5, -1.37)
    handles = repeated(box(0.16, 0.015, 0.02), (0.6, 1, 1), (7, 1, 1)).at(0, 0.82, -1.34)
    hanging = repeated(box(0.57, 0.6, 0.34, 0.004), (0.6, 1, 1), (7, 1, 1)).at(0, 1.85, -1.82)
    sink = box(0.5, 0.16, 0.36, 0.03).at(0.75, 0.92, -1.66)
    tap = capsule((0.75, 0.92, -1.88), (0.75, 1.2, -1.88), 0.015) | capsule(
        (0.75, 1.2, -1.88), (0.75, 1.16, -1.7), 0.013
    )
    rings = union([cylinder(0.09, 0.01).at(-0.85 + dx, 0.925, -1.68 + dz) for dx in (0, 0.25) for dz in (-0.1, 0.13)])
    kettle = (cone(0.09, 0.06, 0.2, 0.01) | torus(0.06, 0.012).turned("x", 90).at(0.09, 0, 0)).at(-0.2, 1.02, -1.7)
    pot = (cylinder(0.1, 0.13, 0.01) | box(0.28, 0.02, 0.03).at(0, 0.04, 0)).at(-0.85, 0.995, -1.55)
    return Scene(
        bodies=[
            *_table(table_x, table_z),
            body(_chair().turned("y", 205).at(table_x - 0.35, 0, table_z - 0.72), _OAK),
            body(_chair().turned("y", 165).at(table_x + 0.4, 0, table_z - 0.78), _OAK),
            body(box(4.3, 0.82, 0.6).at(0, 0.45, -1.69), (0.3, 0.29, 0.28)),
            body(doors, front, shine=0.2),
            body(handles, _STEEL, mirror=0.4),
            body((box(4.3, 0.04, 0.66).at(0, 0.9, -1.67)) - sink, (0.06, 0.06, 0.065), shine=0.3),
            body(hanging, front, shine=0.15),
            body(tap | kettle | pot, _STEEL, mirror=0.5, shine=0.4),
            body(rings, _BLACK),
            *_crockery(random, table_x, table_z),
            *_walls(_WALL, back=-2.0),
            floor(0, (0.3, 0.28, 0.26), texture=tiles(0.4, 0.02, 0.6)),
        ],
        eye=(float(random.uniform(-0.9, 0.9)), float(random.uniform(1.45, 1.65)), 1.75),
        target=(float(random.uniform(-0.4, 0.4)), 0.85, -1.2),
        **_indoors(),
    )


def office(random: Random) -> Scene:
    """A desk with a screen, a swivel chair, shelves and a sofa."""
    screen = box(0.6, 0.36, 0.03, 0.004).at(0.1, 1.05, -1.62)
    foot = box(0.06, 0.2, 0.03).at(0.1, 0.83, -1.65) | box(0.24, 0.015, 0.16).at(0.1, 0.745, -1.62)
    legs = union([box(0.05, 0.72, 0.05).at(x, 0.36, z) for x in (-0.75, 0.95) for z in (-1.8, -1.15)])
    keys = repeated(box(0.016, 0.01, 0.016, 0.002), (0.02, 1, 0.02), (16, 1, 5)).at(0.1, 0.755, -1.32)
    swivel_x, turn = float(random.uniform(-0.4, 0.5)), float(random.uniform(120, 240))
    swivel = union(
        [
            box(0.48, 0.08, 0.46, 0.03).at(0, 0.48, 0),
            box(0.44, 0.5, 0.06, 0.03).at(0, 0.82, -0.22),
            cylinder(0.03, 0.4).at(0, 0.26, 0),
            *[capsule((0, 0.08, 0), (0.3 * np.cos(a), 0.04, 0.3 * np.sin(a)), 0.025) for a in np.arange(5) * 1.2566],
        ]
    ).turned("y", turn)
    sofa = box(0.8, 0.42, 1.3, 0.08).at(-1.75, 0.21, -0.3) | box(0.24, 0.85, 1.3, 0.09).at(-2.1, 0.42, -0.3)
    cushions = box(0.7, 0.14, 0.6, 0.06).at(-1.7, 0.45, -0.62) | box(0.7, 0.14, 0.6, 0.06).at(-1.7, 0.45, 0.02)
    shelf = union([box(0.9, 0.03, 0.3).at(1.75, y, -1.8) for y in (0.35, 0.75, 1.15, 1.55, 1.95)])
    shelf = shelf | box(0.03, 2.0, 0.3).at(1.3, 1, -1.8) | box(0.03, 2.0, 0.3).at(2.2, 1, -1.8)
    lamp = capsule((0.75, 0.74, -1.7), (0.72, 1.12, -1.7), 0.012) | cone(0.09, 0.04, 0.1).at(0.66, 1.13, -1.62)
    return Scene(
        bodies=[
            body(box(1.85, 0.035, 0.85).at(0.1, 0.72, -1.5), _OAK, texture=grain((0.6, 1, 0.04), 0.3)),
            body(legs | foot | lamp, _STEEL),
            body(screen, _BLACK, shine=0.2),
            body(box(0.56, 0.32, 0.004).at(0.1, 1.05, -1.603), (0.15, 0.35, 0.6), texture=speckled(0.2, 0.6), glow=0.6),
            body(keys, (0.06, 0.06, 0.06)),
            body(swivel.at(swivel_x, 0, -0.75), (0.05, 0.05, 0.06)),
            body(sofa | cushions, (0.6, 0.5, 0.32), texture=speckled(0.3, 0.15)),
            body(shelf, (0.6, 0.58, 0.55)),
            *_books(random),
            body(cone(0.12, 0.16, 0.28).at(-0.95, 0.14, -1.75), (0.35, 0.15, 0.08)),
            body(
                union([ellipsoid(0.05, 0.4, 0.16).turned("z", a).at(-0.95, 0.55, -1.75) for a in (-40, -15, 12, 38)]),
                (0.06, 0.2, 0.05),
            ),
            *_walls(_WALL, back=-2.0),
            floor(0, (0.05, 0.09, 0.3), texture=speckled(0.05, 0.5)),
        ],
        eye=(float(random.uniform(-0.5, 0.9)), float(random.uniform(1.4, 1.65)), 1.6),
        target=(float(random.uniform(-0.5, 0.4)), 0.75, -1.3),
        **_indoors(),
    )


def workshop(random: Random) -> Scene:
    """A laboratory: a wide, bare floor, steel benches and trolleys along the far wall."""
    bench = union([box(1.5, 0.05, 0.7).at(0, 0.9, 0), box(1.4, 0.03, 0.6).at(0, 0.25, 0)])
    legs = union([cylinder(0.03, 0.9).at(x, 0.45, z) for x in (-0.68, 0.68) for z in (-0.28, 0.28)])
    stand = cylinder(0.04, 1.5).at(0, 0.8, 0) | box(0.35, 0.12, 0.3, 0.02).at(0, 1.5, 0)
    base = union(
        [capsule((0, 0.12, 0), (0.36 * np.cos(a), 0.07, 0.36 * np.sin(a)), 0.045) for a in np.arange(4) * 1.571 + 0.6]
    )
    castors = union([sphere(0.05).at(0.38 * np.cos(a), 0.05, 0.38 * np.sin(a)) for a in np.arange(4) * 1.571 + 0.6])
    near_x, near_z = float(random.uniform(-1.0, 1.0)), float(random.uniform(-1.6, -0.6))
    crates = [
        body(box(0.45, 0.35, 0.35, 0.01).at(x, 1.1, -4.4), colour)
        for x, colour in ((-1.9, (0.5, 0.28, 0.1)), (0.1, (0.7, 0.6, 0.1)), (1.9, (0.3, 0.32, 0.35)))
    ]
    return Scene(
        bodies=[
            *[body((bench | legs).at(x, 0, -4.4), _STEEL, shine=0.2) for x in (-1.9, 0.1, 2.1)],
            *crates,
            body((stand | base | castors).at(near_x, 0, near_z), (0.04, 0.04, 0.045), shine=0.2),
            body((stand | base | castors).at(-near_x * 0.8 - 0.4, 0, -3.2), (0.55, 0.55, 0.56)),
            *_walls((0.6, 0.5, 0.36), back=-5.2, side=4.0),
            floor(0, (0.13, 0.22, 0.16), texture=speckled(0.3, 0.15), mirror=0.1),
        ],
        eye=(float(random.uniform(-0.4, 0.4)), float(random.uniform(1.2, 1.5)), 1.0),
        target=(float(random.uniform(-0.4, 0.4)), 0.2, -2.2),
        **_indoors(),
    )


def _indoors() -> dict:
    """Light from lamps overhead, and the width of view of a depth camera."""
    return {
        "sky": studio(0.6),
        "sun": (0.3, 0.9, 0.5),
        "sunlight": (0.55, 0.52, 0.46),
        "skylight": 0.5,
        "field_of_view": 56,
    }


def _walls(colour: tuple[float, float, float], back: float, side: float = 2.4, **paint: object) -> list[Body]:
    return [
        wall((0, 0, 1), back, colour, **paint),
        wall((1, 0, 0), -side, colour),
        wall((-1, 0, 0), -side, colour),
        wall((0, -1, 0), -2.6, (0.75, 0.75, 0.73)),
    ]


def _table(x: float, z: float) -> list[Body]:
    legs = union([box(0.07, 0.72, 0.07).at(x + dx, 0.36, z + dz) for dx in (-0.6, 0.6) for dz in (-0.38, 0.38)])
    top = box(1.35, 0.04, 0.9, 0.008).at(x, 0.74, z)
    return [body(top, (0.6, 0.38, 0.18), texture=grain((0.7, 1, 0.05), 0.3)), body(legs, _OAK)]


def _chair() -> Shape:
    """A wooden chair with a slatted back, facing +z."""
    legs = union([box(0.04, 0.45, 0.04).at(x, 0.225, z) for x in (-0.19, 0.19) for z in (-0.19, 0.19)])
    posts = union([box(0.04, 0.5, 0.04).at(x, 0.68, -0.19) for x in (-0.19, 0.19)])
    slats = repeated(box(0.36, 0.05, 0.02), (1, 0.1, 1), (1, 4, 1)).at(0, 0.75, -0.19)
    return legs | posts | slats | box(0.44, 0.035, 0.44, 0.01).at(0, 0.46, 0)


def _crockery(random: Random, x: float, z: float) -> list[Body]:
    """A few cups and plates on the table."""
    colours = [(0.75, 0.75, 0.73), (0.1, 0.25, 0.5), (0.6, 0.1, 0.08)]
    bodies = []
    for number in range(3):
        dx, dz = float(-0.4 + 0.4 * number + random.uniform(-0.1, 0.1)), float(random.uniform(-0.3, 0.1))
        cup = (cylinder(0.04, 0.09, 0.004) - cylinder(0.034, 0.09).at(0, 0.02, 0)) | torus(0.028, 0.007).turned(
            "x", 90
        ).at(0.045, 0, 0)
        plate = cone(0.06, 0.11, 0.02).at(0, -0.035, 0)
        bodies.append(body((cup | plate).at(x + dx, 0.81, z + dz), colours[number], shine=0.3))
    return bodies


def _books(random: Random) -> list[Body]:
    """Rows of books: a body a colour, so that each is marched once."""
    colours = [(0.45, 0.06, 0.05), (0.06, 0.18, 0.4), (0.6, 0.5, 0.25), (0.1, 0.28, 0.15)]
    books: list[list[Shape]] = [[] for _ in colours]
    for y in (0.365, 0.765, 1.165, 1.565):
        x = 1.34
        while x < 2.1:
            width, height = float(random.uniform(0.03, 0.06)), float(random.uniform(0.2, 0.3))
            books[random.integers(len(colours))].append(
                box(width * 0.95, height, 0.2).at(x + width / 2, y + height / 2, -1.8)
            )
            x += width
    return [body(union(row), colour) for row, colour in zip(books, colours, strict=True) if row]

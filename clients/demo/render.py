"""A small ray caster: scenes of solids to pictures and to exact depth.

Rays are marched through each body's distance field inside its bounding sphere; planes are met in closed form. One
sun with shadows, light from the sky, shine, reflections of the sky, and haze. Seconds a picture on one core.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .shapes import Array, Shape, Vector

Texture = Callable[[Array], Array]  # points (3, N) -> colours (3, N) or brightness (N,)

_STEPS = 96
_SAMPLES = 2  # rays a pixel, each way
FARTHEST_M = 65.0  # beyond it a depth map says "unseen"; 16-bit millimetres end at 65.535


@dataclass(frozen=True)
class Paint:
    """What a surface looks like. Colours are linear light, 0 to 1."""

    colour: Vector = (0.8, 0.8, 0.8)
    texture: Texture | None = None  # multiplies the colour
    bumps: Callable[[Array], Array] | None = None  # height in metres, bends the normal
    shine: float = 0.0  # strength of the sun's highlight
    mirror: float = 0.0  # share of the sky reflected at a grazing view; a fifth of it head-on
    glow: float = 0.0  # light of its own, times its colour


@dataclass(frozen=True)
class Plane:
    """A flat surface without end: the points whose product with the unit normal is `offset` metres."""

    facing: Vector
    offset: float

    def reach(self, origins: Array, directions: Array) -> Array:
        """Metres along each ray to the surface; infinite where it is not met. (3, N) twice -> (N,)."""
        normal = np.array(self.facing, np.float32)
        towards = normal @ directions
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (self.offset - normal @ origins) / towards
        return np.where((towards < 0) & (far > 0), far, np.inf).astype(np.float32)

    def normals(self, points: Array) -> Array:
        return np.repeat(np.array(self.facing, np.float32)[:, None], points.shape[1], axis=1)


@dataclass(frozen=True)
class Solid:
    """A shape that rays can meet."""

    shape: Shape

    def reach(self, origins: Array, directions: Array) -> Array:
        """As `Plane.reach`, by sphere tracing between the points where a ray enters and leaves the bounding sphere."""
        far = np.full(directions.shape[1], np.inf, np.float32)
        offset = origins - self.shape.centre[:, None]
        along = _product(offset, directions)
        inside = along**2 - _product(offset, offset) + (self.shape.radius * 1.001) ** 2
        root = np.sqrt(np.maximum(inside, 0))
        rays = np.flatnonzero((inside > 0) & (root > along))
        travelled, leaves = np.maximum(-along - root, 0)[rays], (root - along)[rays]
        starts, headings = np.broadcast_to(origins, directions.shape)[:, rays], directions[:, rays]
        close = min(1e-4 * self.shape.radius, 5e-4)
        for _ in range(_STEPS):
            gap = self.shape.distance(starts + headings * travelled)
            met = gap < close
            far[rays[met]] = travelled[met]
            travelled = travelled + gap
            alive = ~met & (travelled < leaves)
            if not alive.any():
                break
            rays, travelled, leaves = rays[alive], travelled[alive], leaves[alive]
            starts, headings = starts[:, alive], headings[:, alive]
        return far

    def normals(self, points: Array) -> Array:
        """Outward unit normals from four samples of the field at a tetrahedron's corners."""
        step = 1e-3 * min(self.shape.radius, 1.0)
        corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)
        gradient = sum(c[:, None] * self.shape.distance(points + step * c[:, None]) for c in corners)
        return _unit(gradient)


@dataclass(frozen=True)
class Body:
    surface: Solid | Plane
    paint: Paint


@dataclass(frozen=True)
class Scene:
    """Bodies under a sky, seen by a camera."""

    bodies: Sequence[Body]
    eye: Vector
    target: Vector
    sky: Texture  # directions (3, N) -> colours (3, N)
    sun: Vector = (0.5, 0.8, 0.4)  # towards it
    sunlight: Vector = (1.0, 0.95, 0.85)
    skylight: float = 0.45  # of the sky's light from above
    field_of_view: float = 40.0  # degrees, across
    haze_m: float = 0.0  # distance over which two thirds of the light is lost to haze; 0: clear air
    noise: float = 0.008  # of the camera
    finish: Callable[[Array, np.random.Generator], Array] | None = field(default=None)  # on the picture, linear light


def body(shape: Shape, colour: Vector, **paint: object) -> Body:
    """A solid with a paint."""
    return Body(Solid(shape), Paint(colour, **paint))


def floor(height: float, colour: Vector, **paint: object) -> Body:
    """Level ground."""
    return Body(Plane((0, 1, 0), height), Paint(colour, **paint))


def wall(facing: Vector, offset: float, colour: Vector, **paint: object) -> Body:
    return Body(Plane(facing, offset), Paint(colour, **paint))


def picture(scene: Scene, size: int, random: np.random.Generator) -> Array:
    """A photograph of the scene: uint8 (size, size, 3), sRGB. The generator gives the camera's grain and the finish."""
    eye, directions, _ = _camera(scene, size * _SAMPLES)
    light = np.clip(_look(scene, eye, directions), 0, 4)
    light = light.reshape(3, size, _SAMPLES, size, _SAMPLES).mean(axis=(2, 4)).transpose(1, 2, 0)
    if scene.finish:
        light = scene.finish(light, random)
    light = light + random.normal(0, scene.noise, light.shape) * np.sqrt(np.maximum(light, 0.02))
    encoded = np.clip(light, 0, 1) ** (1 / 2.2)
    return (encoded * 255 + 0.5).astype(np.uint8)


def depth(scene: Scene, size: int) -> Array:
    """Exact depth of the same view: float32 (size, size), metres along the optical axis, 0 where nothing is seen."""
    eye, directions, forward = _camera(scene, size)
    far, _ = _first_met(scene, eye, directions)
    metres = np.where(np.isfinite(far), far, 0) * (forward @ directions)
    return np.where(metres <= FARTHEST_M, metres, 0).reshape(size, size).astype(np.float32)


def _camera(scene: Scene, size: int) -> tuple[Array, Array, Array]:
    """The eye (3, 1), a unit direction for each pixel's centre (3, size * size) row by row, and the optical axis."""
    eye = np.array(scene.eye, np.float32)[:, None]
    forward = _unit(np.array(scene.target, np.float32) - eye[:, 0])
    right = _unit(np.cross(forward, [0, 1, 0]))
    up = np.cross(right, forward)
    reach = np.tan(np.radians(scene.field_of_view) / 2)
    steps = ((np.arange(size) + 0.5) / size * 2 - 1) * reach
    across, down = np.meshgrid(steps, steps)
    directions = forward[:, None] + right[:, None] * across.ravel() - up[:, None] * down.ravel()
    return eye, _unit(directions).astype(np.float32), forward


def _first_met(scene: Scene, origins: Array, directions: Array) -> tuple[Array, Array]:
    """Distance to the nearest body along each ray (inf: none) and which one (-1: none)."""
    nearest = np.full(directions.shape[1], np.inf, np.float32)
    which = np.full(directions.shape[1], -1)
    for number, item in enumerate(scene.bodies):
        far = item.surface.reach(origins, directions)
        closer = far < nearest
        nearest[closer], which[closer] = far[closer], number
    return nearest, which


def _look(scene: Scene, eye: Array, directions: Array) -> Array:
    """The light that comes along each ray: (3, N)."""
    light = scene.sky(directions)
    far, which = _first_met(scene, eye, directions)
    for number, item in enumerate(scene.bodies):
        seen = np.flatnonzero(which == number)
        if len(seen):
            headings = directions[:, seen]
            colours = _shade(scene, item, eye + headings * far[seen], headings)
            if scene.haze_m:
                clear = np.exp(-far[seen] / scene.haze_m)
                colours = colours * clear + light[:, seen] * (1 - clear)
            light[:, seen] = colours
    return light


def _shade(scene: Scene, item: Body, points: Array, headings: Array) -> Array:
    paint = item.paint
    normals = item.surface.normals(points)
    if paint.bumps:
        normals = _bent(normals, points, paint.bumps)
    colour = np.array(paint.colour, np.float32)[:, None] * (paint.texture(points) if paint.texture else 1.0)
    sun = _unit(np.array(scene.sun, np.float32))
    facing = np.maximum(sun @ normals, 0)
    lit = np.zeros(points.shape[1], np.float32)
    towards = np.flatnonzero(facing > 0)
    lit[towards] = facing[towards] * ~_shadowed(scene, points[:, towards] + normals[:, towards] * 2e-3, sun)
    sunlight = np.array(scene.sunlight, np.float32)[:, None] * lit
    above = scene.skylight * (0.65 + 0.35 * normals[1])
    light = colour * (sunlight + above + paint.glow)
    mirrored = headings - 2 * normals * _product(headings, normals)
    if paint.shine:
        light = light + paint.shine * np.maximum(sun @ mirrored, 0) ** 40 * (lit > 0)
    if paint.mirror:
        grazing = (1 + np.minimum(_product(headings, normals), 0)) ** 3
        share = paint.mirror * (0.2 + 0.8 * grazing)
        light = light * (1 - share) + scene.sky(mirrored) * share
    return light


def _shadowed(scene: Scene, points: Array, sun: Array) -> Array:
    """Whether a solid stands between each point and the sun: bool (N,). Planes and lights cast no shadow."""
    dark = np.zeros(points.shape[1], bool)
    headings = np.repeat(sun[:, None], points.shape[1], axis=1)
    for item in scene.bodies:
        if isinstance(item.surface, Solid) and not item.paint.glow:
            open_sky = np.flatnonzero(~dark)
            dark[open_sky] = np.isfinite(item.surface.reach(points[:, open_sky], headings[:, open_sky]))
    return dark


def _bent(normals: Array, points: Array, bumps: Callable[[Array], Array]) -> Array:
    step = 2e-3
    here = bumps(points)
    offsets = np.eye(3, dtype=np.float32) * step
    slope = np.stack([(bumps(points + offset[:, None]) - here) / step for offset in offsets])
    slope = slope - normals * _product(slope, normals)
    return _unit(normals - slope)


def _product(a: Array, b: Array) -> Array:
    """The inner product of vectors (3, N), written out: numpy sums along a short first axis slowly."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _unit(vectors: Array) -> Array:
    return vectors / np.sqrt(np.maximum(_product(vectors, vectors), 1e-18))

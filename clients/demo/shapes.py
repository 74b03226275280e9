"""Solids as signed distance fields: small functions of points that combine into things.

Metres, y up. A field takes points (3, N) and gives for each the distance to the surface, negative inside. Shapes
carry the sphere they fit in, so that a ray caster need march only the rays that meet it. After Hart, "Sphere
tracing" (1996).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Vector = Sequence[float]


@dataclass(frozen=True)
class Shape:
    """A solid and the sphere it fits in. `a | b` joins, `a - b` cuts away, `a & b` keeps what both hold."""

    distance: Callable[[Array], Array]  # (3, N) -> (N,)
    centre: Array  # (3,), of the bounding sphere
    radius: float  # of the bounding sphere

    def __or__(self, other: "Shape") -> "Shape":
        apart = float(np.linalg.norm(other.centre - self.centre))
        if apart + other.radius <= self.radius:
            centre, radius = self.centre, self.radius
        elif apart + self.radius <= other.radius:
            centre, radius = other.centre, other.radius
        else:
            radius = (apart + self.radius + other.radius) / 2
            centre = self.centre + (other.centre - self.centre) * ((radius - self.radius) / apart)
        return Shape(lambda p: np.minimum(self.distance(p), other.distance(p)), centre, radius)

    def __sub__(self, other: "Shape") -> "Shape":
        return Shape(lambda p: np.maximum(self.distance(p), -other.distance(p)), self.centre, self.radius)

    def __and__(self, other: "Shape") -> "Shape":
        smaller = min(self, other, key=lambda shape: shape.radius)
        return Shape(lambda p: np.maximum(self.distance(p), other.distance(p)), smaller.centre, smaller.radius)

    def at(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Shape":
        """The same solid, moved."""
        offset = np.array([x, y, z], np.float32)
        return Shape(lambda p: self.distance(p - offset[:, None]), self.centre + offset, self.radius)

    def turned(self, axis: str, degrees: float) -> "Shape":
        """The same solid, turned about the origin's x, y or z axis, counter-clockwise seen from its tip."""
        turn = rotation(axis, degrees)
        return Shape(lambda p: self.distance(turn.T @ p), turn @ self.centre, self.radius)

    def blended(self, other: "Shape", reach: float) -> "Shape":
        """The union, its seam rounded over `reach` metres (the polynomial smooth minimum)."""

        def distance(p: Array) -> Array:
            a, b = self.distance(p), other.distance(p)
            near = np.maximum(reach - np.abs(a - b), 0) / reach
            return np.minimum(a, b) - near * near * (reach / 4)

        joined = self | other
        return Shape(distance, joined.centre, joined.radius + reach / 4)


def rotation(axis: str, degrees: float) -> Array:
    """The matrix (3, 3) that turns points about an axis, counter-clockwise seen from its tip."""
    angle = np.radians(degrees)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    turn = np.eye(3, dtype=np.float32)
    turn[i, i] = turn[j, j] = np.cos(angle)
    turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
    return turn


def union(shapes: Sequence[Shape]) -> Shape:
    """Many solids as one."""
    joined = shapes[0]
    for shape in shapes[1:]:
        joined = joined | shape
    return joined


def sphere(radius: float) -> Shape:
    return _around_origin(lambda p: _length(*p) - radius, radius)


def ellipsoid(x: float, y: float, z: float) -> Shape:
    """An ellipsoid with these half axes. Its field is a lower bound near the surface, not the exact distance."""
    axes = np.array([[x], [y], [z]], np.float32)

    def distance(p: Array) -> Array:
        scaled = _length(*(p / axes))
        return scaled * (scaled - 1) / np.maximum(_length(*(p / axes**2)), 1e-6)

    return _around_origin(distance, max(x, y, z))


def box(width: float, height: float, depth: float, rounding: float = 0.0) -> Shape:
    """A box of these full sizes, its edges rounded with a radius."""
    half = (np.array([width, height, depth], np.float32) / 2 - rounding).tolist()

    def distance(p: Array) -> Array:
        x, y, z = (np.abs(part) - size for part, size in zip(p, half, strict=True))
        outside = _length(np.maximum(x, 0), np.maximum(y, 0), np.maximum(z, 0))
        return outside + np.minimum(np.maximum(np.maximum(x, y), z), 0) - rounding

    return _around_origin(distance, float(np.linalg.norm(half)) + rounding)


def cylinder(radius: float, height: float, rounding: float = 0.0) -> Shape:
    """An upright cylinder."""
    return cone(radius, radius, height, rounding)


def cone(bottom: float, top: float, height: float, rounding: float = 0.0) -> Shape:
    """An upright cone, cut off: its radii at the bottom and the top."""
    outline = [(0, -height / 2), (bottom, -height / 2), (top, height / 2), (0, height / 2)]
    return turned_profile([(max(r - rounding, 0), y * (1 - 2 * rounding / height)) for r, y in outline], rounding)


def torus(ring: float, tube: float) -> Shape:
    """A ring lying flat: the radius of its circle and of its tube."""
    return _around_origin(lambda p: _length(_length(p[0], p[2]) - ring, p[1]) - tube, ring + tube)


def capsule(start: Vector, end: Vector, radius: float, end_radius: float | None = None) -> Shape:
    """A round stick between two points; with an end radius it tapers (a lower bound then)."""
    a, b = np.array(start, np.float32), np.array(end, np.float32)
    along = b - a
    taper = (radius if end_radius is None else end_radius) - radius

    def distance(p: Array) -> Array:
        q = p - a[:, None]
        t = np.clip(along @ q / (along @ along), 0, 1)
        return _length(*(q - along[:, None] * t)) - radius - taper * t

    return Shape(distance, (a + b) / 2, float(np.linalg.norm(along)) / 2 + max(radius, radius + taper))


def prism(outline: Sequence[tuple[float, float]], thickness: float, rounding: float = 0.0) -> Shape:
    """A polygon in the x-y plane, drawn out along z to a full thickness, its edges rounded."""
    corners = np.array(outline, np.float32)

    def distance(p: Array) -> Array:
        flat = _polygon_distance(corners, p[0], p[1])
        deep = np.abs(p[2]) - (thickness / 2 - rounding)
        outside = _length(np.maximum(flat, 0), np.maximum(deep, 0))
        return outside + np.minimum(np.maximum(flat, deep), 0) - rounding

    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    spread = float(np.linalg.norm(corners - middle, axis=1).max())
    return Shape(
        distance,
        np.array([*middle, 0], np.float32),
        float(np.hypot(spread, thickness / 2)) + rounding,
    )


def turned_profile(outline: Sequence[tuple[float, float]], rounding: float = 0.0) -> Shape:
    """A line of (radius, y) points from axis to axis, turned about the y axis, as on a lathe; its edges rounded."""
    corners = np.array(outline, np.float32)

    def distance(p: Array) -> Array:
        return _polygon_distance(corners, _length(p[0], p[2]), p[1], closed=False) - rounding

    middle = float(corners[:, 1].min() + corners[:, 1].max()) / 2
    spread = float(np.hypot(corners[:, 0], corners[:, 1] - middle).max())
    return Shape(distance, np.array([0, middle, 0], np.float32), spread + rounding)


def repeated(shape: Shape, step: Vector, count: Sequence[int]) -> Shape:
    """Copies on a grid about the origin: `count` along x, y and z, `step` metres apart. Copies must not touch."""
    spacing = np.array(step, np.float32)[:, None]
    last = (np.array(count, np.float32)[:, None] - 1) / 2

    def distance(p: Array) -> Array:
        cell = np.clip(np.round(p / spacing + last), 0, 2 * last) - last
        return shape.distance(p - cell * spacing)

    extent = float(np.linalg.norm(spacing * last))
    return Shape(distance, shape.centre, shape.radius + extent)


def _polygon_distance(corners: Array, x: Array, y: Array, closed: bool = True) -> Array:
    """Signed distance to a polygon (M, 2), or to a line that the axis x = 0 closes; the sign by counting crossings."""
    squared = np.full(x.shape, np.inf, np.float32)
    inside = np.zeros(x.shape, bool)
    edges = list(zip(corners, np.roll(corners, -1, axis=0), strict=True))
    for (x0, y0), (x1, y1) in edges if closed else edges[:-1]:
        ex, ey = x1 - x0, y1 - y0
        dx, dy = x - x0, y - y0
        t = np.clip((dx * ex + dy * ey) / max(ex * ex + ey * ey, 1e-12), 0, 1)
        squared = np.minimum(squared, (dx - ex * t) ** 2 + (dy - ey * t) ** 2)
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (dx < ex * (dy / ey))
    return np.sqrt(squared) * np.where(inside, -1, 1).astype(np.float32)


def _length(*parts: Array) -> Array:
    return np.sqrt(sum(part * part for part in parts))


def _around_origin(distance: Callable[[Array], Array], radius: float) -> Shape:
    return Shape(distance, np.zeros(3, np.float32), float(radius))

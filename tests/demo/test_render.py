"""The ray caster against geometry that can be worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from anybind.clients.demo import media, render, shapes
from anybind.clients.demo.textures import studio

SIZE = 33  # odd, so that one pixel looks along the optical axis


def scene(*bodies: render.Body, eye=(0, 0, 5), target=(0, 0, 0), **given: object) -> render.Scene:
    return render.Scene(bodies=bodies, eye=eye, target=target, sky=studio(0.5), **given)


def test_depth_at_the_centre_is_the_distance_to_the_surface() -> None:
    ball = render.body(shapes.sphere(1.25), (1, 1, 1))
    assert render.depth(scene(ball), SIZE)[SIZE // 2, SIZE // 2] == pytest.approx(3.75, abs=1e-3)


def test_depth_is_along_the_optical_axis_so_a_facing_wall_is_equally_far_everywhere() -> None:
    facing = render.wall((0, 0, 1), -2.0, (1, 1, 1))
    np.testing.assert_allclose(render.depth(scene(facing), SIZE), 7.0, atol=1e-4)


def test_the_sky_and_what_lies_past_the_range_are_unseen() -> None:
    ground = render.floor(-1.0, (1, 1, 1))
    depth = render.depth(scene(ground), SIZE)
    assert (depth[: SIZE // 2] == 0).all()
    assert depth.max() <= render.FARTHEST_M
    assert depth[-1].min() > 0


def test_a_floor_has_the_depth_that_its_geometry_gives() -> None:
    ground = render.floor(-1.0, (1, 1, 1))
    depth = render.depth(scene(ground, field_of_view=90), SIZE)
    row = SIZE - 1
    below = ((row + 0.5) / SIZE * 2 - 1) * np.tan(np.radians(45))
    np.testing.assert_allclose(depth[row], 1.0 / below, rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "inside", "outside", "apart"),
    [
        (shapes.box(2, 2, 2), (0.5, 0, 0), (3, 0, 0), 2.0),
        (shapes.cylinder(1, 2), (0, 0.5, 0), (0, 3, 0), 2.0),
        (shapes.torus(2, 0.5), (2, 0, 0), (0, 0, 0), 1.5),
        (shapes.capsule((0, 0, 0), (0, 2, 0), 0.5), (0, 1, 0), (1.5, 1, 0), 1.0),
        (shapes.prism([(-1, -1), (1, -1), (1, 1), (-1, 1)], 2), (0.2, 0.2, 0.2), (2.5, 0, 0), 1.5),
        (shapes.sphere(1).at(0, 2, 0) | shapes.sphere(1), (0, 2, 0), (0, 4, 0), 1.0),
        (shapes.sphere(2) - shapes.sphere(1), (0, 1.5, 0), (0, 0, 0), 1.0),
        (shapes.repeated(shapes.sphere(0.2), (1, 1, 1), (3, 1, 1)), (-1, 0, 0), (1.5, 0, 0), 0.3),
        (shapes.box(4, 1, 1).turned("z", 90), (0, 1.9, 0), (1.5, 0, 0), 1.0),
    ],
)
def test_a_field_is_negative_inside_and_the_distance_outside(shape, inside, outside, apart) -> None:
    signed = shape.distance(np.array([inside, outside], np.float32).T)
    assert signed[0] < 0
    assert signed[1] == pytest.approx(apart, abs=1e-4)


def test_every_shape_stays_within_its_bounding_sphere() -> None:
    """Rays are marched inside the sphere only: what reaches out of it would be cut off."""
    random = np.random.default_rng(0)
    for make in {**media.CONCEPTS, **media.ROOMS}.values():
        for item in make(np.random.default_rng(1)).bodies:
            if isinstance(item.surface, render.Solid):
                shape = item.surface.shape
                away = random.standard_normal((3, 4000)).astype(np.float32)
                away *= shape.radius * random.uniform(1.002, 1.6, 4000) / np.linalg.norm(away, axis=0)
                assert (shape.distance(shape.centre[:, None] + away.astype(np.float32)) > 0).all(), make.__name__


def test_a_body_casts_a_shadow_away_from_the_sun() -> None:
    ball, ground = render.body(shapes.sphere(0.5).at(0, 1, 0), (1, 1, 1)), render.floor(0, (1, 1, 1))
    view = scene(ball, ground, eye=(0, 6, 0.01), sun=(1, 1, 0), noise=0.0)
    picture = render.picture(view, SIZE, np.random.default_rng(0)).astype(int)
    left, right = picture[SIZE // 2, 8], picture[SIZE // 2, SIZE - 9]
    assert left.sum() < right.sum() - 60


def test_a_picture_and_its_depth_show_the_same_outline() -> None:
    ball = render.body(shapes.sphere(1), (1, 0, 0), glow=1.0)
    view = scene(ball, noise=0.0)
    red = render.picture(view, 65, np.random.default_rng(0))[..., 2] < 100
    seen = render.depth(view, 65) > 0
    assert (red == seen).mean() > 0.97


def test_sample_media_are_the_same_every_time(tmp_path) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        media.write(folder, "pictures/fire_1.jpg")
        media.write(folder, "sounds/clock.wav")
    for file in ("pictures/fire_1.jpg", "sounds/clock.wav"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_sample_depth_map_is_16_bit_millimetres_of_its_picture(tmp_path) -> None:
    media.write(tmp_path, "depth/workshop_1.png")
    with Image.open(tmp_path / "depth/workshop_1.png") as image:
        assert image.mode == "I;16"
        millimetres = np.asarray(image)
    assert millimetres.shape == (media.SIZE, media.SIZE)
    assert 500 < np.median(millimetres) < 10_000

import io
from importlib.util import find_spec

import media
import numpy as np
import pytest
from PIL import Image

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import manifest_pb2
from anybind.server.decode import decode
from anybind.server.errors import BadShape, Empty, InvalidArgument, TooLarge, Undecodable
from anybind.server.limits import Limits

RECIPE = manifest_pb2.PictureRecipe(height=16, width=16, resample=manifest_pb2.RESAMPLE_BICUBIC)
IMAGE = manifest_pb2.Encoder(modality="image", picture=RECIPE)
GREY = manifest_pb2.Encoder(
    modality="thermal",
    grey=manifest_pb2.GreyRecipe(height=16, width=16, resample=manifest_pb2.RESAMPLE_BILINEAR),
)


def rows(data: bytes, encoder: manifest_pb2.Encoder = IMAGE, **limits: int) -> np.ndarray:
    return decode(encoder, pb.Item(modality=encoder.modality, data=data), Limits(**limits)).array


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_every_format_gives_one_rgb_row_of_the_recipe_s_size(format: str) -> None:
    row = rows(media.picture(format))
    assert row.shape == (1, 16, 16, 3)
    assert row.dtype == np.uint8


@pytest.mark.parametrize("size", [(16, 16), (40, 30), (30, 41), (17, 16), (200, 21), (33, 99)])
@pytest.mark.skipif(find_spec("torchvision") is None, reason="compares with torchvision, which is not installed")
def test_fitting_equals_torchvision_pixel_for_pixel(size: tuple[int, int]) -> None:
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

    data = media.picture(size=size)
    torchvision = Compose([Resize(16, InterpolationMode.BICUBIC), CenterCrop(16)])
    np.testing.assert_array_equal(rows(data)[0], np.asarray(torchvision(Image.open(io.BytesIO(data)))))


def test_a_picture_of_the_right_size_passes_untouched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(rows(media.encoded(Image.fromarray(pixels)))[0], pixels)
    np.testing.assert_array_equal(rows(media.npy(pixels))[0], pixels)


def test_the_centre_is_kept() -> None:
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, 16:32] = 255
    assert rows(media.npy(wide)).min() == 255


def test_a_photograph_taken_sideways_is_turned_upright() -> None:
    picture = Image.new("RGB", (16, 16))
    picture.paste("white", (0, 0, 16, 8))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn a quarter clockwise to see it"
    row = rows(media.encoded(picture, "PNG", exif=exif))[0]
    assert row[:, 12:].min() > 250
    assert row[:, :4].max() < 5


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_seen_over_white(mode: str) -> None:
    assert rows(media.encoded(Image.new(mode, (20, 20)), "PNG")).min() == 255


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_palette_and_line_art_become_rgb(mode: str) -> None:
    assert rows(media.picture(mode=mode)).shape == (1, 16, 16, 3)


def test_print_colours_become_rgb() -> None:
    assert rows(media.picture("JPEG", mode="CMYK")).shape == (1, 16, 16, 3)


def test_sixteen_bit_grey_keeps_its_high_byte() -> None:
    row = rows(media.depth_png(np.full((16, 16), 0x80FF)))
    assert (row == 0x80).all()


def test_sixty_thousand_squared_is_refused_by_its_header() -> None:
    with pytest.raises(TooLarge, match=r"3,600,000,000 pixels; the limit is 100,000,000"):
        rows(media.huge_png(60_000, 60_000))


def test_more_pixels_than_the_limit_are_refused_with_both_numbers() -> None:
    with pytest.raises(TooLarge, match=r"40 x 30, 1,200 pixels; the limit is 1,199"):
        rows(media.picture(), pixels=1_199)


def test_a_thread_of_a_picture_is_refused_before_it_is_scaled_up() -> None:
    with pytest.raises(TooLarge, match=r"1 x 60,000; with its short side scaled to 16"):
        rows(media.encoded(Image.new("L", (1, 60_000))), pixels=1_000_000)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_picture_cut_short_is_undecodable(format: str, share: float) -> None:
    data = media.picture(format)
    with pytest.raises(Undecodable, match="Send the whole file"):
        rows(data[: int(share * len(data))])


def test_no_bytes_are_empty() -> None:
    with pytest.raises(Empty, match="no bytes"):
        rows(b"")


def test_another_format_is_named_as_what_it_is_not() -> None:
    with pytest.raises(Undecodable, match="no readable JPEG, PNG, WEBP, GIF or BMP"):
        rows(media.encoded(Image.new("RGB", (20, 20)), "TIFF"))


def test_more_bytes_than_the_limit_are_refused_before_they_are_read() -> None:
    with pytest.raises(TooLarge, match="11 bytes; the limit is 10"):
        rows(b"not a thing", item_bytes=10)


def test_text_is_no_picture() -> None:
    with pytest.raises(InvalidArgument, match="send the file's bytes in the `data` field"):
        decode(IMAGE, pb.Item(modality="image", text="a dog"), Limits())


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros(9, np.uint8)]
)
def test_an_array_that_is_no_picture_is_refused_with_its_shape(array: np.ndarray) -> None:
    with pytest.raises(BadShape, match=r"a picture is uint8 \(H, W, 3\)"):
        rows(media.npy(array))


def test_a_colour_picture_is_seen_in_grey() -> None:
    row = rows(media.encoded(Image.new("RGB", (20, 24), (255, 0, 0))), GREY)
    assert row.shape == (1, 16, 16)
    assert (row == 76).all()  # the luma of red, ITU-R 601


def test_sixteen_bit_grey_has_no_scale_of_its_own() -> None:
    with pytest.raises(BadShape, match="16-bit counts; 8 bits are needed"):
        rows(media.depth_png(np.full((16, 16), 300)), GREY)

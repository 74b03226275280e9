"""Colour pictures: JPEG, PNG, WebP, GIF, BMP or `.npy` -> uint8 (1, height, width, 3), RGB."""

import io
import re
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from ...proto.v1.manifest_pb2 import PictureRecipe
from ..errors import BadShape, TooLarge, Undecodable
from ..limits import Limits
from .fit import check_pixels, fit
from .npy import is_npy, read_npy
from .rows import Rows

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = 1


def decode_picture(recipe: PictureRecipe, data: bytes, limits: Limits, what: str) -> Rows:
    """One row: the picture, upright, over white where it is transparent, fitted to the recipe.

    The first frame of an animation is taken. `.npy` is uint8 (H, W, 3) RGB or (H, W) grey.

    Raises:
      TooLarge: more pixels than the limit, found in the header.
      Undecodable: not one of the formats, or broken.
      BadShape: an array of another shape or type.
    """
    if is_npy(data):
        picture = _from_array(read_npy(data, what), limits, what)
    else:
        picture = to_rgb(open_picture(data, FORMATS, limits, what))
    fitted = fit(picture, recipe.height, recipe.width, recipe.resample, limits, what)
    return Rows(np.asarray(fitted, dtype=np.uint8)[None])  # (1, height, width, 3)


def open_picture(data: bytes, formats: Sequence[str], limits: Limits, what: str) -> Image.Image:
    """The decoded first frame, upright, in the mode it was stored in."""
    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        # Pillow's own check comes first where the picture is far over; it knows the number of pixels.
        pixels = int(re.search(r"\d+", str(error)).group())
        raise TooLarge(
            f"The {what} has {pixels:,} pixels; the limit is {limits.pixels:,}. Send a smaller one."
        ) from error
    except Exception as error:  # a plugin may fail in any way on bytes meant to harm
        raise Undecodable(
            f"The {what} is no readable {_listed(formats)}: {_reason(error)} ({len(data):,} bytes). "
            "Send the whole file."
        ) from error
    check_pixels(*picture.size, limits, what)
    try:
        picture.load()
        if picture.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT:
            picture = ImageOps.exif_transpose(picture)
    except MemoryError as error:
        raise TooLarge(f"The {what} needs more memory than a decoder may take. Send a smaller one.") from error
    except Exception as error:
        raise Undecodable(
            f"The {what} is a broken {picture.format}: {_reason(error)} ({len(data):,} bytes). Send the whole file."
        ) from error
    return picture


def to_rgb(picture: Image.Image) -> Image.Image:
    """Any mode Pillow opens -> RGB: transparency over white, 16-bit grey by its high byte."""
    if picture.mode.startswith("I"):
        counts = np.asarray(picture)
        return Image.fromarray((counts.clip(0, 0xFFFF) >> 8).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(paper, layered).convert("RGB")
    return picture.convert("RGB")


def _from_array(array: np.ndarray, limits: Limits, what: str) -> Image.Image:
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise BadShape(
            f"The {what} is an array {array.shape} of {array.dtype}; a picture is uint8 (H, W, 3), RGB, "
            "or (H, W), grey."
        )
    height, width = array.shape[:2]
    check_pixels(width, height, limits, what)
    return Image.fromarray(np.ascontiguousarray(array)).convert("RGB")


def _listed(formats: Sequence[str]) -> str:
    return " or ".join([", ".join(formats[:-1]), formats[-1]]) if len(formats) > 1 else formats[0]


def _reason(error: Exception) -> str:
    """What a library said, without the addresses of objects."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "it begins like none of these"
    return re.sub(r"<[^>]*>", "the bytes", str(error)) or type(error).__name__

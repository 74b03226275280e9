"""One-channel pictures, such as thermal ones: 8-bit pictures or `.npy` -> uint8 (1, height, width)."""

import numpy as np
from PIL import Image

from ...proto.v1.manifest_pb2 import GreyRecipe
from ..errors import BadShape
from ..limits import Limits
from .fit import check_pixels, fit
from .npy import is_npy, read_npy
from .picture import FORMATS, open_picture, to_rgb
from .rows import Rows


def decode_grey(recipe: GreyRecipe, data: bytes, limits: Limits, what: str) -> Rows:
    """One row: the picture's luma, fitted to the recipe. `.npy` is uint8 (H, W).

    Raises:
      BadShape: 16-bit counts, whose scale nobody but the caller knows, or an array of another shape or type.
      TooLarge, Undecodable: as for colour pictures.
    """
    if is_npy(data):
        array = read_npy(data, what)
        if array.dtype != np.uint8 or array.ndim != 2:
            raise BadShape(f"The {what} is an array {array.shape} of {array.dtype}; uint8 (H, W) is needed.")
        check_pixels(array.shape[1], array.shape[0], limits, what)
        picture = Image.fromarray(np.ascontiguousarray(array))
    else:
        picture = open_picture(data, FORMATS, limits, what)
        if picture.mode.startswith("I"):
            raise BadShape(
                f"The {what} has 16-bit counts; 8 bits are needed. Scale the range that matters to 0..255 first."
            )
        picture = to_rgb(picture).convert("L") if picture.mode != "L" else picture
    fitted = fit(picture, recipe.height, recipe.width, recipe.resample, limits, what)
    return Rows(np.asarray(fitted, dtype=np.uint8)[None])  # (1, height, width)

"""Depth maps: 16-bit PNG or `.npy` -> float32 (1, height, width), metres, 0 where the sensor saw nothing."""

import math

import numpy as np
from PIL import Image

from ...proto.v1.manifest_pb2 import RESAMPLE_NEAREST, DepthRecipe
from ..errors import BadShape, Empty, InvalidArgument
from ..limits import Limits
from .fit import check_pixels, fit
from .npy import is_npy, read_npy
from .picture import open_picture
from .rows import Rows

DEFAULT_UNIT_M = 0.001  # millimetres, as nearly every depth camera writes them


def decode_depth(recipe: DepthRecipe, data: bytes, unit_m: float, limits: Limits, what: str) -> Rows:
    """One row: the map in metres, fitted to the recipe. Integer values are multiplied by `unit_m`; 0: the default.

    Raises:
      BadShape: an 8-bit or colour picture, or an array that is not (H, W).
      InvalidArgument: negative depth, or a unit that is not above 0.
      NotFinite: NaN or infinity.
      Empty: no reading anywhere.
      TooLarge, Undecodable: as for pictures.
    """
    unit_m = unit_m or DEFAULT_UNIT_M
    if not (math.isfinite(unit_m) and unit_m > 0):
        raise InvalidArgument(f"The {what}'s depth_unit_m is {unit_m}; it must be above 0, such as 0.001.")
    values = _read(data, limits, what)
    if values.min() < 0:
        raise InvalidArgument(
            f"The {what}'s least value is {values.min():g}; depth is at least 0, and 0 where nothing was seen."
        )
    with np.errstate(over="ignore"):  # found out in the next line
        metres = values.astype(np.float32)
        metres *= np.float32(1 if values.dtype.kind == "f" else unit_m)
    if not np.isfinite(metres).all():
        raise InvalidArgument(f"The {what}'s largest value is {values.max():g}, beyond float32 metres.")
    if recipe.max_metres > 0:
        metres[metres > recipe.max_metres] = 0
    if not metres.any():
        within = f" within {recipe.max_metres:g} m" if recipe.max_metres > 0 else ""
        raise Empty(f"The {what} has no reading{within}: every value is 0. Check its unit, {unit_m:g} m per count.")
    return Rows(_fit(metres, recipe, limits, what)[None])  # (1, height, width)


def _read(data: bytes, limits: Limits, what: str) -> np.ndarray:
    if is_npy(data):
        values = read_npy(data, what)
        if values.ndim != 2:
            raise BadShape(f"The {what} is an array of shape {values.shape}; a depth map is (H, W).")
        check_pixels(values.shape[1], values.shape[0], limits, what)
        return values
    picture = open_picture(data, ("PNG",), limits, what)
    if not picture.mode.startswith("I"):
        raise BadShape(
            f"The {what} is a PNG of 8 bits a channel (mode {picture.mode}); depth needs one channel of 16 bits. "
            "Save counts as a 16-bit PNG, or metres as .npy."
        )
    return np.asarray(picture)


def _fit(metres: np.ndarray, recipe: DepthRecipe, limits: Limits, what: str) -> np.ndarray:
    """Unseen places take no part in an average, and stay unseen where most of what was averaged was."""

    def fitted(values: np.ndarray) -> np.ndarray:
        map_ = Image.fromarray(values)  # float32: mode "F"
        return np.asarray(fit(map_, recipe.height, recipe.width, recipe.resample, limits, what), dtype=np.float32)

    seen = metres > 0
    if recipe.resample == RESAMPLE_NEAREST or seen.all():
        return fitted(metres)
    weight = fitted(seen.astype(np.float32))
    averaged = fitted(metres)
    return np.where(weight > 0.5, averaged / np.maximum(weight, 0.5), 0).astype(np.float32)

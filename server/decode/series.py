"""Several channels sampled together, such as an IMU's: `.npy` (channels, samples) -> float32 (1, channels, samples)."""

import numpy as np

from ...proto.v1.manifest_pb2 import SeriesRecipe
from ..errors import BadShape, NotFinite, Undecodable
from .npy import is_npy, read_npy
from .rows import Rows


def decode_series(recipe: SeriesRecipe, data: bytes, what: str) -> Rows:
    """One row: a longer recording keeps its centre; a shorter one is padded with zeros at the end.

    Raises:
      Undecodable: not an `.npy` file.
      BadShape: another number of channels.
      NotFinite: NaN or infinity, also once the values are float32.
    """
    if not is_npy(data):
        raise Undecodable(f"The {what} is no .npy file ({len(data):,} bytes). Save it with np.save.")
    values = read_npy(data, what)
    if values.ndim != 2 or values.shape[0] != recipe.channels:
        raise BadShape(
            f"The {what} is an array of shape {values.shape}; ({recipe.channels}, samples) is needed, "
            "one row a channel."
        )
    start = max(values.shape[1] - recipe.samples, 0) // 2
    kept = values[:, start : start + recipe.samples]
    with np.errstate(over="ignore"):
        row = np.zeros((1, recipe.channels, recipe.samples), np.float32)
        row[0, :, : kept.shape[1]] = kept
    if not np.isfinite(row).all():
        raise NotFinite(f"The {what} has values beyond float32, such as {np.abs(kept).max():g}. Scale it first.")
    return Rows(row)  # (1, channels, samples)

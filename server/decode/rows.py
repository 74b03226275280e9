"""What decoding gives."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """One item's rows.

    `array` is (n, ...) with n >= 1, of the dtype the recipe names, C-contiguous. `spans` holds the start and end
    of each row in seconds from the item's beginning where rows are clips of a sound; else it is empty.
    """

    array: np.ndarray
    spans: tuple[tuple[float, float], ...] = ()

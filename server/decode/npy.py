"""Reads `.npy` bytes, trusting nothing: never pickled, and no memory is taken for what the header merely claims."""

import io
import math

import numpy as np
from numpy.lib import format as npy

from ..errors import BadShape, Empty, NotFinite, Undecodable

MAGIC = b"\x93NUMPY"
_KINDS = "uif"


def is_npy(data: bytes) -> bool:
    return data.startswith(MAGIC)


def read_npy(data: bytes, what: str) -> np.ndarray:
    """The array in `.npy` bytes: integers or floats of any shape, in the machine's byte order, read only.

    It is a view of `data` where byte order allows, so it costs no memory.

    Args:
      what: the thing's name in error messages, such as "depth map".

    Raises:
      Undecodable: not an `.npy` file, a pickled one, or one cut short.
      BadShape: values that are neither integers nor floats, or more than 32 axes.
      Empty: no values.
      NotFinite: NaN or infinity.
    """
    shape, fortran_order, dtype, offset = _read_header(data, what)
    if dtype.hasobject:
        raise Undecodable(
            f"The {what}'s .npy holds Python objects (pickled), which is never loaded. Save plain numbers: "
            "np.save(path, array.astype('float32'), allow_pickle=False)."
        )
    if dtype.kind not in _KINDS or dtype.names or dtype.subdtype:
        raise BadShape(f"The {what}'s .npy holds {dtype}; integers or floats are needed.")
    count = math.prod(shape)
    if count == 0:
        raise Empty(f"The {what}'s .npy has no values: its shape is {shape}.")
    held = len(data) - offset
    if held != count * dtype.itemsize:
        raise Undecodable(
            f"The {what}'s .npy says {shape} of {dtype}, {count * dtype.itemsize:,} bytes, but holds {held:,}. "
            "The file was cut short or is not what it says; send it whole."
        )
    flat = np.frombuffer(data, dtype=dtype, count=count, offset=offset)
    array = flat.reshape(shape, order="F" if fortran_order else "C")
    array = array.astype(dtype.newbyteorder("="), copy=False)
    if dtype.kind == "f":
        check_finite(array, what)
    return array


def check_finite(array: np.ndarray, what: str) -> None:
    """Refuses NaN and infinity, saying how many and where the first one is."""
    bad = ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.unravel_index(np.argmax(bad), array.shape))
        raise NotFinite(
            f"The {what} has {int(bad.sum()):,} values that are NaN or infinite, the first at {where}. "
            "Replace them before sending; unseen depth is 0."
        )


def _read_header(data: bytes, what: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    file = io.BytesIO(data[:16_384])  # numpy itself refuses headers over 10,000 bytes
    try:
        version = npy.read_magic(file)
        if version == (1, 0):
            shape, fortran_order, dtype = npy.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, fortran_order, dtype = npy.read_array_header_2_0(file)
        else:
            raise ValueError(f"format version {version} is not read here; versions 1.0 and 2.0 are")
    except Exception as error:  # numpy evaluates the header as a literal, which fails in many ways
        reason = str(error).rstrip(".")
        raise Undecodable(f"The {what} is no readable .npy file: {reason}. Save it anew with np.save.") from error
    if any(size < 0 for size in shape) or len(shape) > 32:
        raise BadShape(f"The {what}'s .npy has shape {shape}; axes must be at least 0 long, and 32 at most.")
    return shape, fortran_order, dtype, file.tell()

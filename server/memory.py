"""Keeps the C library from holding on to memory that a server with many threads has freed."""

import ctypes
import sys

_M_ARENA_MAX = -8  # glibc's malloc.h
_ARENAS = 2


def share_arenas() -> None:
    """Lets all threads allocate from a few arenas, where this is glibc; call it before there are threads.

    Each thread of gRPC, ONNX Runtime and the decoders would else have an arena of its own, and each would keep the
    largest message that ever passed through it: a hundred megabytes after some minutes of mixed load.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)

"""Decoder processes, seen from the server: bytes out, rows back, and a new process for each one lost."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1.manifest_pb2 import Encoder
from . import errors
from .decode import Rows, data_of
from .decode.worker import LENGTHS
from .errors import Internal, ServingError, TooLarge, Undecodable
from .limits import Limits

log = logging.getLogger(__name__)

# Of a decoder process. Freed memory is kept for the next picture, up to 64 MiB: given back, it costs a page fault for
# every 4 KiB of it, which took 1.5 ms of a photograph's 11. Linux's C library reads these; others do not know them.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}
_DTYPES = {"uint8", "float32", "int64"}
_ERRORS = {
    error.code: error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, ServingError) and error is not ServingError
}


@dataclass(frozen=True)
class Bounds:
    """What one decoder process may take."""

    memory_bytes: int = 2 << 30  # beside the interpreter and its libraries; 100 megapixels need about 1 GiB
    seconds: float = 10.0  # of one item


class DecoderProcess:
    """One process, talked to on the event loop. Not for two items at once.

    Args:
      lost: told why a process ended: "time", "crash".
    """

    def __init__(self, limits: Limits, bounds: Bounds, lost: Callable[[str], None]) -> None:
        self._limits, self._bounds, self._lost = limits, bounds, lost
        self._start()

    async def decode(self, encoder: Encoder, item: pb.Item) -> Rows:
        """As `decode.decode`, in the process. Not to be cancelled: the reply would be taken for the next item's.

        Raises:
          TooLarge: it took longer than the bounds allow, or more memory.
          Undecodable: it ended the process.
          ServingError: whatever decoding raises.
        """
        data = data_of(item)
        about = pb.Item(
            modality=item.modality, sample_rate_hz=item.sample_rate_hz, depth_unit_m=item.depth_unit_m
        ).SerializeToString()
        if self._process.poll() is not None:  # it died while it had nothing to do, so not of this item
            await self._replace(item.modality, len(data))
        reply = await self._exchange(encoder.SerializeToString(), about, data)
        if reply is None:
            raise await self._replace(item.modality, len(data))
        header, rows = reply
        if "code" in header:
            if "log" in header:
                log.error("decoding a %s item failed:\n%s", item.modality, header["log"])
            raise _ERRORS.get(header["code"], Internal)(header["message"])
        return _rows(header, rows)

    async def close(self) -> None:
        self._channel.close()  # it reads the end, and ends
        await asyncio.to_thread(self._process.wait)

    async def _exchange(self, *request: bytes) -> tuple[dict, bytearray] | None:
        """The reply's header and rows; None when the process ended. See `decode.worker` for the messages."""
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._channel, b"".join((LENGTHS.pack(*map(len, request)), *request)))
            header_size, _, rows_size = LENGTHS.unpack(await self._read(LENGTHS.size))
            return json.loads(await self._read(header_size)), await self._read(rows_size)
        except (OSError, EOFError):
            return None

    async def _read(self, count: int) -> bytearray:
        loop, buffer = asyncio.get_running_loop(), bytearray(count)
        view = memoryview(buffer)
        while view:
            got = await loop.sock_recv_into(self._channel, view)
            if got == 0:
                raise EOFError
            view = view[got:]
        return buffer

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._channel.setblocking(False)
        with theirs:
            bounds = [str(self._bounds.memory_bytes), str(self._bounds.seconds), json.dumps(asdict(self._limits))]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "anybind.server.decode.worker", str(theirs.fileno()), *bounds],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # media libraries write there what callers send them
                env=os.environ | _ENVIRONMENT,
                start_new_session=True,  # Ctrl-C is for the server, which still has items to answer
            )

    async def _replace(self, modality: str, size: int) -> ServingError:
        """Buries the process and starts another; gives what to tell the caller of the item that ended it."""
        self._channel.close()
        self._process.kill()  # in case it closed its end and lives
        code = await asyncio.to_thread(self._process.wait)
        await asyncio.to_thread(self._start)
        if code == -signal.SIGALRM:
            self._lost("time")
            return TooLarge(
                f"The {modality} item ({size:,} bytes) took over {self._bounds.seconds:g} s to decode, which is "
                "the limit. Send a smaller or simpler file."
            )
        self._lost("crash")
        log.error("a decoder process ended with %d on a %s item of %d bytes", code, modality, size)
        return Undecodable(f"The {modality} item ({size:,} bytes) broke its decoder. Save it anew and try again.")


def _rows(header: dict, data: bytearray) -> Rows:
    """Believes nothing that does not fit: the process had hostile bytes in it."""
    if header["dtype"] not in _DTYPES:
        raise Internal(f"A decoder gave rows of {header['dtype']!r}.")
    array = np.frombuffer(data, header["dtype"]).reshape(header["shape"])
    return Rows(array, tuple((float(start_s), float(end_s)) for start_s, end_s in header["spans"]))

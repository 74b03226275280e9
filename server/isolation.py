"""Decoder processes, seen from the server: bytes out, rows back, and a new process for each one lost."""

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
from .decode.worker import receive, send
from .errors import Internal, ServingError, TooLarge, Undecodable
from .limits import Limits

log = logging.getLogger(__name__)

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
    """One process. Not for two threads at once.

    Args:
      lost: told why a process ended: "time", "crash".
    """

    def __init__(self, limits: Limits, bounds: Bounds, lost: Callable[[str], None]) -> None:
        self._limits, self._bounds, self._lost = limits, bounds, lost
        self._start()

    def decode(self, encoder: Encoder, item: pb.Item) -> Rows:
        """As `decode.decode`, in the process.

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
            self._replace(item.modality, len(data))
        try:
            send(self._channel, encoder.SerializeToString(), about, data)
            reply = receive(self._channel)
        except OSError:
            reply = None
        if reply is None:
            raise self._replace(item.modality, len(data))
        header, rows = json.loads(reply[0]), reply[2]
        if "code" in header:
            if "log" in header:
                log.error("decoding a %s item failed:\n%s", item.modality, header["log"])
            raise _ERRORS.get(header["code"], Internal)(header["message"])
        return _rows(header, rows)

    def close(self) -> None:
        self._channel.close()  # it reads the end, and ends
        self._process.wait()

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            bounds = [str(self._bounds.memory_bytes), str(self._bounds.seconds), json.dumps(asdict(self._limits))]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "anybind.server.decode.worker", str(theirs.fileno()), *bounds],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # media libraries write there what callers send them
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is for the server, which still has items to answer
            )

    def _replace(self, modality: str, size: int) -> ServingError:
        """Buries the process and starts another; gives what to tell the caller of the item that ended it."""
        self._channel.close()
        self._process.kill()  # in case it closed its end and lives
        code = self._process.wait()
        self._start()
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

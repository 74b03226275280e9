"""A decoder in a process of its own, under limits that hold: `python -m anybind.server.decode.worker FD ...`.

Reads items from a socket and answers with rows. What media libraries do with hostile bytes can end this process and
no other: its memory is bounded by RLIMIT_AS, the time of one item by an alarm that kills, and it can neither write
files nor, once started, open more than a few. See `isolation` for the other end.

On the socket a message is three lengths (little-endian uint32) and so many bytes each. A request: an `Encoder`, an
`Item` without its data, the data. A reply: a JSON header, nothing, the rows.
"""

import json
import resource
import signal
import socket
import struct
import sys
import traceback
from pathlib import Path

from ...proto.v1 import embedding_pb2 as pb
from ...proto.v1.manifest_pb2 import Encoder
from ..errors import Internal, ServingError, TooLarge
from ..limits import Limits
from . import Rows, decode_media, depth, grey, picture, series, waveform  # noqa: F401 - later, files could not be opened

LENGTHS = struct.Struct("<III")
_OPEN_FILES = 8


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    memory_bytes, seconds = int(sys.argv[2]), float(sys.argv[3])
    limits = Limits(**json.loads(sys.argv[4]))
    _bound(memory_bytes)
    while (request := receive(channel)) is not None:
        signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM is left to do what it does: end the process
        header, rows = _answer(*request, limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(channel, json.dumps(header).encode(), b"", rows)


def send(channel: socket.socket, first: bytes, second: bytes, third: bytes | memoryview) -> None:
    channel.sendall(LENGTHS.pack(len(first), len(second), len(third)) + first + second)
    channel.sendall(third)


def receive(channel: socket.socket) -> list[bytearray] | None:
    """The three parts of a message; None when the other end is gone."""
    lengths = _receive_exactly(channel, LENGTHS.size)
    if lengths is None:
        return None
    parts = [_receive_exactly(channel, length) for length in LENGTHS.unpack(lengths)]
    return None if None in parts else parts


def _receive_exactly(channel: socket.socket, count: int) -> bytearray | None:
    buffer = bytearray(count)
    view = memoryview(buffer)
    while view:
        got = channel.recv_into(view)
        if got == 0:
            return None
        view = view[got:]
    return buffer


def _answer(encoder: bytearray, item: bytearray, data: bytearray, limits: Limits) -> tuple[dict, bytes | memoryview]:
    try:
        rows = decode_media(Encoder.FromString(bytes(encoder)), pb.Item.FromString(bytes(item)), bytes(data), limits)
    except ServingError as error:
        return {"code": error.code, "message": str(error)}, b""
    except MemoryError:
        message = "The item needs more memory to decode than a decoder may take. Send a smaller one."
        return {"code": TooLarge.code, "message": message}, b""
    except Exception:  # a fault of ours; the other end logs it
        message = "The server failed to decode this item. Its log has the details."
        return {"code": Internal.code, "message": message, "log": traceback.format_exc()}, b""
    return _header(rows), memoryview(rows.array).cast("B")


def _header(rows: Rows) -> dict:
    return {"dtype": rows.array.dtype.name, "shape": rows.array.shape, "spans": rows.spans}


def _bound(memory_bytes: int) -> None:
    """Memory counts from what the process takes already: interpreter and libraries."""
    bounds = {
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    if (statm := Path("/proc/self/statm")).exists():  # macOS neither has it nor keeps to RLIMIT_AS
        taken = int(statm.read_text().split()[0]) * resource.getpagesize()
        bounds[resource.RLIMIT_AS] = taken + memory_bytes
    for bound, value in bounds.items():
        _, hard = resource.getrlimit(bound)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(bound, (value, value))


if __name__ == "__main__":
    main()

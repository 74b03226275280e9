"""Decoding, off the event loop."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1.manifest_pb2 import Encoder
from .decode import Rows, decode
from .errors import DeadlineExceeded
from .isolation import Bounds, DecoderProcess
from .limits import Limits
from .metrics import Metrics

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Decoders:
    """A pool of decoding threads, each with a process at its side where media are decoded in isolation.

    Text is decoded in the thread: its length is bounded, and no media library has a part in it. An item whose
    caller left or whose deadline passed while it waited costs nothing.
    """

    def __init__(self, count: int, limits: Limits, metrics: Metrics, *, bounds: Bounds | None) -> None:
        """Starts the processes, which are ready in some tenths of a second; items wait for them.

        Args:
          count: items decoded at once; 0: one a core.
          bounds: of each process; None decodes in the threads, under no bounds but `limits`.
        """
        self._limits, self._metrics = limits, metrics
        count = count or cores()
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="decode")
        self._processes: SimpleQueue[DecoderProcess] | None = None
        if bounds is not None:
            self._processes = SimpleQueue()
            for _ in range(count):
                self._processes.put(DecoderProcess(limits, bounds, self._lost))

    async def decode(
        self, encoder: Encoder, item: pb.Item, tokenizer: "Tokenizer | None" = None, deadline: float | None = None
    ) -> Rows:
        """The item's rows; see `decode.decode`.

        Args:
          deadline: in seconds of `time.monotonic()`.

        Raises:
          ServingError: what is wrong with the item, or DeadlineExceeded.
        """

        def work() -> Rows:
            if deadline is not None and time.monotonic() >= deadline:
                raise DeadlineExceeded("The deadline passed before the item was decoded.")
            if self._processes is None or tokenizer is not None:
                return decode(encoder, item, self._limits, tokenizer)
            return self._isolated(encoder, item)

        waiting = self._threads.submit(work)
        try:
            return await asyncio.wrap_future(waiting)
        except asyncio.CancelledError:
            if waiting.cancelled():
                self._metrics.dropped.labels(item.modality, "cancelled").inc()
            raise
        except DeadlineExceeded:
            self._metrics.dropped.labels(item.modality, "deadline").inc()
            raise

    def close(self) -> None:
        """Waits for the items being decoded; those that wait are dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        while self._processes is not None and not self._processes.empty():
            self._processes.get().close()

    def _isolated(self, encoder: Encoder, item: pb.Item) -> Rows:
        process = self._processes.get()  # there are as many as threads, so one is free
        try:
            return process.decode(encoder, item)
        finally:
            self._processes.put(process)

    def _lost(self, why: str) -> None:
        self._metrics.decoder_deaths.labels(why).inc()


def cores() -> int:
    """Cores this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

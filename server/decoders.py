"""Decoding, off the event loop."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
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
    """Decodes so many items at once: media each in a process of its own where they are isolated, else in threads.

    Text is always decoded in a thread: its length is bounded, and no media library has a part in it. An item whose
    caller left or whose deadline passed while it waited costs nothing.
    """

    def __init__(self, count: int, limits: Limits, metrics: Metrics, *, bounds: Bounds | None) -> None:
        """Starts the processes, which are ready in some tenths of a second; items wait for them.

        Args:
          count: items decoded at once; 0: one a core.
          bounds: of each process; None decodes in the threads, under no bounds but `limits`.
        """
        self._limits, self._metrics = limits, metrics
        self._count = count or cores()
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="decode")
        self._free: asyncio.LifoQueue[DecoderProcess] | None = None  # last in, first out: its caches are warm
        if bounds is not None:
            self._free = asyncio.LifoQueue()
            for _ in range(self._count):
                self._free.put_nowait(DecoderProcess(limits, bounds, self._lost))

    async def decode(
        self, encoder: Encoder, item: pb.Item, tokenizer: "Tokenizer | None" = None, deadline: float | None = None
    ) -> Rows:
        """The item's rows; see `decode.decode`.

        Args:
          deadline: in seconds of `time.monotonic()`.

        Raises:
          ServingError: what is wrong with the item, or DeadlineExceeded.
        """
        try:
            if self._free is None or tokenizer is not None:
                return await self._in_thread(encoder, item, tokenizer, deadline)
            return await self._in_process(self._free, encoder, item, deadline)
        except DeadlineExceeded:
            self._metrics.dropped.labels(item.modality, "deadline").inc()
            raise

    async def close(self) -> None:
        """Waits for the items being decoded; those that wait for a thread are dropped."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        if self._free is not None:
            for _ in range(self._count):
                process = await self._free.get()
                await process.close()

    async def _in_thread(
        self, encoder: Encoder, item: pb.Item, tokenizer: "Tokenizer | None", deadline: float | None
    ) -> Rows:
        def work() -> Rows:
            _check(deadline)
            return decode(encoder, item, self._limits, tokenizer)

        waiting = self._threads.submit(work)
        try:
            return await asyncio.wrap_future(waiting)
        except asyncio.CancelledError:
            if waiting.cancelled():
                self._metrics.dropped.labels(item.modality, "cancelled").inc()
            raise

    async def _in_process(
        self, free: asyncio.LifoQueue[DecoderProcess], encoder: Encoder, item: pb.Item, deadline: float | None
    ) -> Rows:
        try:
            process = await free.get()
        except asyncio.CancelledError:
            self._metrics.dropped.labels(item.modality, "cancelled").inc()
            raise

        async def work() -> Rows:
            try:
                _check(deadline)
                return await process.decode(encoder, item)
            finally:
                free.put_nowait(process)

        exchange = asyncio.create_task(work())
        exchange.add_done_callback(lambda done: done.cancelled() or done.exception())  # the caller may have left
        return await asyncio.shield(exchange)

    def _lost(self, why: str) -> None:
        self._metrics.decoder_deaths.labels(why).inc()


def _check(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() >= deadline:
        raise DeadlineExceeded("The deadline passed before the item was decoded.")


def cores() -> int:
    """Cores this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

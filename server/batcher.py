"""Rows of many callers become batches of one session.

A free device and a row start the clock; a batch forms while the device works, at most one ahead; callers who left or
whose deadline passed are dropped before they cost anything; a full queue refuses at once; rows out equal rows in; an
item's rows stay together. Everything but `run` happens on the event loop, moved by events alone: a row that
arrives, a batch that ends, a clock that runs out, a decoder that comes back empty-handed.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from .errors import DeadlineExceeded, Internal, Overloaded, ServingError, Unavailable

log = logging.getLogger(__name__)

Shape = tuple[int, ...]

# Callers who wait for each answer come back a moment after it: a device that became free lingers for them, so long as
# this share of what its last batch took. Without it, twelve callers make batches of eight and four in turns.
LINGER = 0.02


@dataclass(frozen=True)
class BatchPlan:
    """How large batches may grow, how long a free device waits to fill one, how many rows may wait in all."""

    max_rows: int = 8
    max_wait_s: float = 0.005
    max_queue_rows: int = 512


@dataclass(frozen=True)
class Batched:
    """One item's vectors, float32 (n, D), and its times in seconds."""

    vectors: np.ndarray
    queue_s: float
    inference_s: float


@dataclass(eq=False)
class _Waiting:
    rows: np.ndarray
    answer: asyncio.Future[Batched]
    deadline: float
    arrived_s: float


class Batcher:
    """Batches for one session. Make, use and close it on one event loop.

    Args:
      run: rows (B, ...) -> vectors (B, D); called in a thread of its own, one batch at a time.
      join: rows of several items -> one array.
      group: rows of unequal groups never share a batch; None: all may.
      observe: told of each batch: rows, seconds.
      dropped: told why an item was dropped: "cancelled", "deadline" or "overloaded".
    """

    def __init__(
        self,
        run: Callable[[np.ndarray], np.ndarray],
        plan: BatchPlan,
        *,
        join: Callable[[Sequence[np.ndarray]], np.ndarray] = np.concatenate,
        group: Callable[[np.ndarray], Shape] | None = lambda rows: rows.shape[1:],
        observe: Callable[[int, float], None] = lambda rows, seconds: None,
        dropped: Callable[[str], None] = lambda why: None,
    ) -> None:
        self.plan = plan
        self._run, self._join, self._group, self._observe, self._dropped = run, join, group, observe, dropped
        self._loop = asyncio.get_running_loop()
        self._device = ThreadPoolExecutor(1, thread_name_prefix="device")
        self._queues: dict[Shape, deque[_Waiting]] = {}
        self._queued_rows = 0
        self._on_the_way: set[object] = set()
        self._in_flight = 0
        self._row_s = 0.0  # a running estimate of what one row costs
        self._clock: asyncio.TimerHandle | None = None
        self._free_since_s = self._linger_until_s = 0.0  # of the device, by `time.monotonic()`
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def queued_rows(self) -> int:
        return self._queued_rows

    @contextmanager
    def expecting(self) -> Iterator[object]:
        """Says that rows are on their way, so that a batch forming now may wait for them, for as long as its clock.

        Gives what to hand to `submit` when they arrive; leaving without is to say that they never will.
        """
        arrival = object()
        self._on_the_way.add(arrival)
        try:
            yield arrival
        finally:
            if arrival in self._on_the_way:
                self._on_the_way.remove(arrival)
                self._advance()

    async def submit(self, rows: np.ndarray, deadline: float | None = None, arrival: object = None) -> Batched:
        """The vectors of one item's rows.

        Args:
          arrival: what `expecting` gave, where the rows were expected.
          deadline: in seconds of `time.monotonic()`; rows that still wait then are never computed.

        Raises:
          Overloaded: the queue is full.
          DeadlineExceeded: the deadline passed first.
          Internal: the session failed, or gave vectors that are not finite.
          Unavailable: the batcher is closed.
        """
        if self._closed:
            raise Unavailable("The model is being unloaded. Try again.", retry_delay_s=1.0)
        if self._queued_rows and self._queued_rows + len(rows) > self.plan.max_queue_rows:
            self._dropped("overloaded")
            raise Overloaded(
                f"{self._queued_rows} rows are waiting and the limit is {self.plan.max_queue_rows}. Try again later.",
                retry_delay_s=max(self._row_s * self._queued_rows, 0.05),
            )
        waiting = _Waiting(
            rows, self._loop.create_future(), float("inf") if deadline is None else deadline, time.monotonic()
        )
        queue = self._queues.setdefault(self._group(rows) if self._group else (), deque())
        queue.append(waiting)
        self._queued_rows += len(rows)
        self._on_the_way.discard(arrival)
        self._idle.clear()
        self._advance()
        try:
            return await waiting.answer
        except asyncio.CancelledError:
            if waiting in queue:
                queue.remove(waiting)
                self._queued_rows -= len(rows)
                self._dropped("cancelled")
                self._advance()
            raise

    async def close(self) -> None:
        """Computes what was accepted, then stops."""
        self._closed = True
        await self._idle.wait()
        self._device.shutdown(wait=False)

    def _advance(self) -> None:
        """Sends off every batch that is ready, and sets the clock for one that is not."""
        while (queue := self._oldest()) is not None and self._is_ready(queue):
            if batch := self._take(queue):
                self._dispatch(batch)
        if not self._queued_rows and not self._in_flight:
            self._idle.set()

    def _oldest(self) -> deque[_Waiting] | None:
        self._queues = {shape: queue for shape, queue in self._queues.items() if queue}
        return min(self._queues.values(), key=lambda queue: queue[0].arrived_s, default=None)

    def _is_ready(self, queue: deque[_Waiting]) -> bool:
        full = sum(len(waiting.rows) for waiting in queue) >= self.plan.max_rows
        if self._in_flight:
            return full and self._in_flight == 1
        if full:
            return True
        until_s = max(queue[0].arrived_s, self._free_since_s) + self.plan.max_wait_s
        if not self._on_the_way:
            until_s = min(until_s, self._linger_until_s)
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            return True
        if self._clock is not None:
            self._clock.cancel()
        self._clock = self._loop.call_later(left_s, self._ring)
        return False

    def _ring(self) -> None:
        self._clock = None
        self._advance()

    def _take(self, queue: deque[_Waiting]) -> list[_Waiting]:
        batch, rows, now = [], 0, time.monotonic()
        while queue and (not batch or rows + len(queue[0].rows) <= self.plan.max_rows):
            waiting = queue.popleft()
            self._queued_rows -= len(waiting.rows)
            if waiting.answer.cancelled():
                self._dropped("cancelled")
            elif waiting.deadline <= now:
                self._dropped("deadline")
                waiting.answer.set_exception(DeadlineExceeded("The deadline passed before the item was computed."))
            else:
                batch.append(waiting)
                rows += len(waiting.rows)
        return batch

    def _dispatch(self, batch: list[_Waiting]) -> None:
        self._in_flight += 1
        self._device.submit(self._compute, batch)

    def _compute(self, batch: list[_Waiting]) -> None:
        """On the device's thread: one run, or, where it fails, one a item, so that one cannot fail its neighbours."""
        started_s = time.monotonic()
        try:
            results: list[np.ndarray | Exception] = list(self._split(batch))
        except Exception as error:
            results = [error] if len(batch) == 1 else [self._alone(waiting) for waiting in batch]
            for result in results:
                if isinstance(result, Exception):
                    log.error("a session failed", exc_info=result)
        self._loop.call_soon_threadsafe(self._finish, batch, results, started_s, time.monotonic() - started_s)

    def _split(self, batch: list[_Waiting]) -> list[np.ndarray]:
        vectors = self._run(self._join([waiting.rows for waiting in batch]))
        ends = np.cumsum([len(waiting.rows) for waiting in batch])
        if len(vectors) != ends[-1]:
            raise RuntimeError(f"{ends[-1]} rows went in and {len(vectors)} came out")
        return np.split(vectors, ends[:-1])

    def _alone(self, waiting: _Waiting) -> np.ndarray | Exception:
        try:
            return self._run(waiting.rows)
        except Exception as error:
            return error

    def _finish(
        self, batch: list[_Waiting], results: list[np.ndarray | Exception], started_s: float, inference_s: float
    ) -> None:
        self._in_flight -= 1
        rows = sum(len(waiting.rows) for waiting in batch)
        self._row_s += 0.2 * (inference_s / rows - self._row_s)
        self._observe(rows, inference_s)
        self._free_since_s = time.monotonic()
        self._linger_until_s = self._free_since_s + LINGER * inference_s
        self._advance()  # first of all the device's next batch
        for waiting, result in zip(batch, results, strict=True):
            if not waiting.answer.done():
                _answer(waiting, result, started_s, inference_s)


def _answer(waiting: _Waiting, result: np.ndarray | Exception, started_s: float, inference_s: float) -> None:
    error: ServingError | None = None
    if isinstance(result, Exception):
        error = Internal("The model failed on this item. The server's log has the details.")
        error.__cause__ = result
    elif not np.isfinite(result).all():
        error = Internal("The model gave values that are not finite for this item.")
    if error is not None:
        waiting.answer.set_exception(error)
    else:
        waiting.answer.set_result(Batched(result, max(started_s - waiting.arrived_s, 0.0), inference_s))

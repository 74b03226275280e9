"""How large batches should be and how long they should wait, from what the graph costs on this machine."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from .batcher import BatchPlan

MAX_ROWS = 32
_WORTH = 1.03  # a larger batch must make a row at least this much cheaper


def measure(
    run: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, *, budget_s: float, max_rows: int = MAX_ROWS
) -> dict[int, float]:
    """Seconds that a batch of 1, 2, 4, ... rows takes, as far as the budget reaches; 1 is always measured.

    Args:
      rows: any rows of the graph's shape, (n, ...); repeated to fill a batch.
    """
    costs: dict[int, float] = {}
    began_s, size = time.monotonic(), 1
    while size <= max_rows:
        batch = np.resize(rows, (size, *rows.shape[1:]))
        run(batch)  # the first run of a shape plans its memory
        times = []
        for _ in range(3):
            started_s = time.perf_counter()
            run(batch)
            times.append(time.perf_counter() - started_s)
        costs[size] = min(times)
        if time.monotonic() - began_s + 8 * costs[size] > budget_s:
            break
        size *= 2
    return costs


def plan(costs: Mapping[int, float], *, max_queue_s: float = 10.0) -> BatchPlan:
    """The smallest batch that is about as cheap a row as any, and a wait no longer than what waiting saves.

    Args:
      costs: seconds a batch, by its rows; see `measure`.
      max_queue_s: work that may wait, in seconds; sets how many rows the queue takes.
    """
    cheapest = min(costs[size] / size for size in costs)
    max_rows = min(size for size in costs if costs[size] / size <= cheapest * _WORTH)
    # One by one, `max_rows` rows would take max_rows * costs[1]; together they take costs[max_rows].
    saved_s = max_rows * costs[1] - costs[max_rows]
    return BatchPlan(
        max_rows=max(max_rows, 8),
        max_wait_s=min(max(saved_s, 0.001), 0.05),
        max_queue_rows=int(np.clip(max_queue_s / cheapest, 64, 4096)),
    )

"""How large batches should be and how long they should wait, from what the graph costs on this machine."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from .batcher import BatchPlan

USUAL_ROWS, MAX_ROWS = 8, 32  # batches grow at least to the first, and further only where that pays
_WORTH = 1.03  # a larger batch must make a row at least this much cheaper


def measure(
    run: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, *, budget_s: float, max_rows: int = MAX_ROWS
) -> dict[int, float]:
    """Seconds that a batch of so many rows takes: of 1, `USUAL_ROWS`, and twice as many each time.

    Args:
      rows: any rows of the graph's shape, (n, ...); repeated to fill a batch.
      budget_s: when to stop. A graph that takes longer for one row is measured no further; any other is measured
        at `USUAL_ROWS` too, which may take ten times as long.
    """
    costs: dict[int, float] = {}
    began_s, size = time.monotonic(), 1
    while size <= max_rows:
        batch = np.resize(rows, (size, *rows.shape[1:]))
        run(batch)  # the first run of a shape plans its memory
        costs[size] = min(_timed(run, batch) for _ in range(3 if time.monotonic() - began_s < budget_s else 1))
        left_s = began_s + budget_s - time.monotonic()
        too_long = left_s < 8 * costs[size] if size > 1 else costs[1] > budget_s  # twice the rows, four times
        if too_long:
            break
        size = max(2 * size, USUAL_ROWS)
    return costs


def _timed(run: Callable[[np.ndarray], np.ndarray], batch: np.ndarray) -> float:
    started_s = time.perf_counter()
    run(batch)
    return time.perf_counter() - started_s


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
        max_rows=max(max_rows, USUAL_ROWS),
        max_wait_s=min(max(saved_s, 0.001), 0.05),
        max_queue_rows=int(np.clip(max_queue_s / cheapest, 64, 4096)),
    )

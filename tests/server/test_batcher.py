import asyncio
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anybind.server import batcher as batcher_module
from anybind.server.batcher import Batcher, BatchPlan
from anybind.server.errors import DeadlineExceeded, Internal, Overloaded, Unavailable


class Device:
    """A session that doubles rows, remembers its batches, and works only while `free` is set."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[np.ndarray] = []
        self.started = threading.Semaphore(0)
        self.free = threading.Event()
        if not held:
            self.free.set()

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.batches.append(rows)
        self.started.release()
        assert self.free.wait(10)
        return rows * 2

    async def working(self) -> None:
        """Returns once one more batch has begun."""
        await asyncio.to_thread(self.started.acquire)

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


def row(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


async def queued(batcher: Batcher, rows: int) -> None:
    """Returns once that many rows wait; tasks just made need only be given their turn."""
    while batcher.queued_rows != rows:
        await asyncio.sleep(0)


async def test_one_row_alone_never_waits_for_company() -> None:
    batcher = Batcher(Device(), BatchPlan(max_wait_s=60))
    answer = await asyncio.wait_for(batcher.submit(row(3)), 5)
    np.testing.assert_array_equal(answer.vectors, row(6))


async def test_rows_that_come_while_the_device_works_leave_together() -> None:
    device = Device(held=True)
    batcher = Batcher(device, BatchPlan(max_rows=8))
    first = asyncio.create_task(batcher.submit(row(0)))
    await device.working()
    rest = [asyncio.create_task(batcher.submit(row(i))) for i in range(1, 6)]
    await queued(batcher, 5)
    device.free.set()
    answers = await asyncio.gather(first, *rest)
    assert device.sizes == [1, 5]
    assert [float(answer.vectors[0, 0]) for answer in answers] == [0, 2, 4, 6, 8, 10]


async def test_a_batch_waits_for_rows_on_their_way_until_its_clock_runs_out() -> None:
    device = Device()
    batcher = Batcher(device, BatchPlan(max_wait_s=0.05))
    with batcher.expecting():
        began_s = time.monotonic()
        await batcher.submit(row(1))
        assert time.monotonic() - began_s >= 0.05


async def test_a_batch_waits_no_longer_when_what_it_waits_for_comes() -> None:
    device = Device()
    batcher = Batcher(device, BatchPlan(max_wait_s=60))
    with batcher.expecting() as arrival:
        first = asyncio.create_task(batcher.submit(row(1)))
        await queued(batcher, 1)
        await asyncio.wait_for(asyncio.gather(first, batcher.submit(row(2), arrival=arrival)), 5)
    assert device.sizes == [2]


async def test_a_batch_waits_no_longer_for_what_will_never_come() -> None:
    batcher = Batcher(Device(), BatchPlan(max_wait_s=60))
    with batcher.expecting():
        first = asyncio.create_task(batcher.submit(row(1)))
        await queued(batcher, 1)
    await asyncio.wait_for(first, 5)


async def test_a_device_that_became_free_lingers_for_callers_just_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher_module, "LINGER", 1e6)
    device = Device(held=True)
    batcher = Batcher(device, BatchPlan(max_rows=2, max_wait_s=60))

    async def call_twice() -> None:
        await batcher.submit(row(0))
        await batcher.submit(row(1))

    caller = asyncio.create_task(call_twice())
    await device.working()
    other = asyncio.create_task(batcher.submit(row(2)))
    await queued(batcher, 1)
    device.free.set()
    await asyncio.wait_for(asyncio.gather(caller, other), 5)
    assert device.sizes == [1, 2]


async def test_a_device_lingers_for_a_small_share_of_its_last_batch_only() -> None:
    device = Device(held=True)
    batcher = Batcher(device, BatchPlan(max_wait_s=60))
    first = asyncio.create_task(batcher.submit(row(1)))
    await device.working()
    second = asyncio.create_task(batcher.submit(row(2)))
    await queued(batcher, 1)
    device.free.set()
    await asyncio.wait_for(asyncio.gather(first, second), 5)  # nobody comes back


async def test_at_most_one_batch_is_ahead_of_a_working_device() -> None:
    device = Device(held=True)
    batcher = Batcher(device, BatchPlan(max_rows=2))
    tasks = [asyncio.create_task(batcher.submit(row(i))) for i in range(7)]
    await device.working()
    await queued(batcher, 4)  # one works, two are ahead, four wait
    device.free.set()
    await asyncio.gather(*tasks)
    assert device.sizes == [1, 2, 2, 2]


async def test_a_caller_who_left_costs_nothing() -> None:
    device, dropped = Device(held=True), []
    batcher = Batcher(device, BatchPlan(), dropped=dropped.append)
    first = asyncio.create_task(batcher.submit(row(1)))
    await device.working()
    gone = asyncio.create_task(batcher.submit(row(2)))
    await queued(batcher, 1)
    gone.cancel()
    await queued(batcher, 0)
    device.free.set()
    await first
    assert device.sizes == [1]
    assert dropped == ["cancelled"]


async def test_an_item_past_its_deadline_is_dropped_before_it_costs_anything() -> None:
    device, dropped = Device(held=True), []
    batcher = Batcher(device, BatchPlan(), dropped=dropped.append)
    first = asyncio.create_task(batcher.submit(row(1)))
    await device.working()
    late = asyncio.create_task(batcher.submit(row(2), deadline=time.monotonic()))
    await queued(batcher, 1)
    device.free.set()
    await first
    with pytest.raises(DeadlineExceeded):
        await late
    assert device.sizes == [1]
    assert dropped == ["deadline"]


async def test_a_full_queue_refuses_at_once_and_says_when_to_return() -> None:
    device = Device(held=True)
    batcher = Batcher(device, BatchPlan(max_rows=4, max_queue_rows=3))
    first = asyncio.create_task(batcher.submit(row(0)))
    await device.working()
    waiting = [asyncio.create_task(batcher.submit(row(i))) for i in range(3)]
    await queued(batcher, 3)
    with pytest.raises(Overloaded, match="3 rows are waiting and the limit is 3") as refusal:
        await batcher.submit(row(9))
    assert refusal.value.retry_delay_s > 0
    device.free.set()
    await asyncio.gather(first, *waiting)


async def test_rows_of_unequal_shape_never_share_a_batch() -> None:
    device = Device(held=True)
    batcher = Batcher(device, BatchPlan(max_rows=8))
    shapes = [(1, 2), (1, 3), (1, 2), (1, 3)]
    tasks = [asyncio.create_task(batcher.submit(np.ones(shape, np.float32))) for shape in [(1, 1), *shapes]]
    await device.working()
    await queued(batcher, 4)
    device.free.set()
    await asyncio.gather(*tasks)
    assert [batch.shape for batch in device.batches] == [(1, 1), (2, 2), (2, 3)]


async def test_one_item_that_breaks_the_session_fails_alone() -> None:
    device = Device(held=True)

    def run(rows: np.ndarray) -> np.ndarray:
        doubled = device(rows)
        if (rows == 13).any():
            raise RuntimeError("the graph does not like 13")
        return doubled

    batcher = Batcher(run, BatchPlan())
    first = asyncio.create_task(batcher.submit(row(0)))
    await device.working()
    tasks = [asyncio.create_task(batcher.submit(row(value))) for value in (12, 13, 14)]
    await queued(batcher, 3)
    device.free.set()
    before, bad, after = await asyncio.gather(*tasks, return_exceptions=True)
    await first
    assert isinstance(bad, Internal)
    assert (before.vectors[0, 0], after.vectors[0, 0]) == (24, 28)


async def test_a_vector_that_is_not_finite_fails_alone() -> None:
    device = Device(held=True)
    batcher = Batcher(device, BatchPlan())
    first = asyncio.create_task(batcher.submit(row(0)))
    await device.working()
    tasks = [asyncio.create_task(batcher.submit(row(value))) for value in (1, np.nan)]
    await queued(batcher, 2)
    device.free.set()
    good, bad = await asyncio.gather(*tasks, return_exceptions=True)
    await first
    assert good.vectors[0, 0] == 2
    assert isinstance(bad, Internal)


async def test_closing_computes_what_was_accepted_and_takes_no_more() -> None:
    device = Device(held=True)
    batcher = Batcher(device, BatchPlan())
    tasks = [asyncio.create_task(batcher.submit(row(i))) for i in range(3)]
    await device.working()
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await batcher.submit(row(9))
    device.free.set()
    await closing
    assert [float((await task).vectors[0, 0]) for task in tasks] == [0, 2, 4]


@settings(max_examples=30, deadline=None)
@given(
    items=st.lists(st.tuples(st.integers(1, 5), st.sampled_from([1, 2])), min_size=1, max_size=30),
    max_rows=st.integers(1, 8),
)
def test_rows_out_equal_rows_in_whatever_comes(items: list[tuple[int, int]], max_rows: int) -> None:
    async def run() -> None:
        device = Device()
        batcher = Batcher(device, BatchPlan(max_rows=max_rows))
        sent = [np.full((rows, width), i, np.float32) for i, (rows, width) in enumerate(items)]
        answers = await asyncio.gather(*map(batcher.submit, sent))
        await batcher.close()
        for rows, answer in zip(sent, answers, strict=True):
            np.testing.assert_array_equal(answer.vectors, rows * 2)
        largest = max(rows for rows, _ in items)
        assert all(size <= max(max_rows, largest) for size in device.sizes)
        assert sum(device.sizes) == sum(rows for rows, _ in items)

    asyncio.run(run())

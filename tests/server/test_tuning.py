import numpy as np
import pytest

from anybind.server import tuning

ROWS = np.ones((2, 4), np.float32)


def runs(seconds_a_row: float, monkeypatch: pytest.MonkeyPatch):
    """A graph that takes so long, on a clock of its own."""
    now_s = [0.0]
    monkeypatch.setattr(tuning.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(tuning.time, "perf_counter", lambda: now_s[0])

    def run(rows: np.ndarray) -> np.ndarray:
        now_s[0] += seconds_a_row * len(rows)
        return rows

    return run


def test_a_graph_of_middling_speed_is_measured_alone_and_in_the_usual_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = tuning.measure(runs(0.1, monkeypatch), ROWS, budget_s=0.2)
    assert costs == pytest.approx({1: 0.1, tuning.USUAL_ROWS: 0.8})


def test_a_slow_graph_does_not_hold_up_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuning.measure(runs(3.0, monkeypatch), ROWS, budget_s=0.2) == pytest.approx({1: 3.0})


def test_a_quick_graph_is_measured_up_to_the_largest_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = tuning.measure(runs(1e-6, monkeypatch), ROWS, budget_s=0.2)
    assert max(costs) == tuning.MAX_ROWS


@pytest.mark.parametrize(
    ("costs", "max_rows"),
    [
        ({1: 0.010, 8: 0.080, 16: 0.160, 32: 0.320}, 8),  # nothing is gained by more
        ({1: 0.010, 8: 0.040, 16: 0.060, 32: 0.100}, 32),  # each doubling makes a row cheaper
        ({1: 0.010, 8: 0.040, 16: 0.064, 32: 0.127}, 16),  # the last one hardly does
        ({1: 0.010, 8: 0.090, 16: 0.190}, 8),  # larger is worse
    ],
)
def test_batches_grow_as_long_as_rows_become_cheaper(costs: dict[int, float], max_rows: int) -> None:
    assert tuning.plan(costs).max_rows == max_rows


def test_a_batch_waits_no_longer_than_waiting_saves() -> None:
    assert tuning.plan({1: 0.010, 8: 0.080}).max_wait_s == pytest.approx(0.001)  # saves nothing: the least
    assert tuning.plan({1: 0.010, 8: 0.060}).max_wait_s == pytest.approx(0.020)
    assert tuning.plan({1: 0.100, 8: 0.100}).max_wait_s == pytest.approx(0.050)  # the most


def test_the_queue_holds_some_seconds_of_work() -> None:
    assert tuning.plan({1: 0.1, 8: 0.8}, max_queue_s=10).max_queue_rows == 100
    assert tuning.plan({1: 10.0, 8: 80.0}).max_queue_rows == 64
    assert tuning.plan({1: 1e-5, 8: 8e-5}).max_queue_rows == 4096

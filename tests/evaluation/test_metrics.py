"""The numbers an evaluation reports, against slow definitions and cases worked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from anybind.clients.evaluation import metrics

shapes = st.tuples(st.integers(1, 6), st.integers(1, 12))


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, and what is relevant."""
    shape = draw(shapes)
    scores = draw(arrays.arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])))
    return scores, draw(arrays.arrays(np.bool_, shape))


def by_hand(scores: np.ndarray, relevant: np.ndarray) -> list[bool]:
    """One row's ranking, the slow way: best score first, the wrong one first among equals."""
    return [bool(flag) for _, flag in sorted(zip(-scores, relevant, strict=True), key=lambda pair: (pair[0], pair[1]))]


@given(scored(), st.integers(1, 12))
@settings(deadline=None)
def test_recall_and_precision_equal_a_brute_force(case: tuple[np.ndarray, np.ndarray], k: int) -> None:
    scores, relevant = case
    ranking = metrics.ranked(scores, relevant)
    slow = [by_hand(*row) for row in zip(scores, relevant, strict=True)]
    assert ranking.tolist() == slow
    assert metrics.recall(ranking, k).tolist() == [float(any(row[:k])) for row in slow]
    assert metrics.precision(ranking, k) == pytest.approx([sum(row[:k]) / len(row[:k]) for row in slow])


def test_average_precision_of_a_case_worked_by_hand() -> None:
    ranking = np.array([[True, False, True, False, True], [False, False, False, False, True], [False] * 5])
    assert metrics.average_precision(ranking) == pytest.approx([(1 + 2 / 3 + 3 / 5) / 3, 1 / 5, 0])


def test_a_model_that_cannot_tell_things_apart_finds_nothing() -> None:
    relevant = np.eye(20, dtype=bool)
    ranking = metrics.ranked(np.ones((20, 20)), relevant)
    assert metrics.recall(ranking, 19).sum() == 0


@given(st.integers(1, 7), st.data())
@settings(max_examples=20, deadline=None)
def test_chance_is_what_random_orders_give(gallery: int, data: st.DataObject) -> None:
    """Every order of a small gallery, averaged, is chance exactly."""
    from itertools import combinations

    relevant = data.draw(st.integers(1, gallery))
    k = data.draw(st.integers(1, gallery))
    every = np.zeros((0, gallery), dtype=bool)
    for places in combinations(range(gallery), relevant):
        row = np.zeros((1, gallery), dtype=bool)
        row[0, list(places)] = True
        every = np.concatenate([every, row])
    count = np.array([relevant])
    assert metrics.chance_recall(count, gallery, k)[0] == pytest.approx(metrics.recall(every, k).mean())
    assert metrics.chance_precision(count, gallery)[0] == pytest.approx(metrics.precision(every, k).mean())
    assert metrics.chance_precision(count, gallery)[0] == pytest.approx(metrics.filled_precision(every, k).mean())
    expected = metrics.average_precision(every).mean()
    assert metrics.chance_average_precision(count, gallery)[0] == pytest.approx(expected)


def test_a_perfect_order_cannot_fill_ten_places_with_three_things() -> None:
    assert metrics.best_precision(np.array([3, 30]), 100, 10).tolist() == [0.3, 1.0]
    assert metrics.best_precision(np.array([3]), 3, 10).tolist() == [1.0]


def test_precision_of_what_can_be_filled_counts_no_place_that_cannot() -> None:
    ranking = np.array([[True, True, False, True], [False, True, False, False], [False] * 4])
    assert metrics.filled_precision(ranking, 10) == pytest.approx([2 / 3, 0, 0])
    assert metrics.filled_precision(ranking, 2) == pytest.approx([1, 0, 0])


def test_an_interval_is_the_same_every_time_and_holds_the_mean() -> None:
    values = np.random.default_rng(3).random(200)
    first = metrics.interval(values)
    assert first == metrics.interval(values)
    assert first.low < values.mean() < first.high
    assert metrics.interval(values, seed=1) != first


def test_an_interval_has_the_width_theory_gives() -> None:
    values = (np.arange(1000) < 500).astype(float)
    low, high = metrics.interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.25 / 1000), rel=0.1)


def test_clips_of_one_recording_count_as_one_draw() -> None:
    values = np.repeat(np.random.default_rng(0).random(30), 10)
    alone, together = metrics.interval(values), metrics.interval(values, np.repeat(np.arange(30), 10))
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_certainty_has_no_width() -> None:
    assert metrics.interval(np.ones(7)) == (1.0, 1.0)


def test_the_gap_of_opposite_modalities_is_two() -> None:
    a = np.tile([1.0, 0.0], (5, 1))
    assert metrics.modality_gap(a, -a) == pytest.approx(2)
    assert metrics.modality_gap(a, a) == 0


def test_a_hub_skews_the_occurrences() -> None:
    scores = np.full((100, 50), 0.0)
    scores[:, 0] = 1  # everyone's nearest
    scores[np.arange(100), 1 + np.arange(100) % 49] = 0.5
    counts = metrics.occurrences(scores, 2)
    assert counts[0] == 100
    assert counts.sum() == 200
    assert metrics.skewness(counts) > 5
    assert metrics.skewness(np.full(10, 3)) == 0


def test_skewness_of_a_case_worked_by_hand() -> None:
    # 0, 0, 3: mean 1, deviations -1, -1, 2; variance 2; third moment 2.
    assert metrics.skewness(np.array([0, 0, 3])) == pytest.approx(2 / 2**1.5)


def test_a_centroid_points_where_its_rows_do() -> None:
    rows = np.array([[1.0, 0], [0, 1], [-1, 0]])
    found = metrics.centroids(rows, np.array(["a", "a", "b"]), ["a", "b"])
    assert found == pytest.approx(np.array([[0.5**0.5, 0.5**0.5], [-1, 0]]))

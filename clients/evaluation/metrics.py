"""How well embeddings find each other, in numpy: a number for every query, what chance gives, and how sure it is.

A ranking is a bool array (Q, G): row q holds, best first, whether each of the G things in the gallery belongs to
query q. Everything below reads that one array. Where two things score the same, the wrong one stands first, so a model
that cannot tell things apart gains nothing from the order of a table.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

RESAMPLES = 1000
LEVEL = 0.95


class Interval(NamedTuple):
    """Where a mean lies with probability `LEVEL`, had other items been drawn."""

    low: float
    high: float


def ranked(scores: NDArray[np.floating], relevant: Bools) -> Bools:
    """Orders what is relevant by score.

    Args:
        scores: (Q, G), higher is nearer.
        relevant: bool (Q, G).

    Returns:
        bool (Q, G), the best first in each row; among equal scores the irrelevant first.
    """
    order = np.lexsort((relevant, -scores), axis=-1)
    return np.take_along_axis(relevant, order, axis=-1)


def recall(ranking: Bools, k: int) -> Floats:
    """Recall@k as retrieval of pairs counts it: 1 where one of the first k belongs to the query, else 0. (Q,)"""
    return ranking[:, :k].any(axis=1).astype(np.float64)


def precision(ranking: Bools, k: int) -> Floats:
    """The part of the first k (of all, where the gallery is smaller) that belongs to the query. (Q,), in [0, 1]"""
    return ranking[:, :k].mean(axis=1)


def filled_precision(ranking: Bools, k: int) -> Floats:
    """Precision at min(k, R), R being how many belong to the query: a perfect order reaches 1 however few there are.

    (Q,), in [0, 1]; 0 where nothing is relevant. `chance_precision` is its chance too.
    """
    places = np.clip(ranking.sum(axis=1), 1, k)
    counted = np.arange(ranking.shape[1]) < places[:, None]
    return (ranking & counted).sum(axis=1) / places


def average_precision(ranking: Bools) -> Floats:
    """The mean of the precision at each relevant place; 0 where nothing is relevant. (Q,), in [0, 1]"""
    places = np.arange(1, ranking.shape[1] + 1)
    precision_there = ranking.cumsum(axis=1) / places
    return (precision_there * ranking).sum(axis=1) / np.maximum(ranking.sum(axis=1), 1)


def chance_recall(relevant: NDArray[np.int64], gallery: int, k: int) -> Floats:
    """Recall@k of a random order, exactly: one minus the probability of k draws without any of the relevant.

    Args:
        relevant: (Q,), how many things belong to each query.
        gallery: how many there are.
    """
    draws = np.arange(min(k, gallery))
    left = gallery - draws
    missed = np.maximum(left - np.asarray(relevant)[:, None], 0) / left  # (Q, draws)
    return 1 - missed.prod(axis=1)


def chance_precision(relevant: NDArray[np.int64], gallery: int) -> Floats:
    """Precision@k of a random order, for any k. (Q,)"""
    return np.asarray(relevant) / gallery


def chance_average_precision(relevant: NDArray[np.int64], gallery: int) -> Floats:
    """Average precision of a random order, exactly: given a relevant thing at place p, each of the p - 1 before it is
    relevant with probability (r - 1) / (G - 1). (Q,)"""
    relevant = np.asarray(relevant)
    harmonic = (1 / np.arange(1, gallery + 1)).sum()
    others = (relevant - 1) / max(gallery - 1, 1)
    value = (harmonic + others * (gallery - harmonic)) / gallery
    return np.where(relevant > 0, value, 0.0)


def best_precision(relevant: NDArray[np.int64], gallery: int, k: int) -> Floats:
    """Precision@k of a perfect order: below 1 where fewer than k things belong to the query. (Q,)"""
    k = min(k, gallery)
    return np.minimum(relevant, k) / k


def interval(
    values: Floats, groups: NDArray | None = None, *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> Interval:
    """Percentile bootstrap of a mean (Efron and Tibshirani 1993, chapter 13).

    Args:
        values: (N,), one an item.
        groups: (N,), names of what was sampled as one, such as the clips of one recording: they are drawn together.
            Default: every item for itself.

    Returns:
        The same interval for the same values and seed.
    """
    _, group = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    sums, sizes = np.bincount(group, weights=values), np.bincount(group)
    random = np.random.default_rng(seed)
    draws = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=resamples)  # (resamples, groups)
    means = (draws @ sums) / (draws @ sizes)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def modality_gap(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Distance between the centroids of two modalities' unit vectors, in [0, 2]. Liang et al. 2022, section 2.

    Args:
        a: (N, D), rows of norm 1.
        b: (M, D), rows of norm 1.
    """
    return float(np.linalg.norm(a.mean(axis=0, dtype=np.float64) - b.mean(axis=0, dtype=np.float64)))


def occurrences(scores: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """How often each thing of the gallery is among the k nearest of a query. (G,), of sum Q * min(k, G)."""
    nearest = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.bincount(nearest.ravel(), minlength=scores.shape[1])


def skewness(counts: NDArray[np.int64]) -> float:
    """Third standardised moment. Of `occurrences` it is hubness: 0 is even, above 1 a few things are found by everyone.

    Radovanovic et al. 2010, section 2. 0 where all counts are equal.
    """
    centred = counts - counts.mean()
    deviation = centred.std()
    return float((centred**3).mean() / deviation**3) if deviation > 0 else 0.0


def centroids(vectors: NDArray[np.floating], keys: NDArray[np.str_], names: list[str]) -> NDArray[np.floating]:
    """The direction of the mean of each name's rows: (N, D) -> (len(names), D), rows of norm 1."""
    means = np.stack([vectors[keys == name].mean(axis=0) for name in names])
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.finfo(np.float32).tiny)

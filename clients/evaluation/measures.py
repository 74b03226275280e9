"""The any-to-any matrix: what each modality finds of each other, and what text names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from . import metrics
from .labels import ESC_10
from .pools import PROMPTS, UNSEEN, Pool

Vectors = Mapping[str, NDArray[np.float32]]  # by pool, (N, D), rows of norm 1
Names = Mapping[str, Collection[str]]  # by modality
NO_NAMES: Names = MappingProxyType({})

RECALLS = (1, 5, 10)
PRECISION_AT = 10
STRICT, FILLED = f"P@{PRECISION_AT}", f"P@min({PRECISION_AT},R)"
HUB_K = 10
SCORE_DECIMALS = 5  # what is closer than this was told apart by rounding, not by the model
_CHUNK = 512  # queries ranked at once, so that memory does not grow with the square of a table


@dataclass(frozen=True)
class Measure:
    """One number, with what it is to be compared with.

    Attributes:
        query: the modality asked with.
        target: the modality looked for.
        what: which pairs or classes belong together.
        metric: "R@1", "R@5", "R@10", "P@10", "P@min(10,R)", "mAP" or "accuracy".
        value: the mean over `queries`.
        low: lower end of its bootstrap interval.
        high: upper end of it.
        chance: the same number without looking: a random order; for accuracy, always answering the largest class.
        best: what a perfect order reaches, below 1 where fewer things belong to a query than places are counted.
        queries: how many things were asked with.
        gallery: how many could be answered.
        emergent: the two modalities, or these names with this modality, were never trained as a pair.
        shuffled: the same number from the same encoders with shuffled weights; None where that was not asked for.
    """

    query: str
    target: str
    what: str
    metric: str
    value: float
    low: float
    high: float
    chance: float
    best: float
    queries: int
    gallery: int
    emergent: bool = False
    shuffled: float | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.query, self.target, self.what, self.metric


@dataclass(frozen=True)
class Geometry:
    """How two modalities lie to each other.

    Attributes:
        query: the modality asked with.
        target: the modality looked for.
        gap: distance of the two centroids, in [0, 2].
        hubness: skewness of how often each thing of `target` is among the 10 nearest of a query.
        emergent: the two modalities were never trained as a pair.
        shuffled_gap: the gap with shuffled weights; None where that was not asked for.
        shuffled_hubness: the hubness with shuffled weights.
    """

    query: str
    target: str
    gap: float
    hubness: float
    emergent: bool = False
    shuffled_gap: float | None = None
    shuffled_hubness: float | None = None


@dataclass(frozen=True)
class Relation:
    """Two pools and the column that says what belongs together. Single things count recall, classes precision."""

    a: str
    b: str
    column: str
    what: str

    @property
    def is_instances(self) -> bool:
        return self.column == "item"


RELATIONS = (
    Relation("pictures", "captions", "item", "captions"),
    Relation("pictures", "prompts of concepts", "concept", "concepts"),
    Relation("pictures", "prompts of picture labels", "label", "labels"),
    Relation("pictures", "sounds", "concept", "concepts"),
    Relation("sounds", "prompts of sound labels", "label", "labels"),
    Relation("frames", "maps", "item", "frames"),
    Relation("frames", "maps", "scene", "places"),
    Relation("maps", "prompts of places", "scene", "places"),
)


@dataclass(frozen=True)
class Naming:
    """A zero-shot task: things of a pool, named by the prompts of their classes."""

    what: str
    pool: str
    prompts: str
    where: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()


NAMINGS = (
    Naming("concepts", "pictures", "prompts of concepts"),
    Naming("picture labels", "pictures", "prompts of picture labels"),
    Naming("ESC-10", "sounds", "prompts of sound labels", {"source": "esc-50"}, ESC_10),
    Naming("ESC labels", "sounds", "prompts of sound labels", {"source": "esc-50"}),
    Naming("instruments", "sounds", "prompts of sound labels", {"source": "philharmonia"}),
    Naming("sound labels", "sounds", "prompts of sound labels"),
    Naming("places", "maps", "prompts of places"),
    Naming("places", "frames", "prompts of places"),
)


def all_measures(pools: Mapping[str, Pool], vectors: Vectors, trained_names: Names = NO_NAMES) -> Iterator[Measure]:
    """Everything that can be measured with the pools that have vectors.

    Args:
        trained_names: by modality, the names whose words it was trained with, where not with all.
    """
    yield from naming(pools, vectors, trained_names)
    yield from unseen_words(pools, vectors)
    yield from retrieval(pools, vectors)


def retrieval(pools: Mapping[str, Pool], vectors: Vectors) -> Iterator[Measure]:
    """Every relation both of whose pools are there, in both directions."""
    for relation in RELATIONS:
        if relation.a in vectors and relation.b in vectors:
            for query, gallery in ((relation.a, relation.b), (relation.b, relation.a)):
                yield from _one_way(relation, pools[query], pools[gallery], vectors[query], vectors[gallery])


def _one_way(
    relation: Relation, asked: Pool, answers: Pool, queries: NDArray[np.float32], gallery: NDArray[np.float32]
) -> Iterator[Measure]:
    """The measures of one direction, over the things whose name in the column both pools know."""
    theirs, ours = answers.keys.get(relation.column), asked.keys.get(relation.column)
    if ours is None or theirs is None:
        return
    shared = list((set(ours.tolist()) & set(theirs.tolist())) - {""})
    if not shared:
        return
    use, among = np.isin(ours, shared), np.isin(theirs, shared)
    names, codes = np.unique(np.concatenate([ours[use], theirs[among]]), return_inverse=True)
    ours, theirs = np.split(codes, [use.sum()])
    groups = asked.keys["group"][use] if "group" in asked.keys else None
    relevant, size = np.bincount(theirs, minlength=len(names))[ours], len(theirs)
    values = _ranking_values(queries[use], gallery[among], ours, theirs, relation.is_instances)
    chances = {
        **{f"R@{k}": metrics.chance_recall(relevant, size, k) for k in RECALLS},
        STRICT: metrics.chance_precision(relevant, size),
        FILLED: metrics.chance_precision(relevant, size),
        "mAP": metrics.chance_average_precision(relevant, size),
    }
    best = {STRICT: metrics.best_precision(relevant, size, PRECISION_AT).mean()}
    for metric, each in values.items():
        yield Measure(
            asked.modality,
            answers.modality,
            relation.what,
            metric,
            float(each.mean()),
            *metrics.interval(each, groups),
            chance=float(chances[metric].mean()),
            best=float(best.get(metric, 1.0)),
            queries=len(ours),
            gallery=size,
        )


def _ranking_values(
    queries: NDArray[np.float32],
    gallery: NDArray[np.float32],
    ours: NDArray[np.int64],
    theirs: NDArray[np.int64],
    instances: bool,
) -> dict[str, metrics.Floats]:
    """By metric, one value a query."""
    parts: list[dict[str, metrics.Floats]] = []
    for start in range(0, len(queries), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        scores = (queries[chunk] @ gallery.T).round(SCORE_DECIMALS)
        ranking = metrics.ranked(scores, ours[chunk, None] == theirs)
        if instances:
            parts.append({f"R@{k}": metrics.recall(ranking, k) for k in RECALLS})
        else:
            parts.append(
                {
                    STRICT: metrics.precision(ranking, PRECISION_AT),
                    FILLED: metrics.filled_precision(ranking, PRECISION_AT),
                    "mAP": metrics.average_precision(ranking),
                }
            )
    return {metric: np.concatenate([part[metric] for part in parts]) for metric in parts[0]}


@dataclass(frozen=True)
class Named:
    """The things of one zero-shot task and what each was named.

    Attributes:
        task: what was asked.
        pool: where the things are from.
        rows: bool (N,), which of the pool's things take part.
        truth: (n,), their own classes.
        found: (n,), the class whose prompts, averaged, are nearest.
        classes: all that could be answered.
    """

    task: Naming
    pool: Pool
    rows: NDArray[np.bool_]
    truth: NDArray[np.str_]
    found: NDArray[np.str_]
    classes: list[str]


def all_named(pools: Mapping[str, Pool], vectors: Vectors) -> Iterator[Named]:
    """Every zero-shot task whose things and prompts are there."""
    for task in NAMINGS:
        if task.pool not in vectors or task.prompts not in vectors:
            continue
        pool, column = pools[task.pool], PROMPTS[task.prompts][1]
        classes = [each for each in pool.classes(column, **task.where) if not task.only or each in task.only]
        if len(classes) < 2:
            continue
        keys = pool.keys[column]
        rows = np.all([np.isin(keys, classes), *(pool.keys[key] == value for key, value in task.where.items())], axis=0)
        if not rows.any():
            continue
        heads = metrics.centroids(vectors[task.prompts], pools[task.prompts].keys[column], classes)
        found = _nearest(vectors[task.pool][rows], heads, classes)
        yield Named(task, pool, rows, keys[rows], found, classes)


def naming(pools: Mapping[str, Pool], vectors: Vectors, trained_names: Names = NO_NAMES) -> Iterator[Measure]:
    """Zero-shot accuracy: the class whose prompts, averaged, are nearest.

    Where a modality was trained with some names only, the things of other names, among all classes, are measured apart.
    """
    for named in all_named(pools, vectors):
        modality, trained = named.pool.modality, list(trained_names.get(named.pool.modality, ()))
        groups = named.pool.keys["group"][named.rows] if "group" in named.pool.keys else None
        everything = np.ones(len(named.truth), bool)
        parts = {named.task.what: everything}
        if trained:
            parts[f"{named.task.what}, never told in words"] = ~np.isin(named.truth, trained)
        for what, part in parts.items():
            if part.any():
                group = None if groups is None else groups[part]
                measure = _accuracy(modality, "text", what, named.found[part], named.truth[part], named.classes, group)
                yield replace(measure, emergent=part is not everything)


def unseen_words(pools: Mapping[str, Pool], vectors: Vectors, words: str = UNSEEN) -> Iterator[Measure]:
    """Whether words kept out of training find their concept: the nearest prompts, and the nearest pictures."""
    if words not in vectors or "prompts of concepts" not in vectors:
        return
    keys = pools[words].keys
    each, first = np.unique(keys["word"], return_index=True)
    concept = keys["concept"][first]
    asked = metrics.centroids(vectors[words], keys["word"], each.tolist())
    named = pools["prompts of concepts"]
    classes = pools["pictures"].classes("concept")
    heads = metrics.centroids(vectors["prompts of concepts"], named.keys["concept"], classes)
    yield _accuracy("text", "text", words, _nearest(asked, heads, classes), concept, classes)
    seen = pools["pictures"].keys["concept"]
    pictured = [name for name in classes if (seen == name).any()]
    heads = metrics.centroids(vectors["pictures"], seen, pictured)
    yield _accuracy("text", "image", words, _nearest(asked, heads, pictured), concept, pictured)
    finding = Relation(words, "pictures", "concept", words)
    yield from _one_way(finding, pools[words], pools["pictures"], vectors[words], vectors["pictures"])


def _nearest(vectors: NDArray[np.float32], heads: NDArray[np.floating], classes: list[str]) -> NDArray[np.str_]:
    return np.array(classes)[(vectors @ heads.T).argmax(axis=1)]


def _accuracy(
    query: str,
    target: str,
    what: str,
    found: NDArray[np.str_],
    truth: NDArray[np.str_],
    classes: list[str],
    groups: NDArray[np.str_] | None = None,
) -> Measure:
    right = (found == truth).astype(np.float64)
    largest = np.unique(truth, return_counts=True)[1].max() / len(truth)
    return Measure(
        query,
        target,
        what,
        "accuracy",
        float(right.mean()),
        *metrics.interval(right, groups),
        chance=float(max(largest, 1 / len(classes))),
        best=1.0,
        queries=len(truth),
        gallery=len(classes),
    )


def geometry(pools: Mapping[str, Pool], vectors: Vectors) -> Iterator[Geometry]:
    """The gap and the hubs between every two modalities, both directions, each by the first pool it has."""
    first: dict[str, str] = {}
    for name in vectors:
        first.setdefault(pools[name].modality, name)
    for query, asked in first.items():
        for target, answers in first.items():
            if query != target:
                gap = metrics.modality_gap(vectors[asked], vectors[answers])
                counts = metrics.occurrences(vectors[asked] @ vectors[answers].T, HUB_K)
                yield Geometry(query, target, gap, metrics.skewness(counts))

"""Where a model goes wrong: its worst sources and classes, and what words for people lie near to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from . import metrics
from .measures import Named, Vectors, all_named
from .pools import PEOPLE, Pool

ASSOCIATIONS = 3  # labels told for each word


@dataclass(frozen=True)
class Part:
    """How much of one part of a zero-shot task was named right.

    Attributes:
        query: the modality that was named.
        what: the task, as in its `Measure`.
        by: what the task was parted by, "class" or "source".
        part: the class or the source.
        value: the share named right.
        queries: of how many.
        taken_for: the wrong class named most often; "" where all were right.
        times: how often.
    """

    query: str
    what: str
    by: str
    part: str
    value: float
    queries: int
    taken_for: str
    times: int


@dataclass(frozen=True)
class Association:
    """A word for people, and the labels whose pictures, averaged, are nearest to it, with their cosines."""

    word: str
    nearest: tuple[tuple[str, float], ...]


def parts(pools: Mapping[str, Pool], vectors: Vectors) -> Iterator[Part]:
    """Every zero-shot task by class, and by source where its table tells sources and there are several."""
    for named in all_named(pools, vectors):
        yield from _parted(named, "class", named.truth)
        sources = named.pool.keys["source"][named.rows] if "source" in named.pool.keys else np.array([""])
        if len(set(sources.tolist())) > 1:
            yield from _parted(named, "source", sources)


def _parted(named: Named, by: str, names: np.ndarray) -> Iterator[Part]:
    for name in sorted(set(names.tolist())):
        truth, found = named.truth[names == name], named.found[names == name]
        wrong = Counter(found[found != truth].tolist()).most_common(1)
        taken_for, times = wrong[0] if wrong else ("", 0)
        value = float((found == truth).mean())
        yield Part(named.pool.modality, named.task.what, by, name, value, len(truth), taken_for, times)


def associations(pools: Mapping[str, Pool], vectors: Vectors) -> Iterator[Association]:
    """For each word of `PEOPLE`, the nearest labels of pictures."""
    if PEOPLE not in vectors or "pictures" not in vectors or "label" not in pools["pictures"].keys:
        return
    labels = pools["pictures"].keys["label"]
    names = sorted(set(labels.tolist()) - {""})
    pictures = metrics.centroids(vectors["pictures"], labels, names)
    words = list(dict.fromkeys(pools[PEOPLE].keys["word"].tolist()))
    asked = metrics.centroids(vectors[PEOPLE], pools[PEOPLE].keys["word"], words)
    for word, cosines in zip(words, asked @ pictures.T, strict=True):
        nearest = np.argsort(-cosines)[:ASSOCIATIONS]
        yield Association(word, tuple((names[i], float(cosines[i])) for i in nearest))

"""Pools through a server to vectors, and vectors to what is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...proto.v1.manifest_pb2 import Manifest
from ..client import Client
from ..errors import ItemError
from ..items import Item, item, text
from .measures import Geometry, Measure, all_measures, geometry
from .mistakes import Association, Part, associations, parts
from .pools import Pool

# Batches from different pools would mix kinds of work; one pool after another keeps each encoder's batches full.
_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


@dataclass(frozen=True)
class Embedded:
    """A pool that was embedded: how many things, and which rows they are."""

    name: str
    modality: str
    count: int
    chosen: str


@dataclass(frozen=True)
class Failure:
    """A thing that was left out, and why."""

    pool: str
    title: str
    message: str


@dataclass(frozen=True)
class Evaluation:
    """Everything measured of one model on one folder."""

    model: str
    pools: tuple[Embedded, ...]
    failures: tuple[Failure, ...]
    measures: tuple[Measure, ...]
    geometry: tuple[Geometry, ...]
    parts: tuple[Part, ...]
    associations: tuple[Association, ...]


@dataclass(frozen=True)
class Space:
    """Pools with a vector for everything in them, (N, D) a pool, rows of norm 1; and what is left out."""

    pools: Mapping[str, Pool]
    vectors: Mapping[str, NDArray[np.float32]]
    failures: tuple[Failure, ...]


def embed_pools(client: Client, pools: Mapping[str, Pool], console: Console) -> Space:
    """Embeds everything in the pools whose modality the server has. What fails is left out of its pool.

    Raises:
        CallError: the server is gone.
        TableError: a file that its table names is missing.
    """
    served = {each.encoder.modality for each in client.info().modalities}
    wanted = {name: pool for name, pool in pools.items() if pool.modality in served}
    kept, vectors, failures = {}, {}, []
    with Progress(*_COLUMNS, console=console, transient=True) as progress:
        for name, pool in wanted.items():
            bar = progress.add_task(name, total=len(pool))
            found: dict[int, NDArray[np.float32]] = {}
            for index, outcome in client.embed_stream(_items(pool)):
                if isinstance(outcome, ItemError):
                    failures.append(Failure(name, pool.titles[index], outcome.message))
                else:
                    found[index] = outcome.vector
                progress.advance(bar)
            if found:
                rows = sorted(found)
                kept[name], vectors[name] = _only(pool, rows), np.stack([found[index] for index in rows])
    return Space(kept, vectors, tuple(failures))


def evaluate(space: Space, manifest: Manifest, shuffled: Space | None = None) -> Evaluation:
    """Measures what was embedded.

    Args:
        manifest: tells which modalities were trained as pairs, and with which names.
        shuffled: the same things in the space of the same encoders with shuffled weights.
    """
    pairs = trained_pairs(manifest)
    names = {each.modality: frozenset(each.trained_names) for each in manifest.encoders if each.trained_names}
    measures = [
        replace(each, emergent=True)
        if each.query != each.target and frozenset((each.query, each.target)) not in pairs
        else each
        for each in all_measures(space.pools, space.vectors, names)
    ]
    lies = [
        replace(each, emergent=frozenset((each.query, each.target)) not in pairs)
        for each in geometry(space.pools, space.vectors)
    ]
    if shuffled is not None:
        blind = {each.key: each.value for each in all_measures(shuffled.pools, shuffled.vectors, names)}
        measures = [replace(each, shuffled=blind.get(each.key)) for each in measures]
        apart = {(each.query, each.target): each for each in geometry(shuffled.pools, shuffled.vectors)}
        lies = [
            replace(each, shuffled_gap=other.gap, shuffled_hubness=other.hubness)
            for each in lies
            if (other := apart.get((each.query, each.target)))
        ]
    embedded = tuple(Embedded(pool.name, pool.modality, len(pool), pool.chosen) for pool in space.pools.values())
    return Evaluation(
        model=manifest.name,
        pools=embedded,
        failures=space.failures,
        measures=tuple(measures),
        geometry=tuple(lies),
        parts=tuple(parts(space.pools, space.vectors)),
        associations=tuple(associations(space.pools, space.vectors)),
    )


def trained_pairs(manifest: Manifest) -> set[frozenset[str]]:
    """Modalities that were trained together: each with those its encoder names, or else with the anchor."""
    return {
        frozenset((encoder.modality, other))
        for encoder in manifest.encoders
        for other in (encoder.trained_with or [manifest.anchor])
        if other
    }


def _items(pool: Pool) -> Iterator[Item]:
    for index in range(len(pool)):
        content = pool.content(index)
        yield text(content) if isinstance(content, str) else item(pool.modality, content)


def _only(pool: Pool, rows: list[int]) -> Pool:
    """The pool with only these of its things."""
    if len(rows) == len(pool):
        return pool
    return replace(
        pool,
        titles=tuple(pool.titles[row] for row in rows),
        keys={column: names[rows] for column, names in pool.keys.items()},
        content=lambda index: pool.content(rows[index]),
    )

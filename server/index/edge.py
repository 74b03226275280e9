"""The embedded engine: a Qdrant shard in a folder of its own.

`DIR/anybind.json` says which space the points lie in, `DIR/shard/` is the engine's, `DIR/lock` is held while a
process has the folder open. What `upsert` has acknowledged is in the write-ahead log, and the log on the disk: it
survives `kill -9` and a power cut, and the next opening replays it.

Facts of qdrant-edge-py 0.9, measured:
* `query` and `retrieve` let go of the interpreter lock; `update` holds it for as good as no time (0.4 ms for 32 points
  of 256 floats), `flush` for 5 to 200 ms, depending on the disk. So the log is forced to the disk here, by `fsync`,
  which lets go of it, and `flush` runs seldom, to keep the log short.
* `optimize`, which builds the HNSW graph, holds it for as long as that takes: half a minute for 65,000 points of 256
  floats on two cores. So it runs only while the folder is being opened, never under traffic, and only over 64 MiB of
  vectors that are in no graph yet; those are scanned, in about 10 ms.
* A bool to be matched is taken for an integer, so the payload's bools are stored a second time, as words.
"""

import fcntl
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import qdrant_edge as engine

from .errors import BadLocation, IndexDown, IndexHeld, WrongSpace
from .filters import Dialect, Filter, path_of, translate
from .points import Hit, StoredPoint, fields_of, hit_from, in_order, point_from

log = logging.getLogger(__name__)

FORMAT_VERSION = 1
_ABOUT, _SHARD, _LOCK = "anybind.json", "shard", "lock"
_UNFINISHED_ABOUT, _UNFINISHED_SHARD = "anybind.json.unfinished", "shard.unfinished"
_OURS = {_ABOUT, _SHARD, _LOCK, _UNFINISHED_ABOUT, _UNFINISHED_SHARD}
_FLUSH_EVERY_POINTS = 20_000  # an opening after a crash replays at most so many: a few seconds
_GRAPH_FROM_KIB = 64 << 10
_INDEXED_FIELDS = ("modality", "uri", "content_id")
_BOOLS = "bools"


def _bool_condition(key: str, value: bool) -> engine.FieldCondition:
    path_of(key)
    return engine.FieldCondition(key=_BOOLS, match=engine.MatchValue(_bool_word(key, value)))


_DIALECT = Dialect(
    filter=engine.Filter,
    field=engine.FieldCondition,
    value=engine.MatchValue,
    flag=_bool_condition,
    any_of=engine.MatchAny,
    range=engine.RangeFloat,
)


class EdgeIndex:
    """An `Index` in a folder, made on first use. One process at a time may hold it open."""

    def __init__(self, folder: Path, embedding_size: int, space_id: str) -> None:
        """Opens or makes the index.

        Raises:
          BadLocation: the folder cannot be made or read, or holds something that is no index.
          IndexHeld: another process, or another index of this one, holds the folder open.
          WrongSpace: the folder's points lie in another space.
          IndexDown: the engine cannot load what is there.
        """
        self._folder = folder.absolute()
        self._embedding_size = embedding_size
        self._writing = threading.Lock()
        self._unflushed_points = 0
        self._lock = _hold(self._folder)
        try:
            self._shard = _open_shard(self._folder, embedding_size, space_id)
        except BaseException:
            self._lock.close()
            raise

    def upsert(self, points: Sequence[StoredPoint]) -> None:
        stored = [engine.Point(point.id, point.vector.tolist(), _fields_with_bools(point)) for point in points]
        if not stored:
            return
        with self._writing, self._fault("store points"):
            self._write(engine.UpdateOperation.upsert_points(stored), len(stored))

    def search(
        self, vector: np.ndarray, top_k: int, filter: Filter | None = None, with_vectors: bool = False
    ) -> list[Hit]:
        request = engine.QueryRequest(
            limit=top_k,
            query=engine.Query.Nearest(vector.tolist()),
            filter=_translated(filter),
            with_payload=True,
            with_vector=with_vectors,
        )
        with self._fault("search"):
            scored = self._shard.query(request)
        return [hit_from(point_from(one.id, one.payload, one.vector), one.score) for one in scored]

    def get(self, ids: Sequence[str], with_vectors: bool = False) -> list[StoredPoint]:
        wanted = list(dict.fromkeys(ids))
        with self._fault("read points"):
            records = self._shard.retrieve(wanted, True, with_vectors)
        return in_order(wanted, [point_from(record.id, record.payload, record.vector) for record in records])

    def delete(self, ids: Sequence[str] = (), filter: Filter | None = None) -> int:
        either: list[Any] = [engine.HasIdCondition(set(ids))] if ids else []
        if filter is not None:
            either.append(_translated(filter))
        if not either:
            return 0
        doomed = engine.Filter(should=either)
        with self._writing, self._fault("delete points"):
            gone = self._shard.count(engine.CountRequest(exact=True, filter=doomed))
            self._write(engine.UpdateOperation.delete_points_by_filter(doomed), gone)
        return gone

    def count(self, filter: Filter | None = None) -> int:
        request = engine.CountRequest(exact=True, filter=_translated(filter))
        with self._fault("count points"):
            return self._shard.count(request)

    def modalities(self) -> list[str]:
        with self._fault("list modalities"):
            facets = self._shard.facet(engine.FacetRequest("modality", limit=1000, exact=True))
        return sorted(str(hit.value) for hit in facets.hits)

    def close(self) -> None:
        if self._lock.closed:
            return
        with self._writing:
            self._shard.close()
            self._lock.close()

    def _write(self, operation: engine.UpdateOperation, points: int) -> None:
        """Applies an operation and forces it to the disk. The caller holds `_writing`."""
        self._shard.update(operation)
        log = self._folder / _SHARD / "wal"
        for path in (log, *log.iterdir()):
            with _descriptor(path) as descriptor:
                os.fsync(descriptor)
        self._unflushed_points += points
        if self._unflushed_points >= _FLUSH_EVERY_POINTS:
            self._shard.flush()
            self._unflushed_points = 0

    @contextmanager
    def _fault(self, what: str) -> Iterator[None]:
        try:
            yield
        except (TypeError, ValueError):  # a call that could not be made: a fault of this code
            raise
        except Exception as error:  # the engine has no class of its own
            raise IndexDown(f"The index {self._folder} could not {what}: {error}") from error


@contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _translated(wanted: Filter | None) -> engine.Filter | None:
    return None if wanted is None else translate(wanted, _DIALECT)


def _fields_with_bools(point: StoredPoint) -> dict[str, Any]:
    fields = fields_of(point)
    words = list(_bool_words("payload", fields.get("payload", {})))
    return fields | {_BOOLS: words} if words else fields


def _bool_words(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        yield _bool_word(key, value)
    elif isinstance(value, Mapping):
        for name, deeper in value.items():
            yield from _bool_words(f"{key}.{name}", deeper)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, bool):
                yield _bool_word(key, one)


def _bool_word(key: str, value: bool) -> str:
    return f"{key} is {str(value).lower()}"


def _hold(folder: Path) -> IO[str]:
    """Takes the folder for this process. The kernel lets go of it when the process ends, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strangers = {entry.name for entry in folder.iterdir()} - _OURS
        if strangers and not (folder / _ABOUT).exists():
            raise BadLocation(
                f"{folder} is no index and holds other files ({sorted(strangers)[0]!r} among them). "
                "Name a new or empty folder."
            )
        lock = open(folder / _LOCK, "a+", encoding="ascii")  # noqa: SIM115 - held for as long as the index is open
    except OSError as error:
        raise BadLocation(f"{folder} cannot be an index folder: {error.strerror or error}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise IndexHeld(
            f"The index {folder} is held open by another process{f' ({holder})' if holder else ''}. One process at a "
            "time may: stop that one, or ask it by --server, or name another folder."
        ) from error
    lock.truncate(0)
    lock.write(f"process {os.getpid()}")
    lock.flush()
    return lock


def _open_shard(folder: Path, embedding_size: int, space_id: str) -> engine.EdgeShard:
    about = folder / _ABOUT
    if not about.exists():
        _create(folder, embedding_size, space_id)
    _check_space(about, embedding_size, space_id)
    try:
        shard = engine.EdgeShard.load(str(folder / _SHARD))
        began_s = time.monotonic()
        if shard.optimize():
            log.info("%s: its search graph was built in %.1f s", folder, time.monotonic() - began_s)
    except Exception as error:
        if "WouldBlock" in str(error):
            raise IndexHeld(f"The index {folder} is held open by another program. Stop it first.") from error
        raise IndexDown(f"The index {folder} cannot be loaded: {error}. Delete the folder and index again.") from error
    return shard


def _create(folder: Path, embedding_size: int, space_id: str) -> None:
    """Makes the shard aside and `anybind.json` last: a folder whose making was cut off is made again."""
    unfinished = folder / _UNFINISHED_SHARD
    try:
        for leftover in (unfinished, folder / _SHARD):
            if leftover.exists():
                shutil.rmtree(leftover)
        unfinished.mkdir()
        vectors = engine.EdgeVectorParams(size=embedding_size, distance=engine.Distance.Cosine)
        graph = engine.EdgeOptimizersConfig(indexing_threshold=_GRAPH_FROM_KIB)
        shard = engine.EdgeShard.create(str(unfinished), engine.EdgeConfig(vectors=vectors, optimizers=graph))
        for name in _INDEXED_FIELDS:
            shard.update(engine.UpdateOperation.create_field_index(name, engine.PayloadSchemaType.Keyword))
        shard.flush()
        shard.close()
        unfinished.rename(folder / _SHARD)
        about = {"format_version": FORMAT_VERSION, "space_id": space_id, "embedding_size": embedding_size}
        (folder / _UNFINISHED_ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        (folder / _UNFINISHED_ABOUT).replace(folder / _ABOUT)
    except Exception as error:
        raise IndexDown(f"No index could be made in {folder}: {error}") from error


def _check_space(about: Path, embedding_size: int, space_id: str) -> None:
    try:
        said = json.loads(about.read_text(encoding="utf-8"))
        version, space, size = said["format_version"], said["space_id"], said["embedding_size"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadLocation(f"{about} cannot be read ({error}). Delete {about.parent} and index again.") from error
    if version != FORMAT_VERSION:
        raise BadLocation(f"{about} has format version {version}; this anybind knows {FORMAT_VERSION}. Index again.")
    if (space, size) != (space_id, embedding_size):
        raise WrongSpace(
            f"The index {about.parent} holds vectors of space {space} ({size} floats); the model's space is {space_id} "
            f"({embedding_size} floats). Use the model it was made with, or index again into another folder."
        )

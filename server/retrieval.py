"""The `Retrieval` service: items and vectors in, points stored and hits back.

Items are embedded side by side by the engine; the index blocks, so it is called in a few threads of its own.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import grpc
import numpy as np

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1 import retrieval_pb2 as rpb
from ..proto.v1 import retrieval_pb2_grpc
from .engine import Engine
from .errors import InvalidArgument, ServingError, Unavailable, to_item_error
from .index import AnyOf, BadFilter, Condition, Filter, Hit, Index, IndexFault, StoredPoint
from .points import UnknownPoint, read_filter, read_ids, read_point, read_vector, write_point
from .service import deadline_of

DEFAULT_TOP_K = 10
MAX_TOP_K = 1000
MAX_IDS = 1000
_INDEX_THREADS = 4

T = TypeVar("T")


@dataclass(frozen=True)
class _Query:
    """What is looked for: float32 (embedding_size,), norm 1, and what it cost to embed."""

    vector: np.ndarray
    timings: pb.Timings = field(default_factory=pb.Timings)


class NoIndex(ServingError):
    """The server keeps no points."""

    name = "NO_INDEX"
    code, status = pb.ERROR_CODE_UNAVAILABLE, grpc.StatusCode.FAILED_PRECONDITION


class Retrieval(retrieval_pb2_grpc.RetrievalServicer):
    """Answers `Retrieval` calls from one engine and one index; without an index it refuses them all, saying why.

    Raises `ServingError`, which the interceptor around every call makes its status.
    """

    def __init__(self, engine: Engine, index: Index | None) -> None:
        self._engine, self._index = engine, index
        self._threads = ThreadPoolExecutor(_INDEX_THREADS, thread_name_prefix="index")

    def close(self) -> None:
        """Waits for the index calls under way, then closes the index. No call may come after."""
        self._threads.shutdown(wait=True)
        if self._index is not None:
            self._index.close()

    async def Upsert(self, request: rpb.UpsertRequest, context: grpc.aio.ServicerContext) -> rpb.UpsertResponse:
        self._opened()
        limit = self._engine.limits.items
        if not 1 <= len(request.points) <= limit:
            raise InvalidArgument(f"The request has {len(request.points)} points; send 1 to {limit} at a time.")
        deadline = deadline_of(context)
        outcomes = await asyncio.gather(*(self._point(point, deadline) for point in request.points))
        stored = [outcome[0] for outcome in outcomes if not isinstance(outcome, ServingError)]
        if stored:
            await self._in_index(lambda index: index.upsert(stored))
        return rpb.UpsertResponse(results=[_upsert_result(outcome) for outcome in outcomes])

    async def Search(self, request: rpb.SearchRequest, context: grpc.aio.ServicerContext) -> rpb.SearchResponse:
        self._opened()
        top_k = request.top_k or DEFAULT_TOP_K
        if top_k > MAX_TOP_K:
            raise InvalidArgument(f"top_k is {top_k}; at most {MAX_TOP_K} hits are returned.")
        filter = read_filter(request.filter)
        query = await self._query(request, deadline_of(context))
        began = time.perf_counter()
        modalities = await self._modalities(request)
        hits: list[Hit] = []
        for together in [[one] for one in modalities] if request.per_modality else [modalities]:
            hits += await self._nearest(request, query, top_k, _only(filter, together))
        return rpb.SearchResponse(
            hits=[rpb.Hit(point=write_point(hit.point), score=hit.score) for hit in hits],
            space_id=self._engine.manifest.space_id,
            timings=query.timings,
            search_ms=(time.perf_counter() - began) * 1e3,
        )

    async def Delete(self, request: rpb.DeleteRequest, context: grpc.aio.ServicerContext) -> rpb.DeleteResponse:
        self._opened()
        ids = read_ids(request.ids)
        filter = read_filter(request.filter) if request.HasField("filter") else None
        if not ids and filter is None:
            raise InvalidArgument("Nothing to delete: give ids, a filter, or both. An empty filter means every point.")
        return rpb.DeleteResponse(deleted=await self._in_index(lambda index: index.delete(ids, filter)))

    async def Get(self, request: rpb.GetRequest, context: grpc.aio.ServicerContext) -> rpb.GetResponse:
        self._opened()
        if not 1 <= len(request.ids) <= MAX_IDS:
            raise InvalidArgument(f"The request has {len(request.ids)} ids; ask for 1 to {MAX_IDS} at a time.")
        ids = read_ids(request.ids)
        points = await self._in_index(lambda index: index.get(ids, request.with_vectors))
        return rpb.GetResponse(points=[write_point(point) for point in points])

    async def Count(self, request: rpb.CountRequest, context: grpc.aio.ServicerContext) -> rpb.CountResponse:
        self._opened()
        filter = read_filter(request.filter)
        return rpb.CountResponse(count=await self._in_index(lambda index: index.count(filter)))

    async def _point(
        self, given: rpb.PointInput, deadline: float | None
    ) -> tuple[StoredPoint, pb.Timings | None] | ServingError:
        """One point ready to be stored, its item embedded where it came as one; or why it cannot be."""
        manifest = self._engine.manifest
        try:
            match given.WhichOneof("source"):
                case "item":
                    # Everything else is read first: it costs nothing, and a fault in it saves the embedding.
                    unembedded = read_point(given, given.item.modality, np.empty(0, np.float32), manifest.space_id)
                    embedded = await self._engine.embed(given.item, deadline=deadline)
                    return replace(unembedded, vector=embedded.vector), embedded.timings
                case "vector":
                    if not given.vector.modality:
                        raise InvalidArgument("The vector does not say its modality: what it is an embedding of.")
                    vector = read_vector(given.vector, manifest.embedding_size, manifest.space_id)
                    return read_point(given, given.vector.modality, vector, manifest.space_id), None
                case _:
                    raise InvalidArgument("The point has neither an item nor a vector.")
        except ServingError as error:
            return error

    async def _nearest(self, request: rpb.SearchRequest, query: _Query, top_k: int, filter: Filter) -> list[Hit]:
        """The nearest points. A stored point is its own nearest: one more is asked for, and itself left out."""
        itself = read_ids([request.point_id])[0] if request.point_id else None
        wanted = top_k + (itself is not None)
        found = await self._in_index(lambda index: index.search(query.vector, wanted, filter, request.with_vectors))
        return [hit for hit in found if hit.point.id != itself][:top_k]

    async def _query(self, request: rpb.SearchRequest, deadline: float | None) -> _Query:
        """The query's vector, whichever way it was said."""
        manifest = self._engine.manifest
        match request.WhichOneof("query"):
            case "item":
                embedded = await self._engine.embed(request.item, deadline=deadline)
                return _Query(embedded.vector, embedded.timings)
            case "vector":
                return _Query(read_vector(request.vector, manifest.embedding_size, manifest.space_id))
            case "point_id":
                ids = read_ids([request.point_id])
                found = await self._in_index(lambda index: index.get(ids, with_vectors=True))
                if not found:
                    raise UnknownPoint(f"No point has the id {ids[0]}.")
                return _Query(found[0].vector)
            case _:
                raise InvalidArgument("The search has no query: give an item, a vector or a point_id.")

    async def _modalities(self, request: rpb.SearchRequest) -> list[str]:
        """The modalities to return, in the order asked for; empty where all are wanted, mixed."""
        asked = list(dict.fromkeys(request.modalities))
        known = {encoder.modality for encoder in self._engine.manifest.encoders}
        if known.issuperset(asked) and not (request.per_modality and not asked):
            return asked
        stored = await self._in_index(lambda index: index.modalities())
        strange = [one for one in asked if one not in known.union(stored)]
        if strange:
            raise InvalidArgument(
                f"The search asks for the modality {strange[0]!r}. The model has {', '.join(sorted(known))}."
            )
        return asked or stored

    def _opened(self) -> Index:
        if self._index is None:
            raise NoIndex("This server keeps no points: start it with --index DIR, or --index http://host:6333.")
        return self._index

    async def _in_index(self, call: Callable[[Index], T]) -> T:
        index = self._opened()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call, index)
        except BadFilter as error:
            raise InvalidArgument(str(error)) from error
        except IndexFault as error:
            raise Unavailable(str(error)) from error


def _only(filter: Filter, modalities: Sequence[str]) -> Filter:
    """The filter, narrowed to points of these modalities; of any where there are none."""
    if not modalities:
        return filter
    return replace(filter, must=(*filter.must, Condition("modality", AnyOf(tuple(modalities)))))


def _upsert_result(outcome: tuple[StoredPoint, pb.Timings | None] | ServingError) -> rpb.UpsertResult:
    if isinstance(outcome, ServingError):
        return rpb.UpsertResult(error=to_item_error(outcome))
    point, timings = outcome
    return rpb.UpsertResult(id=point.id, timings=timings)

"""The client for an event loop."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1 import embedding_pb2_grpc, retrieval_pb2_grpc
from ..proto.v1 import retrieval_pb2 as rpb
from .answers import Embedding, Hit, Point
from .connection import DEFAULT_DEADLINE_S, Connection, Tls
from .errors import ItemError
from .items import Item
from .plans import Plan, Plans, Send, Wait
from .requests import Filter, make_search
from .streams import EmbedStream


class AsyncClient:
    """Talks to an anybind server from an event loop: `Client`'s methods and errors, with `await`.

    >>> async with anybind.AsyncClient("localhost:7860") as client:
    ...     dog, bark = await client.embed([anybind.text("a dog"), anybind.audio("bark.wav")])
    ...     print(dog @ bark)

    Made and used in one event loop. Calls may be under way side by side.
    """

    def __init__(
        self,
        address: str = "localhost:7860",
        *,
        tls: Tls | None = None,
        token: str = "",
        deadline_s: float = DEFAULT_DEADLINE_S,
    ) -> None:
        """As `Client`."""
        connection = Connection(address, tls, token)
        self._channel = connection.aio_channel()
        self._metadata = connection.metadata
        self._address = address
        self._deadline_s = deadline_s
        self._plans = Plans(address)
        self._embedding = embedding_pb2_grpc.EmbeddingStub(self._channel)
        retrieval, health = retrieval_pb2_grpc.RetrievalStub(self._channel), health_pb2_grpc.HealthStub(self._channel)
        self._services = {"Embedding": self._embedding, "Retrieval": retrieval, "Health": health}

    async def embed(self, items: Sequence[Item], *, deadline_s: float | None = None) -> np.ndarray:
        """As `Client.embed`: float32 (n, embedding_size), rows of norm 1."""
        return await self._carry_out(self._plans.embed(items, self._within(deadline_s)))

    async def embed_each(
        self, items: Sequence[Item], *, with_clips: bool = False, deadline_s: float | None = None
    ) -> list[Embedding | ItemError]:
        """As `Client.embed_each`."""
        return await self._carry_out(self._plans.embed_each(items, with_clips, self._within(deadline_s)))

    async def embed_stream(
        self,
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        with_clips: bool = False,
        deadline_s: float | None = None,
    ) -> AsyncIterator[tuple[int, Embedding | ItemError]]:
        """As `Client.embed_stream`; the iterable may be asynchronous, and one that is not must not block."""
        stream = EmbedStream(with_clips, self._address)

        async def requests() -> AsyncIterator[pb.EmbedStreamRequest]:
            index = 0
            try:
                async for item in _asynchronous(items):
                    for part in stream.parts(index, item):
                        yield part
                    index += 1
            except Exception as error:
                stream.failure = error  # gRPC would log it and end the call without a word
                raise

        call = self._embedding.EmbedStream(requests(), timeout=deadline_s, metadata=self._metadata)
        try:
            async for response in call:
                yield stream.read(response)
        except (grpc.RpcError, asyncio.CancelledError) as error:
            if stream.failure is None and not isinstance(error, grpc.RpcError):
                raise  # the caller's own cancellation
            stream.raise_from(error)
        finally:
            call.cancel()

    async def info(self, *, deadline_s: float | None = None) -> pb.InfoResponse:
        """As `Client.info`."""
        return await self._carry_out(self._plans.call("Embedding/Info", pb.InfoRequest(), self._within(deadline_s)))

    async def upsert(self, points: Sequence[rpb.PointInput], *, deadline_s: float | None = None) -> list[str]:
        """As `Client.upsert`."""
        return await self._carry_out(self._plans.upsert(points, self._within(deadline_s)))

    async def upsert_each(
        self, points: Sequence[rpb.PointInput], *, deadline_s: float | None = None
    ) -> list[str | ItemError]:
        """As `Client.upsert_each`."""
        return await self._carry_out(self._plans.upsert_each(points, self._within(deadline_s)))

    async def search(
        self,
        query: Item | Embedding | None = None,
        *,
        point_id: str = "",
        top_k: int = 10,
        modalities: Sequence[str] = (),
        filter: Filter | None = None,
        per_modality: bool = False,
        with_vectors: bool = False,
        deadline_s: float | None = None,
    ) -> list[Hit]:
        """As `Client.search`."""
        request = make_search(query, point_id, top_k, modalities, filter, per_modality, with_vectors)
        return await self._carry_out(self._plans.search(request, self._within(deadline_s)))

    async def get(
        self, ids: Sequence[str], *, with_vectors: bool = False, deadline_s: float | None = None
    ) -> list[Point]:
        """As `Client.get`."""
        return await self._carry_out(self._plans.get(ids, with_vectors, self._within(deadline_s)))

    async def delete(
        self, ids: Sequence[str] = (), *, filter: Filter | None = None, deadline_s: float | None = None
    ) -> int:
        """As `Client.delete`."""
        return await self._carry_out(self._plans.delete(ids, filter, self._within(deadline_s)))

    async def count(self, *, filter: Filter | None = None, deadline_s: float | None = None) -> int:
        """As `Client.count`."""
        return await self._carry_out(self._plans.count(filter, self._within(deadline_s)))

    async def health(self, service: str = "", *, deadline_s: float | None = None) -> bool:
        """As `Client.health`."""
        request = health_pb2.HealthCheckRequest(service=service)
        answer = await self._carry_out(self._plans.call("Health/Check", request, self._within(deadline_s)))
        return answer.status == health_pb2.HealthCheckResponse.SERVING

    async def close(self) -> None:
        """As `Client.close`."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _within(self, deadline_s: float | None) -> float:
        return self._deadline_s if deadline_s is None else deadline_s

    async def _carry_out(self, plan: Plan) -> Any:
        """Does what the plan says, step by step, and returns what it returns."""
        try:
            step = plan.send(None)
            while True:
                try:
                    answer = await self._do(step)
                except grpc.RpcError as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(answer)
        except StopIteration as end:
            return end.value

    async def _do(self, step: Send | Wait) -> Any:
        if isinstance(step, Wait):
            return await asyncio.sleep(step.seconds)
        service, method = step.method.split("/")
        call = getattr(self._services[service], method)
        return await call(step.request, timeout=step.timeout_s, metadata=self._metadata)


async def _asynchronous(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item

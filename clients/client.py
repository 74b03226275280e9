"""The blocking client."""

import time
from collections.abc import Iterable, Iterator, Sequence
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


class Client:
    """Talks to an anybind server. May be used from several threads; `AsyncClient` has the same methods.

    >>> with anybind.Client("localhost:7860") as client:
    ...     dog, bark = client.embed([anybind.text("a dog"), anybind.audio("bark.wav")])
    ...     print(dog @ bark)

    Every method may raise the errors of `anybind.clients.errors`. Requests that are safe to repeat are tried up to four
    times while the server is away or asks to come again; only `delete` and `embed_stream` never are.
    """

    def __init__(
        self,
        address: str = "localhost:7860",
        *,
        tls: Tls | None = None,
        token: str = "",
        deadline_s: float = DEFAULT_DEADLINE_S,
    ) -> None:
        """Connects when first used.

        Args:
          address: `host:port` or `unix:path`.
          tls: encryption; None for none.
          token: a bearer token. Without TLS it is sent to this machine only.
          deadline_s: seconds every request, with its repetitions, may take; `math.inf` for no limit. A call that needs
            several requests, such as `embed` of a thousand items, may take as long for each.

        Raises:
          ValueError: the address is none, or the token would travel unencrypted.
          OSError: a certificate cannot be read.
        """
        connection = Connection(address, tls, token)
        self._channel = connection.channel()
        self._metadata = connection.metadata
        self._address = address
        self._deadline_s = deadline_s
        self._plans = Plans(address)
        self._embedding = embedding_pb2_grpc.EmbeddingStub(self._channel)
        retrieval, health = retrieval_pb2_grpc.RetrievalStub(self._channel), health_pb2_grpc.HealthStub(self._channel)
        self._services = {"Embedding": self._embedding, "Retrieval": retrieval, "Health": health}

    def embed(self, items: Sequence[Item], *, deadline_s: float | None = None) -> np.ndarray:
        """Every item's vector: float32 (n, embedding_size), rows of norm 1, in the order of the items.

        Raises:
          ItemError: the first item that failed. `embed_each` gives every item's own outcome instead.
        """
        return self._carry_out(self._plans.embed(items, self._within(deadline_s)))

    def embed_each(
        self, items: Sequence[Item], *, with_clips: bool = False, deadline_s: float | None = None
    ) -> list[Embedding | ItemError]:
        """Every item's outcome, in order: an embedding, or the error that it alone failed with.

        Args:
          with_clips: whether to give the embedding of every clip of a sound as well.
        """
        return self._carry_out(self._plans.embed_each(items, with_clips, self._within(deadline_s)))

    def embed_stream(
        self, items: Iterable[Item], *, with_clips: bool = False, deadline_s: float | None = None
    ) -> Iterator[tuple[int, Embedding | ItemError]]:
        """Embeds items as they come, and gives each outcome as soon as it is there, with the item's number from 0.

        The iterable is read in another thread, no faster than the server takes; large media goes in parts.

        Args:
          deadline_s: of the whole stream; by default there is none.
        """
        stream = EmbedStream(with_clips, self._address)

        def requests() -> Iterator[pb.EmbedStreamRequest]:
            try:
                for index, item in enumerate(items):
                    yield from stream.parts(index, item)
            except BaseException as error:
                stream.failure = error  # gRPC would print it and end the call without a word
                raise

        call = self._embedding.EmbedStream(requests(), timeout=deadline_s, metadata=self._metadata)
        try:
            for response in call:
                yield stream.read(response)
        except grpc.RpcError as error:
            stream.raise_from(error)
        finally:
            call.cancel()

    def info(self, *, deadline_s: float | None = None) -> pb.InfoResponse:
        """What is served: model, licence, space, recipes, limits, providers; as embedding.proto has it."""
        return self._carry_out(self._plans.call("Embedding/Info", pb.InfoRequest(), self._within(deadline_s)))

    def upsert(self, points: Sequence[rpb.PointInput], *, deadline_s: float | None = None) -> list[str]:
        """Stores points made by `anybind.point`, and gives their ids. When it returns they are on disk.

        Raises:
          ItemError: the first point that failed; others may be stored. `upsert_each` gives every outcome instead.
        """
        return self._carry_out(self._plans.upsert(points, self._within(deadline_s)))

    def upsert_each(
        self, points: Sequence[rpb.PointInput], *, deadline_s: float | None = None
    ) -> list[str | ItemError]:
        """Every point's outcome, in order: its id, or the error that it alone failed with."""
        return self._carry_out(self._plans.upsert_each(points, self._within(deadline_s)))

    def search(
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
        """The stored points nearest to an item, an embedding, or a stored point, by falling score.

        Args:
          point_id: the stored point to begin at, in place of a query.
          top_k: how many hits, 1 to 1000.
          modalities: which to return; by default all.
          filter: what a hit must be, by field: `{"payload.breed": "poodle"}` equals, `["poodle", "pug"]` any of them,
            `{"gte": 3, "lt": 7}` a range, `{"exists": True}` there at all. Or a `Filter` of retrieval.proto.
          per_modality: up to `top_k` hits of each modality, one modality after another.
          with_vectors: whether the points come with their vectors.
        """
        request = make_search(query, point_id, top_k, modalities, filter, per_modality, with_vectors)
        return self._carry_out(self._plans.search(request, self._within(deadline_s)))

    def get(self, ids: Sequence[str], *, with_vectors: bool = False, deadline_s: float | None = None) -> list[Point]:
        """The points that exist, in the order asked for."""
        return self._carry_out(self._plans.get(ids, with_vectors, self._within(deadline_s)))

    def delete(self, ids: Sequence[str] = (), *, filter: Filter | None = None, deadline_s: float | None = None) -> int:
        """Removes points that have one of the ids or pass the filter, and says how many. `{}` passes every point."""
        return self._carry_out(self._plans.delete(ids, filter, self._within(deadline_s)))

    def count(self, *, filter: Filter | None = None, deadline_s: float | None = None) -> int:
        """How many points pass the filter."""
        return self._carry_out(self._plans.count(filter, self._within(deadline_s)))

    def health(self, service: str = "", *, deadline_s: float | None = None) -> bool:
        """Whether the server, or one service such as "anybind.v1.Retrieval", is ready to answer."""
        request = health_pb2.HealthCheckRequest(service=service)
        answer = self._carry_out(self._plans.call("Health/Check", request, self._within(deadline_s)))
        return answer.status == health_pb2.HealthCheckResponse.SERVING

    def close(self) -> None:
        """Ends the connection; calls under way are cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _within(self, deadline_s: float | None) -> float:
        return self._deadline_s if deadline_s is None else deadline_s

    def _carry_out(self, plan: Plan) -> Any:
        """Does what the plan says, step by step, and returns what it returns."""
        try:
            step = plan.send(None)
            while True:
                try:
                    answer = self._do(step)
                except grpc.RpcError as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(answer)
        except StopIteration as end:
            return end.value

    def _do(self, step: Send | Wait) -> Any:
        if isinstance(step, Wait):
            return time.sleep(step.seconds)
        service, method = step.method.split("/")
        return getattr(self._services[service], method)(step.request, timeout=step.timeout_s, metadata=self._metadata)

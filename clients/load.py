"""Load on a running server: how long answers take, and how many come, by modality."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc
import numpy as np

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1 import embedding_pb2_grpc
from .connection import Connection
from .items import Item

_QUANTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}


@dataclass(frozen=True)
class Load:
    """What is asked of the server. Nothing is retried: a refusal is a result.

    With `rate_s` calls begin at random moments, so many a second on average, whether or not earlier ones have been
    answered, and an answer's time counts from the moment its call was due (open loop). Without, `clients` callers
    each wait for an answer before they call again (closed loop).
    """

    items: Sequence[Item]  # sent in turn
    seconds: float = 10.0
    warm_up_s: float = 2.0  # not counted
    clients: int = 4
    rate_s: float = 0.0
    deadline_s: float = 30.0


@dataclass
class Measured:
    """What came of it, by modality."""

    seconds: float = 0.0
    answers_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def lines(self) -> list[dict[str, object]]:
        """One row a modality, then "all": answers, errors by name, answers a second, and quantiles in milliseconds."""
        modalities = sorted({*self.answers_ms, *self.errors})
        rows = [self._line(name, self.answers_ms[name], self.errors[name]) for name in modalities]
        everything = [ms for name in modalities for ms in self.answers_ms[name]]
        return [*rows, self._line("all", everything, sum((self.errors[name] for name in modalities), Counter()))]

    def _line(self, modality: str, answers_ms: list[float], errors: Counter[str]) -> dict[str, object]:
        values = np.quantile(answers_ms, list(_QUANTILES.values())).round(3).tolist() if answers_ms else [None] * 4
        return {
            "modality": modality,
            "answers": len(answers_ms),
            "errors": dict(errors),
            "answers_per_s": round(len(answers_ms) / self.seconds, 2),
            **dict(zip(_QUANTILES, values, strict=True)),
        }


async def put(load: Load, connection: Connection) -> Measured:
    """Puts the load on the server, which must be there.

    Raises:
      grpc.aio.AioRpcError: it does not answer at all.
    """
    async with connection.aio_channel() as channel:
        stub = embedding_pb2_grpc.EmbeddingStub(channel)
        await stub.Info(pb.InfoRequest(), timeout=load.deadline_s, metadata=connection.metadata)
        caller = _Caller(load, stub, connection.metadata)
        await (caller.open_loop() if load.rate_s else caller.closed_loop())
        return caller.measured


class _Caller:
    def __init__(self, load: Load, stub: embedding_pb2_grpc.EmbeddingStub, metadata: Sequence[tuple[str, str]]) -> None:
        self._load, self._stub, self._metadata = load, stub, metadata
        self._requests = [(item.modality, pb.EmbedRequest(items=[item.proto])) for item in load.items]
        self._sent = 0
        self._counting_from = time.monotonic() + load.warm_up_s
        self._end = self._counting_from + load.seconds
        self.measured = Measured(seconds=load.seconds)

    async def closed_loop(self) -> None:
        async def caller() -> None:
            while time.monotonic() < self._end:
                await self._call(time.monotonic())

        await asyncio.gather(*(caller() for _ in range(self._load.clients)))

    async def open_loop(self) -> None:
        due_s = time.monotonic()
        async with asyncio.TaskGroup() as calls:
            while (due_s := due_s + random.expovariate(self._load.rate_s)) < self._end:
                await asyncio.sleep(max(due_s - time.monotonic(), 0))
                calls.create_task(self._call(due_s))

    async def _call(self, due_s: float) -> None:
        modality, request = self._requests[self._sent % len(self._requests)]
        self._sent += 1
        error = ""
        try:
            response = await self._stub.Embed(request, timeout=self._load.deadline_s, metadata=self._metadata)
            if response.results[0].HasField("error"):
                error = pb.ErrorCode.Name(response.results[0].error.code).removeprefix("ERROR_CODE_")
        except grpc.aio.AioRpcError as failure:
            error = failure.code().name
        now_s = time.monotonic()
        if not self._counting_from <= now_s < self._end:
            return
        if error:
            self.measured.errors[modality][error] += 1
        else:
            self.measured.answers_ms[modality].append(1e3 * (now_s - due_s))

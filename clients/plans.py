"""What a client does, step by step, without doing it: each plan yields requests and waits, and is given the answers.

Both clients carry out the same plans, one blocking, one awaiting. So what is sent, repeated and read is written once.

A request is repeated when it is safe to repeat and the server is not there, or asks to come again. Between tries it
waits as long as the server asked, else 0.1 s, doubling; up to half as long again, so that clients do not return
together; never past the deadline.
"""

import math
import random
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from google.protobuf.message import Message

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1 import retrieval_pb2 as rpb
from .answers import Hit, Point, read_outcome, read_point
from .errors import AnybindError, CallError, Overloaded, Unavailable, from_item, from_rpc
from .items import Item
from .requests import Filter, make_filter

MAX_TRIES = 4
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0
_ITEMS_A_CALL = 64
_BYTES_A_CALL = 16 << 20


@dataclass(frozen=True)
class Send:
    """A call to make. It answers with its response, or throws its `grpc.RpcError` into the plan."""

    method: str  # service and method, such as "Embedding/Embed"
    request: Message
    timeout_s: float | None


@dataclass(frozen=True)
class Wait:
    """Seconds to let pass."""

    seconds: float


Plan = Generator[Send | Wait, Any, Any]


class _Tries:
    """One request's tries, all of them within one deadline."""

    def __init__(self, deadline_s: float) -> None:
        self._until = time.monotonic() + deadline_s
        self._made = 0

    def left_s(self) -> float | None:
        """Seconds until the deadline, as gRPC takes them: None where there is none, and never quite 0."""
        return None if math.isinf(self._until) else max(self._until - time.monotonic(), 0.001)

    def delay_s(self, asked_s: float) -> float | None:
        """How long to wait before the next try; None where there should be none."""
        self._made += 1
        wait_s = asked_s or min(_FIRST_DELAY_S * 2 ** (self._made - 1), _LONGEST_DELAY_S)
        wait_s *= random.uniform(1, 1.5)
        return wait_s if self._made < MAX_TRIES and time.monotonic() + wait_s < self._until else None


class Plans:
    """The plans for one server. Every `deadline_s` is of one request with its repetitions; infinity is none."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, method: str, request: Message, deadline_s: float, *, repeat: bool = True) -> Plan:
        """One request, repeated where that is safe and may help. Returns its response."""
        return (yield from self._send(method, request, _Tries(deadline_s), repeat))

    def embed(self, items: Sequence[Item], deadline_s: float) -> Plan:
        """Every item's vector, or the first item's error. Returns float32 (n, embedding_size)."""
        outcomes = yield from self.embed_each(items, False, deadline_s)
        _raise_first(outcomes, "embed_each")
        if not outcomes:
            info = yield from self.call("Embedding/Info", pb.InfoRequest(), deadline_s)
            return np.empty((0, info.embedding_size), np.float32)
        return np.stack([outcome.vector for outcome in outcomes])

    def embed_each(self, items: Sequence[Item], with_clips: bool, deadline_s: float) -> Plan:
        """Every item's outcome, an `Embedding` or an `ItemError`, in order."""
        _check_items(items)

        def send(tries: _Tries, some: Sequence[int]) -> Plan:
            request = pb.EmbedRequest(items=[items[index].proto for index in some])
            for item in request.items:
                item.with_clips = with_clips
            response = yield from self._send("Embedding/Embed", request, tries)
            return [
                read_outcome(result, response.space_id, index, items[index].uri)
                for index, result in zip(some, response.results, strict=True)
            ]

        return (yield from self._each([len(item.proto.data) for item in items], send, deadline_s))

    def upsert(self, points: Sequence[rpb.PointInput], deadline_s: float) -> Plan:
        """Every point's id, or the first point's error."""
        outcomes = yield from self.upsert_each(points, deadline_s)
        _raise_first(outcomes, "upsert_each")
        return outcomes

    def upsert_each(self, points: Sequence[rpb.PointInput], deadline_s: float) -> Plan:
        """Every point's outcome, its id or an `ItemError`, in order."""

        def send(tries: _Tries, some: Sequence[int]) -> Plan:
            request = rpb.UpsertRequest(points=[points[index] for index in some])
            response = yield from self._send("Retrieval/Upsert", request, tries)
            return [
                from_item(result.error, index, points[index].uri) if result.HasField("error") else result.id
                for index, result in zip(some, response.results, strict=True)
            ]

        return (yield from self._each([len(point.item.data) for point in points], send, deadline_s))

    def search(self, request: rpb.SearchRequest, deadline_s: float) -> Plan:
        """The hits."""
        response = yield from self.call("Retrieval/Search", request, deadline_s)
        return [Hit(read_point(hit.point), hit.score) for hit in response.hits]

    def get(self, ids: Sequence[str], with_vectors: bool, deadline_s: float) -> Plan:
        """The points that exist, in the order asked for."""
        found: list[Point] = []
        for start in range(0, len(ids), 1000):
            request = rpb.GetRequest(ids=ids[start : start + 1000], with_vectors=with_vectors)
            response = yield from self.call("Retrieval/Get", request, deadline_s)
            found += [read_point(point) for point in response.points]
        return found

    def delete(self, ids: Sequence[str], filter: Filter | None, deadline_s: float) -> Plan:
        """How many points are gone. Never repeated: the second answer would be another number."""
        request = rpb.DeleteRequest(ids=ids, filter=None if filter is None else make_filter(filter))
        response = yield from self.call("Retrieval/Delete", request, deadline_s, repeat=False)
        return response.deleted

    def count(self, filter: Filter | None, deadline_s: float) -> Plan:
        """How many points there are."""
        request = rpb.CountRequest(filter=make_filter(filter or {}))
        response = yield from self.call("Retrieval/Count", request, deadline_s)
        return response.count

    def _send(self, method: str, request: Message, tries: _Tries, repeat: bool = True) -> Plan:
        while True:
            try:
                return (yield Send(method, request, tries.left_s()))
            except grpc.RpcError as error:
                failure = from_rpc(error, self._address)
                delay_s = tries.delay_s(failure.retry_delay_s) if repeat and _may_pass(failure) else None
                if delay_s is None:
                    raise failure from error
                yield Wait(delay_s)

    def _each(self, sizes: Sequence[int], send: Any, deadline_s: float) -> Plan:
        """Every outcome, in order: sent some at a time, and those that found no room sent again."""
        outcomes: list[Any] = [None] * len(sizes)
        for some in _chunks(sizes):
            tries = _Tries(deadline_s)
            while some:
                for index, outcome in zip(some, (yield from send(tries, some)), strict=True):
                    outcomes[index] = outcome
                asked_s = {index: getattr(outcomes[index], "retry_delay_s", 0) for index in some}
                some = [index for index in some if asked_s[index] > 0]
                delay_s = tries.delay_s(max(asked_s.values())) if some else None
                if delay_s is None:
                    break
                yield Wait(delay_s)
        return outcomes


def _chunks(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Indices, some at a time: few enough for one request, in number and in bytes."""
    some: list[int] = []
    total = 0
    for index, size in enumerate(sizes):
        if some and (len(some) == _ITEMS_A_CALL or total + size > _BYTES_A_CALL):
            yield some
            some, total = [], 0
        some.append(index)
        total += size
    if some:
        yield some


def _may_pass(failure: CallError) -> bool:
    return isinstance(failure, Unavailable) or (isinstance(failure, Overloaded) and failure.retry_delay_s > 0)


def _check_items(items: Iterable[Item]) -> None:
    if isinstance(items, Item | str | bytes) or not all(isinstance(item, Item) for item in items):
        raise TypeError('embed takes a list of items, such as [anybind.text("a dog"), anybind.image("dog.jpg")]')


def _raise_first(outcomes: Sequence[object], fuller: str) -> None:
    failures = [outcome for outcome in outcomes if isinstance(outcome, AnybindError)]
    if failures:
        if len(failures) > 1:
            failures[0].add_note(f"{len(failures) - 1} more of {len(outcomes)} failed; {fuller} gives every outcome.")
        raise failures[0]

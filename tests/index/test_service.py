"""What the retrieval service promises whatever stands behind it, asked of a server in this process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import grpc
import pytest
import toys
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import retrieval_pb2 as rpb
from anybind.proto.v1 import retrieval_pb2_grpc
from anybind.server.index import IndexDown
from anybind.server.serve import Server, Settings, StartError, start

WORDS = rpb.PointInput(item=pb.Item(modality="text", text="a dog"), uri="/1")

Serving = Callable[..., Awaitable[tuple[Server, retrieval_pb2_grpc.RetrievalStub]]]


@pytest.fixture
async def serving(tmp_path) -> AsyncIterator[Serving]:
    """Starts a server of a text model with some settings, and gives it with a stub of its service."""
    async with AsyncExitStack() as closing:

        async def begin(**settings):
            model = toys.artifact(tmp_path / "toy", ("text",))
            server = await start(Settings(model=str(model), address="127.0.0.1:0", isolate=False, **settings))
            closing.push_async_callback(server.stop, 1.0)
            channel = await closing.enter_async_context(grpc.aio.insecure_channel(server.address))
            return server, retrieval_pb2_grpc.RetrievalStub(channel)

        yield begin


async def test_without_an_index_every_call_says_how_to_have_one(serving):
    _, stub = await serving()
    for call, request in [
        (stub.Upsert, rpb.UpsertRequest()),
        (stub.Search, rpb.SearchRequest()),
        (stub.Delete, rpb.DeleteRequest()),
        (stub.Get, rpb.GetRequest()),
        (stub.Count, rpb.CountRequest()),
    ]:
        with pytest.raises(grpc.aio.AioRpcError, match="--index") as refusal:
            await call(request)
        assert refusal.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_points_count_among_the_bytes_a_server_holds(serving, tmp_path):
    server, stub = await serving(index=str(tmp_path / "points"), held_bytes=1000)
    server.permits.take(1000)
    for call, request in [
        (stub.Upsert, rpb.UpsertRequest(points=[WORDS])),
        (stub.Search, rpb.SearchRequest(item=WORDS.item)),
    ]:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await call(request)
        assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        details = Status.FromString(dict(refusal.value.trailing_metadata())["grpc-status-details-bin"]).details
        retry = RetryInfo()
        assert any(detail.Unpack(retry) for detail in details)
        assert retry.retry_delay.ToNanoseconds() > 0
    server.permits.give_back(1000)
    await stub.Upsert(rpb.UpsertRequest(points=[WORDS]))
    assert server.permits.held_bytes == 0


async def test_an_id_is_derived_from_modality_and_uri_or_else_random(serving, tmp_path):
    _, stub = await serving(index=str(tmp_path / "points"))
    nameless = rpb.PointInput(item=WORDS.item)
    answer = await stub.Upsert(rpb.UpsertRequest(points=[WORDS, WORDS, nameless, nameless]))
    first, again, third, fourth = (result.id for result in answer.results)
    assert first == again == "97f5e5b6-7a41-5202-b8d5-e926d36da6ee"
    assert len({first, third, fourth}) == 3
    assert (await stub.Count(rpb.CountRequest())).count == 3


async def test_an_id_may_be_written_in_any_form_of_a_uuid(serving, tmp_path):
    _, stub = await serving(index=str(tmp_path / "points"))
    point = rpb.PointInput(item=WORDS.item, id="{0F0E0D0C-0B0A-0908-0706-050403020100}")
    (result,) = (await stub.Upsert(rpb.UpsertRequest(points=[point]))).results
    assert result.id == "0f0e0d0c-0b0a-0908-0706-050403020100"
    assert len((await stub.Get(rpb.GetRequest(ids=[point.id, result.id]))).points) == 1


async def test_the_number_of_points_and_ids_is_limited(serving, tmp_path):
    server, stub = await serving(index=str(tmp_path / "points"))
    for call, request in [
        (stub.Upsert, rpb.UpsertRequest()),
        (stub.Upsert, rpb.UpsertRequest(points=[WORDS] * (server.engine.limits.items + 1))),
        (stub.Get, rpb.GetRequest()),
        (stub.Get, rpb.GetRequest(ids=["x"] * 1001)),
        (stub.Search, rpb.SearchRequest(item=WORDS.item, top_k=1001)),
        (stub.Search, rpb.SearchRequest()),
    ]:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await call(request)
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_point_without_a_source_fails_alone(serving, tmp_path):
    _, stub = await serving(index=str(tmp_path / "points"))
    answer = await stub.Upsert(rpb.UpsertRequest(points=[rpb.PointInput(uri="/2"), WORDS]))
    assert answer.results[0].error.code == pb.ERROR_CODE_INVALID_ARGUMENT
    assert answer.results[1].id


async def test_an_index_that_fails_is_unavailable_and_says_why(serving, tmp_path, monkeypatch):
    server, stub = await serving(index=str(tmp_path / "points"))

    def fail(*_):
        raise IndexDown("The disk is full.")

    monkeypatch.setattr(server._index, "upsert", fail)
    with pytest.raises(grpc.aio.AioRpcError, match="The disk is full") as refusal:
        await stub.Upsert(rpb.UpsertRequest(points=[WORDS]))
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_server_whose_index_is_held_does_not_start(serving, tmp_path):
    await serving(index=str(tmp_path / "points"))
    with pytest.raises(StartError, match="held open"):
        await serving(index=str(tmp_path / "points"))


async def test_every_acknowledged_point_outlives_the_server(serving, tmp_path):
    server, stub = await serving(index=str(tmp_path / "points"))
    await stub.Upsert(rpb.UpsertRequest(points=[WORDS]))
    await server.stop(1.0)
    _, stub = await serving(index=str(tmp_path / "points"))
    assert (await stub.Count(rpb.CountRequest())).count == 1

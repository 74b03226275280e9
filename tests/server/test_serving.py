"""The Embedding service through its front door."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import media
import numpy as np
import pytest
import toys
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import retrieval_pb2
from anybind.proto.v1.embedding_pb2_grpc import EmbeddingStub
from anybind.proto.v1.retrieval_pb2_grpc import RetrievalStub
from anybind.server.limits import Limits

GOOD = {
    "image": {"data": media.picture()},
    "text": {"text": "a dog"},
    "audio": {"data": media.sound()},
    "depth": {"data": media.depth_png(np.full((20, 20), 1500))},
    "thermal": {"data": media.picture(mode="L")},
    "imu": {"data": media.npy(np.ones((6, 40), np.float32))},
}


def item(modality: str, **content: object) -> pb.Item:
    return pb.Item(modality=modality, **(content or GOOD[modality]))


def vector(result: pb.ItemResult) -> np.ndarray:
    assert result.WhichOneof("outcome") == "embedding", result.error
    return np.frombuffer(result.embedding.data, "<f4")


async def test_every_modality_answers_with_a_unit_vector(stub: EmbeddingStub) -> None:
    response = await stub.Embed(pb.EmbedRequest(items=[item(modality) for modality in GOOD]))
    for modality, result in zip(GOOD, response.results, strict=True):
        assert vector(result).shape == (toys.EMBEDDING_SIZE,)
        assert np.linalg.norm(vector(result)) == pytest.approx(1, abs=1e-6)
        assert result.embedding.modality == modality
    assert len(response.space_id) == 32


async def test_the_vector_is_the_graph_s_own(stub: EmbeddingStub) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (toys.SIDE, toys.SIDE, 3), dtype=np.uint8)
    response = await stub.Embed(pb.EmbedRequest(items=[item("image", data=media.npy(pixels))]))
    np.testing.assert_allclose(vector(response.results[0]), toys.reference("image", pixels[None])[0], atol=1e-6)


async def test_texts_of_unequal_length_share_a_batch_and_keep_their_vectors(stub: EmbeddingStub) -> None:
    texts = ["a", "a dog runs", "cat"]
    together = await stub.Embed(pb.EmbedRequest(items=[item("text", text=text) for text in texts]))
    for text, result in zip(texts, together.results, strict=True):
        alone = await stub.Embed(pb.EmbedRequest(items=[item("text", text=text)]))
        np.testing.assert_allclose(vector(result), vector(alone.results[0]), atol=1e-6)


BAD = {
    "a truncated picture": (item("image", data=media.picture()[:60]), pb.ERROR_CODE_UNDECODABLE),
    "a picture of no bytes": (item("image", data=b""), pb.ERROR_CODE_EMPTY),
    "a picture of 60,000 squared": (item("image", data=media.huge_png(60_000, 60_000)), pb.ERROR_CODE_TOO_LARGE),
    "a sound of no seconds": (item("audio", data=media.sound(0.0)), pb.ERROR_CODE_EMPTY),
    "a sound of three hours": (item("audio", data=media.long_wav(10_800, 1_000)), pb.ERROR_CODE_TOO_LARGE),
    "a sound with NaN": (item("audio", data=media.npy(np.full(9_000, np.nan))), pb.ERROR_CODE_NOT_FINITE),
    "a depth map with NaN": (item("depth", data=media.npy(np.full((9, 9), np.nan))), pb.ERROR_CODE_NOT_FINITE),
    "a pickled array": (
        item("imu", data=media.npy(np.array([print], dtype=object), allow_pickle=True)),
        pb.ERROR_CODE_UNDECODABLE,
    ),
    "empty text": (item("text", text=""), pb.ERROR_CODE_EMPTY),
    "a megabyte of text": (item("text", text="x" * (1 << 20)), pb.ERROR_CODE_TOO_LARGE),
    "an unknown modality": (item("smell", text="rose"), pb.ERROR_CODE_UNKNOWN_MODALITY),
    "no modality": (item("", text="rose"), pb.ERROR_CODE_UNKNOWN_MODALITY),
    "no content": (pb.Item(modality="image"), pb.ERROR_CODE_EMPTY),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_bad_item_fails_alone_and_its_neighbours_answer(stub: EmbeddingStub, what: str) -> None:
    bad, code = BAD[what]
    response = await stub.Embed(pb.EmbedRequest(items=[item("image"), bad, item("text")]))
    assert response.results[1].error.code == code
    assert response.results[1].error.message.endswith(".")
    assert "Traceback" not in response.results[1].error.message
    vector(response.results[0])
    vector(response.results[2])


async def test_clips_come_with_their_spans_when_asked_for(stub: EmbeddingStub) -> None:
    sound = pb.Item(modality="audio", data=media.sound(2.0), with_clips=True)
    (result,) = (await stub.Embed(pb.EmbedRequest(items=[sound]))).results
    assert [(clip.start_s, clip.end_s) for clip in result.clips] == [(0, 0.5), (0.75, 1.25), (1.5, 2.0)]
    clips = np.stack([np.frombuffer(clip.data, "<f4") for clip in result.clips])
    mean = clips.mean(axis=0)
    np.testing.assert_allclose(vector(result), mean / np.linalg.norm(mean), atol=1e-6)


async def test_a_reply_tells_where_the_time_went(stub: EmbeddingStub) -> None:
    (result,) = (await stub.Embed(pb.EmbedRequest(items=[item("image")]))).results
    assert result.timings.decode_ms > 0
    assert result.timings.inference_ms > 0
    assert result.timings.queue_ms >= 0


@pytest.mark.parametrize(
    ("count", "words"), [(0, "The request has no items"), (5, "The request has 5 items; the limit is 4")]
)
async def test_too_few_or_too_many_items_fail_the_call(starting, count: int, words: str) -> None:
    server = await starting(limits=Limits(items=4))
    async with grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match=words) as failure:
            await EmbeddingStub(channel).Embed(pb.EmbedRequest(items=[item("text")] * count))
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_message_over_the_limit_fails_the_call_and_the_next_one_answers(starting) -> None:
    server = await starting(limits=Limits(message_bytes=10_000))
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = EmbeddingStub(channel)
        with pytest.raises(grpc.aio.AioRpcError, match="larger than max") as failure:
            await stub.Embed(pb.EmbedRequest(items=[item("image", data=bytes(10_001))]))
        assert failure.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert vector((await stub.Embed(pb.EmbedRequest(items=[item("text")]))).results[0]).any()


async def test_bytes_past_what_the_server_holds_are_refused_with_a_time_to_return(starting) -> None:
    server = await starting(held_bytes=10)
    with server.permits.hold(1):  # one that is being answered
        async with grpc.aio.insecure_channel(server.address) as channel:
            with pytest.raises(grpc.aio.AioRpcError, match="more do not fit") as failure:
                await EmbeddingStub(channel).Embed(pb.EmbedRequest(items=[item("image")]))
    assert failure.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay_s(failure.value) > 0


def retry_delay_s(error: grpc.aio.AioRpcError) -> float:
    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    info = RetryInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return info.retry_delay.ToNanoseconds() / 1e9


async def test_points_to_store_need_room_as_well(starting, tmp_path: Path) -> None:
    server = await starting(held_bytes=10, index=str(tmp_path / "points"))
    request = retrieval_pb2.UpsertRequest(points=[retrieval_pb2.PointInput(item=item("image"))])
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = RetrievalStub(channel)
        with server.permits.hold(1), pytest.raises(grpc.aio.AioRpcError, match="more do not fit"):
            await stub.Upsert(request)
        assert (await stub.Upsert(request)).results[0].id


async def test_info_says_what_is_served(stub: EmbeddingStub) -> None:
    info = await stub.Info(pb.InfoRequest())
    assert [modality.encoder.modality for modality in info.modalities] == list(toys.MODALITIES)
    assert info.embedding_size == toys.EMBEDDING_SIZE
    assert info.licence == "Apache-2.0"
    assert info.limits == Limits().to_proto()
    assert {modality.provider for modality in info.modalities} == {"CPUExecutionProvider"}
    assert all(modality.golden_difference <= modality.encoder.tolerance for modality in info.modalities)
    assert not info.has_index


async def test_a_subset_of_modalities_may_be_served(starting) -> None:
    server = await starting(modalities=("text",))
    async with grpc.aio.insecure_channel(server.address) as channel:
        response = await EmbeddingStub(channel).Embed(pb.EmbedRequest(items=[item("text"), item("image")]))
    vector(response.results[0])
    assert "serves text. Name one of these" in response.results[1].error.message


@pytest.mark.parametrize("service", ["", "anybind.v1.Embedding", "anybind.v1.Retrieval"])
async def test_health_is_told_per_service(channel: grpc.aio.Channel, service: str) -> None:
    response = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    assert response.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_lists_the_services(channel: grpc.aio.Channel) -> None:
    async def requests() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async for response in reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(requests()):
        names = {service.name for service in response.list_services_response.service}
    assert {"anybind.v1.Embedding", "anybind.v1.Retrieval", "grpc.health.v1.Health"} <= names
